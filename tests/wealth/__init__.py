"""Suitability keeps its rules with their vectors; model portfolios keep their sums, caps, costs and order."""
