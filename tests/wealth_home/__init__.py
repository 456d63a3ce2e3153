"""Proves that a night proposes what the rules allow, to who agreed, and keeps what became of it."""
