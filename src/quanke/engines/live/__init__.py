"""The NumPy engine: the same definitions over a batch of rows, for events as they come."""

from __future__ import annotations

from quanke.engines.live.columns import Column, column_of, values_of
from quanke.engines.live.engine import LiveEngine
from quanke.engines.live.lowering import LOWERINGS
from quanke.engines.live.opening import Opening, Openings
from quanke.engines.live.program import Program, evaluate

__all__ = [
    "LOWERINGS",
    "Column",
    "LiveEngine",
    "Opening",
    "Openings",
    "Program",
    "column_of",
    "evaluate",
    "values_of",
]
