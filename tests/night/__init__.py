"""Proves that a night is what its definitions say, is published whole or not at all, and never changes."""
