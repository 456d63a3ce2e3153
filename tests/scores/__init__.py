"""Scores: nothing of the future is learned from, nobody who refused is scored, what is kept is applied."""
