"""Books: who looks after whom. A service matrix says how a customer is looked after; everybody is assigned to
a post, all at once; a proposal is looked at, changed, approved, applied and taken back."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from quanke.books.matrix import DEFAULT_MATRIX, OccasionRules, ServiceMatrix, ServiceStandard
from quanke.books.matrix_file import read_matrix
from quanke.books.matrix_tags import matrix_definitions, matrix_metrics

__all__ = [
    "DEFAULT_MATRIX",
    "Assignment",
    "BookRules",
    "Clients",
    "Edit",
    "OccasionRules",
    "Posts",
    "Proposal",
    "ProposalStore",
    "ServiceMatrix",
    "ServiceStandard",
    "StoredProposal",
    "apply_proposal",
    "assign",
    "clients_of",
    "edited",
    "growth_credit",
    "interval_findings",
    "matrix_definitions",
    "matrix_metrics",
    "posts_on",
    "propose",
    "read_matrix",
    "undo_proposal",
]

if TYPE_CHECKING:
    from quanke.books.applying import apply_proposal, undo_proposal
    from quanke.books.assignment import Assignment, assign
    from quanke.books.clients import Clients, clients_of
    from quanke.books.credit import growth_credit
    from quanke.books.editing import Edit, edited
    from quanke.books.ownership import interval_findings
    from quanke.books.posts import Posts, posts_on
    from quanke.books.proposal import Proposal
    from quanke.books.proposing import propose
    from quanke.books.rules import BookRules
    from quanke.books.store import ProposalStore, StoredProposal

_LATER = {
    "Assignment": "assignment",
    "BookRules": "rules",
    "Clients": "clients",
    "Edit": "editing",
    "Posts": "posts",
    "Proposal": "proposal",
    "ProposalStore": "store",
    "StoredProposal": "store",
    "apply_proposal": "applying",
    "assign": "assignment",
    "clients_of": "clients",
    "edited": "editing",
    "growth_credit": "credit",
    "interval_findings": "ownership",
    "posts_on": "posts",
    "propose": "proposing",
    "undo_proposal": "applying",
}


def __getattr__(name: str) -> object:
    """Load the others only when they are asked for: numba and OR-Tools take seconds to import, and the matrix
    is needed by every command."""
    if name in _LATER:
        return getattr(import_module(f"quanke.books.{_LATER[name]}"), name)
    raise AttributeError(name)
