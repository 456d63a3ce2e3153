"""Trades: for every customer the fewest that bring what he holds near his model portfolio."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from quanke.wealth.trades.codes import Remains, Side, TradeReason

__all__ = [
    "AdviceFacts",
    "ClassStanding",
    "EducationItem",
    "Holders",
    "NeedRules",
    "Positions",
    "Proposals",
    "Remains",
    "Shelf",
    "Side",
    "Targets",
    "TradeReason",
    "TradeRules",
    "TradeTold",
    "TradeWords",
    "cash_needs",
    "education_for",
    "education_items",
    "propose",
    "read_education",
    "trade_words",
]

if TYPE_CHECKING:
    from quanke.wealth.trades.education import (
        EducationItem,
        education_for,
        education_items,
        read_education,
    )
    from quanke.wealth.trades.inputs import Holders, Positions, Shelf, Targets
    from quanke.wealth.trades.needs import NeedRules, cash_needs
    from quanke.wealth.trades.proposals import Proposals, propose
    from quanke.wealth.trades.rules import TradeRules
    from quanke.wealth.trades.words import AdviceFacts, ClassStanding, TradeTold, TradeWords, trade_words

_PLACES = {
    **dict.fromkeys(("Holders", "Positions", "Shelf", "Targets"), "inputs"),
    **dict.fromkeys(("EducationItem", "education_for", "education_items", "read_education"), "education"),
    **dict.fromkeys(("NeedRules", "cash_needs"), "needs"),
    **dict.fromkeys(("Proposals", "propose"), "proposals"),
    "TradeRules": "rules",
}
"""Where each name stands; the others are words."""


def __getattr__(name: str) -> object:
    """Load the kernel only when it is asked for: compiled code takes seconds to import."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES.get(name, 'words')}"), name)
