"""Books: who looks after whom. Everybody is assigned to a post, all customers and posts at once."""

from __future__ import annotations

from quanke.books.assignment import Assignment, assign

__all__ = ["Assignment", "assign"]
