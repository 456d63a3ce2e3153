"""Quanke (全客): the platform with which a retail bank runs its whole customer base.

import quanke
bank = quanke.open("home")
bank.night("2026-06-30").profile          # pyarrow.Table, one row per customer
bank.count('tier == "core" and aum_90d >= 8万元')
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = ["Bank", "open"]

if TYPE_CHECKING:
    from quanke.night import Bank
    from quanke.night import open_home as open


def __getattr__(name: str) -> object:
    """Load the engines only when they are asked for: `import quanke` alone stays cheap."""
    if name == "open":
        from quanke.night import open_home

        return open_home
    if name == "Bank":
        from quanke.night import Bank

        return Bank
    raise AttributeError(name)
