"""Model portfolios: what a customer of each risk class should hold, tested on the past with costs."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__all__ = [
    "STANDARD_ASSETS",
    "STANDARD_LIMITS",
    "Asset",
    "Backtest",
    "Fallback",
    "Frontier",
    "HouseView",
    "ModelPortfolioStore",
    "ModelPortfolios",
    "ModelSettings",
    "ShareLimit",
    "View",
    "asset_class_of",
    "caps_by",
    "frontier",
    "read_house_view",
    "read_settings",
    "walk_forward",
]

if TYPE_CHECKING:
    from quanke.wealth.portfolios.assets import (
        STANDARD_ASSETS,
        STANDARD_LIMITS,
        Asset,
        ShareLimit,
        asset_class_of,
        caps_by,
    )
    from quanke.wealth.portfolios.backtest import Backtest, walk_forward
    from quanke.wealth.portfolios.critical_line import Frontier, frontier
    from quanke.wealth.portfolios.fallbacks import Fallback
    from quanke.wealth.portfolios.house_view import HouseView, View, read_house_view
    from quanke.wealth.portfolios.models import ModelPortfolios
    from quanke.wealth.portfolios.settings import ModelSettings, read_settings
    from quanke.wealth.portfolios.store import ModelPortfolioStore

_PLACES = {
    "Backtest": "backtest",
    "Fallback": "fallbacks",
    "Frontier": "critical_line",
    "HouseView": "house_view",
    "ModelPortfolioStore": "store",
    "ModelPortfolios": "models",
    "ModelSettings": "settings",
    "View": "house_view",
    "frontier": "critical_line",
    "read_house_view": "house_view",
    "read_settings": "settings",
    "walk_forward": "backtest",
}


def __getattr__(name: str) -> object:
    """Load only what is asked for: the optimisers take seconds to import."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES.get(name, 'assets')}"), name)
