"""Who would come to a journey when, for its trial: an audience at once, whom a trigger finds as often as it
fired on the last days of the bank."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from quanke.kernel.calendars import SHANGHAI
from quanke_desk.campaigns.graph import Graph, trigger_of
from quanke_desk.foundation.analytic import Base, base, home_path
from quanke_desk.foundation.parameters import value

if TYPE_CHECKING:  # it brings pandas, for a second, into every process of the desk
    from quanke.night.firing import Firings

Ints = NDArray[np.int64]
DAY = 86_400
_OFFSET = 8 * 3_600


@dataclass(frozen=True)
class Coming:
    """Customers and the moments (seconds since 1970, rising) at which they come. `every`: each stands for so
    many; `firings`: what was looked at, null where nobody knows or an audience comes at once."""

    groups: tuple[tuple[int, Ints], ...]
    every: int = 1
    firings: Firings | None = None


def coming(graph: Graph, customers: Ints, now: int) -> Coming:
    """Who of an audience would come to a design from a moment on. Raises NightError, CalendarError."""
    name = trigger_of(graph.entry)
    if not name:
        return Coming(((now, np.unique(customers)),))
    found = past(name)
    return Coming(spread(found, customers, now, graph.again), found.every, found)


def past(trigger: str, of: Base | None = None) -> Firings:
    """For whom a trigger fired on the last days: as the live engine decided, else as it would have."""
    from quanke.night.firing import told_firings

    held, days = of or base(), value("journeys.trial_days") // 7 * 7
    told = told_firings(home_path() / "live" / "decisions", trigger, held.day, days)
    return told or _again(held.night.path, trigger, days)


@lru_cache(maxsize=32)
def _again(_night: Path, trigger: str, days: int) -> Firings:
    """Lived again once a night, however often a design is tried."""
    from quanke.night.firing import lived_again

    held = base()
    catalogue = held.bank.catalogue
    one = next(each for each in catalogue.triggers if each.name == trigger)
    return lived_again(held.bank.home, held.night, catalogue, one, days)


def spread(found: Firings, customers: Ints, now: int, again: int = 0) -> tuple[tuple[int, Ints], ...]:
    """Firings laid on the days from a moment on, each on the same day of the week as it was: who of some
    customers comes when. Each comes once, or anew so many days (`again`) after the last time."""
    today = (now + _OFFSET) // DAY
    at = found.at.astype("datetime64[s]").astype(np.int64)  # by the clock of Shanghai
    days = today + (at // DAY - today) % found.days
    inside = np.isin(found.customer, customers)
    order = np.lexsort((days[inside], found.customer[inside]))
    who, when, hour = (each[inside][order] for each in (found.customer, days, at % DAY))
    kept, last = np.zeros(len(who), np.bool_), -1
    for place in range(len(who)):
        first = place == 0 or who[place] != who[place - 1]
        if first or (again and when[place] - last >= again):
            kept[place], last = True, int(when[place])
    groups = []
    for day in np.unique(when[kept]).tolist():
        rows = kept & (when == day)
        moment = day * DAY - _OFFSET + int(np.median(hour[rows]))
        groups.append((max(moment, now), np.unique(who[rows])))
    return tuple(sorted(groups, key=lambda group: group[0]))


def day_of_most(groups: tuple[tuple[int, Ints], ...]) -> tuple[dt.date, int] | None:
    """The day on which most come, and how many; null where nobody comes."""
    if not groups:
        return None
    moment, most = max(groups, key=lambda group: len(group[1]))
    return dt.datetime.fromtimestamp(moment, SHANGHAI).date(), len(most)
