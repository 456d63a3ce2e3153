"""Books: who looks after whom. A service matrix says how a customer is looked after; everybody is assigned to
a post, all customers and posts at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quanke.books.matrix import DEFAULT_MATRIX, OccasionRules, ServiceMatrix, ServiceStandard
from quanke.books.matrix_file import read_matrix
from quanke.books.matrix_tags import matrix_definitions

__all__ = [
    "DEFAULT_MATRIX",
    "Assignment",
    "OccasionRules",
    "ServiceMatrix",
    "ServiceStandard",
    "assign",
    "matrix_definitions",
    "read_matrix",
]

if TYPE_CHECKING:
    from quanke.books.assignment import Assignment, assign


def __getattr__(name: str) -> object:
    """Load the assignment only when it is asked for: numba and OR-Tools take seconds to import, and the
    matrix is needed by every command."""
    if name in ("Assignment", "assign"):
        from quanke.books import assignment

        return getattr(assignment, name)
    raise AttributeError(name)
