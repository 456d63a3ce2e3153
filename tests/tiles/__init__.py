"""A night carried from the night before is the night computed from all rows, bit for bit."""
