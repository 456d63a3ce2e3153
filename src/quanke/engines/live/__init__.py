"""The NumPy engine: the same definitions over a batch of rows, for events as they come."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
_MODULES = {
    "LOWERINGS": "lowering",
    "Column": "columns",
    "LiveEngine": "engine",
    "Opening": "opening",
    "Openings": "opening",
    "Program": "program",
    "column_of": "columns",
    "evaluate": "program",
    "values_of": "columns",
}


def __getattr__(name: str) -> object:
    """Load a name when it is asked for: nights need the columns only, and the engine's tables make pyarrow
    import pandas where it is installed, which takes a second."""
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(name)
