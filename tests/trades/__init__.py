"""Trades: every rule is kept, no fewer would do, the same comes out again, and words put risks first."""
