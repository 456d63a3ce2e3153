"""Words the sample bank is made of (surnames, roads, trades, shops ...): `words.json` beside this module."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def words() -> dict[str, Any]:
    """The whole file. Surnames carry weights; trades and shops the position of their sector."""
    text = files("quanke.bank.sample").joinpath("words.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def listed(name: str) -> list[str]:
    """One list of words; a string is a list of its characters."""
    return list(words()[name])
