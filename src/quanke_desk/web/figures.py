"""Figures of the first page: customers of a scope by tier, key group and stage, and moves of tiers.

Counted once per night and scope, and again when the desk changed who looks after whom."""

from __future__ import annotations

import datetime as dt
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import Count, Max
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import get_language
from numpy.typing import NDArray

from quanke.customers.stages import STAGES
from quanke.segments import DEFAULT_SCHEME
from quanke_desk.foundation.analytic import Base, base, home_path
from quanke_desk.foundation.models import Relation
from quanke_desk.foundation.scope import Extent, Scope, rows

WORDS = {
    "tier": {t.name: (t.title_zh, t.title_en) for t in DEFAULT_SCHEME.tiers},
    "key_group": {g.name: (g.title_zh, g.title_en) for g in DEFAULT_SCHEME.key_groups},
    "stage": STAGES,
}
TIERS = list(WORDS["tier"])
"""From low to high."""
AT_RISK = ("at_risk",)
KEPT = 512


@dataclass(frozen=True)
class Counted:
    """Counts of a scope: `groups` by column and value, `moves` as (tier before, tier now, count)."""

    count: int
    groups: dict[str, dict[str, int]]
    before: dt.date | None
    moves: tuple[tuple[str, str, int], ...]


_counted: OrderedDict[Any, Counted] = OrderedDict()
_ranks: dict[Any, tuple[dt.date, NDArray[np.int8], NDArray[np.int8]]] = {}
_lock = threading.Lock()


def counted(scope: Scope) -> Counted:
    """Counts of a scope in the last night. Raises NightError before any night."""
    held = base()
    key = (home_path(), held.day, scope, _changes(scope))
    with _lock:
        if key in _counted:
            _counted.move_to_end(key)
            return _counted[key]
    found = _count(scope, held)
    with _lock:
        _counted[key] = found
        while len(_counted) > KEPT:
            _counted.popitem(last=False)
    return found


def _changes(scope: Scope) -> Any:
    """What tells that the desk changed who looks after whom; who sees everybody is not touched by it."""
    if scope.extent in (Extent.BANK, Extent.NONE):
        return None
    told = Relation.objects.aggregate(Count("id"), Max("id"), Count("until"), Max("delivered_on"))
    return (timezone.localdate(), *told.values())


def _count(scope: Scope, held: Base) -> Counted:
    seen = rows(scope, held)
    count = int(seen.sum())
    groups = {c: held.counts(c, seen) for c in WORDS if c in held.known and count}
    ranks = _ranks_of(held) if count else None
    if ranks is None:
        return Counted(count, groups, None, ())
    day, before, now = ranks
    size = len(TIERS)
    known = seen & (before >= 0) & (now >= 0) & (before != now)
    pairs = np.bincount(before[known].astype(np.int64) * size + now[known], minlength=size * size)
    moves = [(TIERS[p // size], TIERS[p % size], int(pairs[p])) for p in np.flatnonzero(pairs)]
    return Counted(count, groups, day, tuple(sorted(moves, key=lambda m: -m[2])))


def _ranks_of(held: Base) -> tuple[dt.date, NDArray[np.int8], NDArray[np.int8]] | None:
    """Tiers by customer number in the night before the last and in the last, as places in TIERS (-1: none),
    with the day of the former; null where there is one night only."""
    nights = [n for n in held.bank.nights if n < held.day]
    if not nights or "tier" not in held.known:
        return None
    key = (home_path(), held.day)
    with _lock:
        if key in _ranks:
            return _ranks[key]
    former = Base(held.bank, held.bank.night(nights[-1]))
    if "tier" not in former.known:
        return None
    before, now = np.full(held.night.rows, -1, dtype=np.int8), _places(held)
    earlier = _places(former)[: len(before)]
    before[: len(earlier)] = earlier
    with _lock:
        _ranks.clear()
        _ranks[key] = (nights[-1], before, now)
    return _ranks[key]


def _places(of: Base) -> NDArray[np.int8]:
    codes, numbers = of.codes("tier")
    places = np.full(len(numbers) + 1, -1, dtype=np.int8)  # the last place answers for null, which is -1
    for name, number in numbers.items():
        places[number] = TIERS.index(name) if name in TIERS else -1
    return places[codes]


def home_figures(scope: Scope) -> dict[str, Any]:
    """For the first page: `count`, `charts` (tiers, key groups, stages, as the scheme orders them; who is
    in none is left out), `risk` (customers about to leave), and `up`, `down`, `moves` since `before`."""
    found, held = counted(scope), base()
    language = 1 if (get_language() or "").startswith("en") else 0
    charts = []
    for column, counts in found.groups.items():
        words = WORDS[column]
        order = [*words, *sorted(set(counts) - set(words))]  # a bank's own tiers go by their names
        tag = held.bank.catalogue[column]
        charts.append(
            {
                "id": f"chart-{column}",
                "kind": "bar",
                "tall": len(order) > 6,
                "title": tag.title_en if language else tag.title_zh,
                "names": [words[n][language] if n in words else n for n in order],
                "values": [counts.get(n, 0) for n in order],
                "links": [customers_where(column, n) for n in order],
            }
        )
    called = {n: WORDS["tier"][n][language] for n in TIERS}
    climbs = [TIERS.index(now) > TIERS.index(before) for before, now, _n in found.moves]
    moves = [
        {"before": called[b], "now": called[a], "count": n, "up": up}
        for (b, a, n), up in zip(found.moves, climbs, strict=True)
    ]
    stages = found.groups.get("stage", {})
    return {
        "count": found.count,
        "charts": charts,
        "risk": sum(stages.get(n, 0) for n in AT_RISK),
        "risk_link": customers_where("stage", AT_RISK[0]),
        "before": found.before,
        "moves": moves,
        "up": sum(m["count"] for m in moves if m["up"]),
        "down": sum(m["count"] for m in moves if not m["up"]),
    }


def customers_where(column: str, value: str) -> str:
    """Address of the customers' list of a tier, key group or stage; empty where there is no such page."""
    try:
        return f"{reverse('customers')}?{column}={value}"
    except NoReverseMatch:
        return ""
