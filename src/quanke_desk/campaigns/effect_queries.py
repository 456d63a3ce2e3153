"""What campaigns changed, as the library measured and published it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb
from django.utils.translation import get_language

from quanke.bank.arranged import facts_sql
from quanke.effects.store import EffectStore, KeptEffect
from quanke.kernel.errors import EffectError
from quanke_desk.campaigns.named import version_of
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.asked_once import asked_once

WIDTH = 100.0


@dataclass(frozen=True)
class Campaign:
    """A campaign: registered in the home, or known by its pushes. `told` the last published effect (null:
    none is measured yet), `kept` the days there are. `trouble`: why none can be shown or measured, "" for
    nothing."""

    name: str
    title: str
    registered: bool
    first: str
    until: str
    told: dict[str, Any] | None
    kept: tuple[str, ...] = ()
    trouble: str = ""

    @property
    def can_be_kept(self) -> bool:
        """Whether its effect can be measured and kept under its name: only then it has a page."""
        return EffectStore.takes(self.name)

    @property
    def sentence(self) -> str:
        """The answer in the language of who looks; empty where nothing was measured."""
        if self.told is None:
            return ""
        return str(self.told["sentence" if _english() else "sentence_zh"])


def campaigns() -> list[Campaign]:
    """Every campaign of the home, the newest first."""
    of = base()
    registered = {each.path.name: each.design for each in of.bank.campaigns.all()}
    names = {*registered, *_pushed(str(of.bank.home.path))}
    # one whose month runs was looked at and is registered nowhere yet
    names |= {n for n in EffectStore(of.bank.home.path).names() if n not in names and version_of(n)}
    found = [_campaign(name, registered.get(name)) for name in names]
    return sorted(found, key=lambda c: (c.first, c.name), reverse=True)


def campaign(name: str) -> Campaign | None:
    """One campaign; null where there is none of this name, or none that could be kept."""
    if not EffectStore.takes(name):
        return None
    of = base()
    held = of.bank.campaigns.get(name)
    looked_at = version_of(name) is not None and EffectStore(of.bank.home.path).of(name)
    if held is None and not looked_at and name not in _pushed(str(of.bank.home.path)):
        return None
    return _campaign(name, held.design if held else None)


def _campaign(name: str, design: Any) -> Campaign:
    # pushes bear whatever the bank calls a campaign: one that cannot be kept is named, and spoils no other
    told: dict[str, Any] | None = None
    kept: list[KeptEffect] = []
    trouble, title = "", name
    try:
        kept = EffectStore(base().bank.home.path).of(name)
        told = kept[-1].content if kept else None
    except EffectError as error:
        trouble = error.message if _english() else error.message_zh
    if design is not None:
        title = design.title_en if _english() else design.title_zh
    elif told is not None:
        title = told.get("title_en" if _english() else "title_zh") or name
    first, until = (str(design.first_contact), str(design.until)) if design else ("", "")
    if told is not None and not first:
        first, until = str(told["first"]), str(told["closes"])
    days = tuple(k.path.stem for k in kept)
    return Campaign(name, title, design is not None, first, until, told, days, trouble)


def pushed_names() -> frozenset[str]:
    """Names of campaigns whose pushes are loaded."""
    return _pushed(str(base().bank.home.path))


@asked_once
def _pushed(home: str) -> frozenset[str]:
    """Names of campaigns whose pushes are loaded; those the plan makes by itself are none of people's."""
    with duckdb.connect() as connection:
        rows = connection.sql(
            f"SELECT DISTINCT campaign FROM ({facts_sql(base().bank.home, 'pushes')})"
        ).fetchall()
    return frozenset(name for (name,) in rows if not name.startswith("plan."))


def shown_outcomes(told: dict[str, Any]) -> list[dict[str, Any]]:
    """Each metric with its effect and interval as places of a bar around zero, in per cent of its width;
    money in yuan."""
    title = "title_en" if _english() else "title_zh"
    return [bar(each) | {"title": each[title]} for each in told["outcomes"]]


def bar(found: dict[str, Any]) -> dict[str, Any]:
    """The same with its effect and interval as places around zero (`bar`, null for none)."""
    low, high, effect = found.get("low"), found.get("high"), found.get("effect")
    if low is None or high is None or effect is None:
        return {**found, "bar": None}
    most = max(abs(low), abs(high), abs(effect)) or 1.0
    values = (("low", low), ("high", high), ("at", effect))
    place = {name: round(50 + value / most * WIDTH * 0.45, 1) for name, value in values}
    return {**found, "bar": {**place, "width": round(place["high"] - place["low"], 1)}}


def _english() -> bool:
    return (get_language() or "").startswith("en")
