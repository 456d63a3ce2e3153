"""Proves that money, calendars and identifiers follow the rule book (domain.md sections 0 and 2)."""
