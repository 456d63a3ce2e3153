"""Proves that golden records follow the declared rules, never mix a group, and are the night's values."""
