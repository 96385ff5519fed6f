"""Values of the stack's entries in Secrets Manager."""
