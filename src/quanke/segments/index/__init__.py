"""The audience index: who is in a group, answered from packed words in milliseconds."""

from __future__ import annotations

from quanke.segments.index.build import build_column, words_from
from quanke.segments.index.conditions import Evaluate
from quanke.segments.index.members import Members
from quanke.segments.index.store import AudienceIndex, write_index

__all__ = ["AudienceIndex", "Evaluate", "Members", "build_column", "words_from", "write_index"]
