"""What encrypts data."""
