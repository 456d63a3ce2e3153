"""Wealth: what a customer may hold, what would suit him, and the few trades that bring him there."""
