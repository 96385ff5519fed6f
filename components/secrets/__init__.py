"""Entries of Secrets Manager; their values come from elsewhere."""
