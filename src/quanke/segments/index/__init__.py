"""The audience index: who is in a group, answered from packed words in milliseconds."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quanke.segments.index.build import build_column, words_from
    from quanke.segments.index.conditions import Evaluate
    from quanke.segments.index.members import Members
    from quanke.segments.index.store import AudienceIndex, write_index

__all__ = ["AudienceIndex", "Evaluate", "Members", "build_column", "words_from", "write_index"]
_MODULES = {
    "AudienceIndex": "store",
    "Evaluate": "conditions",
    "Members": "members",
    "build_column": "build",
    "words_from": "build",
    "write_index": "store",
}


def __getattr__(name: str) -> object:
    """Load a name when it is asked for: the kernels bring numba, which takes a second to import, and what
    only hides sizes needs none of it."""
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(name)
