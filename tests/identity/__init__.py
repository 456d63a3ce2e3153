"""Proves that records of one person meet and those of two do not, in any order, however often delivered."""
