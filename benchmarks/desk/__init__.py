"""The desk under twenty people at once."""
