"""Incremental windows: what aggregates need is kept, so that a night reads only the new day.

`kept` says how each aggregate is kept, `statements` and `crossings` what is asked of DuckDB, `advance`
and `ledger` bring the tiles of a range of customers to the next night, `carry` the definitions that stand
on them.
"""

from __future__ import annotations

from quanke.engines.tiles.advance import Advanced, Range, TableRows, advance, default
from quanke.engines.tiles.carry import Carried, CarriedPart, PartBefore
from quanke.engines.tiles.kept import Keeping, Kept, Tiling
from quanke.engines.tiles.ledger import advance_balances, anchor_keys
from quanke.engines.tiles.part import TilePart, link

__all__ = [
    "Advanced",
    "Carried",
    "CarriedPart",
    "Keeping",
    "Kept",
    "PartBefore",
    "Range",
    "TableRows",
    "TilePart",
    "Tiling",
    "advance",
    "advance_balances",
    "anchor_keys",
    "default",
    "link",
]
