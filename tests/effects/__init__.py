"""Proves that effects are measured as textbooks do it, that intervals hold what they promise, and that what
cannot be measured is said or refused."""
