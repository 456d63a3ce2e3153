"""Proves that Quanke meets known facts of real data it did not write; skipped where the data is absent."""
