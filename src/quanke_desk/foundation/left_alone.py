"""Who must be left alone now, whatever a night planned. Rooms above know it and say so here; whoever lists a
customer, suggests something or speaks to him asks here, and knows of no room above.

    sources.append(mine)                    # in the room's `ready`
    asked([17, 18], timezone.now())         # {17: (Alone("blocked", ...),)}
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise

from quanke_desk.foundation.asked_once import remembered


@dataclass(frozen=True)
class Alone:
    """Why a customer is left alone: `code`, and in words. `means`: by which means, "" by any; `service`: not
    even a service reaches him, else no offer does."""

    code: str
    text: Promise
    means: str = ""
    service: bool = False

    @property
    def wholly(self) -> bool:
        """Whether nothing reaches him by any means."""
        return self.service and not self.means

    def keeps(self, means: str, sells: bool) -> bool:
        """Whether it keeps a contact by a means away: an offer, or a service."""
        return (sells or self.service) and self.means in ("", means)


Reasons = Mapping[int, tuple[Alone, ...]]
Source = Callable[[Sequence[int], dt.datetime], Reasons]
"""Asked of some customers at a moment: those to be left alone, with the reasons."""
Reached = Callable[[Sequence[int], dt.date], Mapping[int, Mapping[str, int]]]
"""Asked of some customers on a day: how many offers each was sent this month by each means that is counted by
months."""

sources: list[Source] = []
reached: list[Reached] = []


def asked(customers: Sequence[int], now: dt.datetime) -> dict[int, tuple[Alone, ...]]:
    """Of some customers those to be left alone, with every room's reasons. While a page is read each is asked
    for once: its moment is one."""
    known = remembered("left_alone")
    if known is None:
        return _asked(customers, now)
    if new := [c for c in dict.fromkeys(customers) if c not in known]:
        known.update({**dict.fromkeys(new, ()), **_asked(new, now)})
    return {c: known[c] for c in dict.fromkeys(customers) if known[c]}


def _asked(customers: Sequence[int], now: dt.datetime) -> dict[int, tuple[Alone, ...]]:
    found: dict[int, tuple[Alone, ...]] = {}
    for source in sources if customers else ():
        for customer, reasons in source(customers, now).items():
            found[customer] = (*found.get(customer, ()), *reasons)
    return found


def offers_sent(customers: Sequence[int], day: dt.date) -> dict[int, dict[str, int]]:
    """How many offers the desk itself sent each of some customers this month, by means."""
    found: dict[int, dict[str, int]] = {}
    for source in reached if customers else ():
        for customer, counts in source(customers, day).items():
            his = found.setdefault(customer, {})
            for means, count in counts.items():
                his[means] = his.get(means, 0) + count
    return found
