"""Uplift: ranked customers are measured by the written formulas, effects that are there are found, effects
that are not there are not, and every interval holds the truth as often as it says."""
