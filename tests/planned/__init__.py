"""Proves that the plan of a night keeps what the bank declared: gates, limits, the rhythm, the record."""
