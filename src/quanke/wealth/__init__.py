"""Wealth: who may hold what, model portfolios, and the few trades that bring each customer near his own."""
