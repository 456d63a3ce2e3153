"""Trades: for every customer the fewest that bring what he holds near his model portfolio."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from quanke.wealth.trades.codes import Remains, Side, TradeReason

__all__ = [
    "Holders",
    "Positions",
    "Proposals",
    "Remains",
    "Shelf",
    "Side",
    "Targets",
    "TradeReason",
    "TradeRules",
    "propose",
]

if TYPE_CHECKING:
    from quanke.wealth.trades.inputs import Holders, Positions, Shelf, Targets
    from quanke.wealth.trades.proposals import Proposals, propose
    from quanke.wealth.trades.rules import TradeRules

_PLACES = {"Proposals": "proposals", "propose": "proposals", "TradeRules": "rules"}


def __getattr__(name: str) -> object:
    """Load the kernel only when it is asked for: compiled code takes seconds to import."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES.get(name, 'inputs')}"), name)
