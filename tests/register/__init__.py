"""Proves that who is who depends on records and decisions alone, can be undone, and that facts follow."""
