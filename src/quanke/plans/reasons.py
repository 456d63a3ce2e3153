"""Why a customer was given what he was: what it is worth, what it pays, and what came next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quanke.plans.limits import Amounts
from quanke.plans.problem import Problem

WORDS = {
    "zh": {
        "chosen": "给予「{}」（价值 {:.2f}，占用约束 {:.2f}，净值 {:.2f}）",
        "nothing": "本期不给予任何动作",
        "missed": "单看价值本应给予「{}」，受限于{}",
        "row": "{}（第 {} 行）",
        "owed": "须满足该客户自身的约束：{}",
        "next": "次优是「{}」，净值低 {:.2f}",
        "unfit": "「{}」净值高 {:.2f}，但余量不够",
        "and": "、",
        "stop": "；",
        "end": "。",
    },
    "en": {
        "chosen": "{} (worth {:.2f}, pays {:.2f} for what it uses, leaves {:.2f})",
        "nothing": "nothing this time",
        "missed": "by value alone it would have been {}, kept back by {}",
        "row": "{} row {}",
        "owed": "{} of his own had to be kept",
        "next": "the runner-up is {}, {:.2f} behind",
        "unfit": "{} would leave {:.2f} more, but did not fit",
        "and": ", ",
        "stop": "; ",
        "end": ".",
    },
}


@dataclass(frozen=True, slots=True)
class Offer:
    """An action for a customer: its value, what it pays at the limits' prices (below 0: it is paid for), by
    limit and row where that is not 0, and what is left (`net`)."""

    action: int
    value: float
    paid: float
    net: float
    by_limit: tuple[tuple[str, int, float], ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a customer was given what he was.

    `chosen` the actions; `wanted` those he would have had by value alone; `bound_by` the rows of limits that
    kept the difference from him, the dearest first; `runner_up` the best action he could have been given
    instead (None: there is none) and `lost_by` by how much net it lost. Below 0: it would have been better
    for him at the prices, but did not fit: `bound_by` then names what was full. `owed`: limits of his own (a
    contact that is due) but for which he would have been given something else.
    """

    customer: int
    chosen: tuple[Offer, ...]
    wanted: tuple[int, ...]
    bound_by: tuple[tuple[str, int], ...]
    runner_up: Offer | None
    lost_by: float
    owed: tuple[str, ...]

    def told(self, actions: Sequence[str], language: str = "zh") -> str:
        """The reason in words (`zh` or `en`); `actions` are their titles by number."""
        words = WORDS[language]
        mine = [words["chosen"].format(actions[o.action], o.value, o.paid, o.net) for o in self.chosen] or [
            words["nothing"]
        ]
        parts = [words["and"].join(mine)]
        given = {o.action for o in self.chosen}
        missed = [actions[a] for a in self.wanted if a not in given]
        if missed and self.bound_by:
            rows = words["and"].join(words["row"].format(name, row) for name, row in self.bound_by)
            parts.append(words["missed"].format(words["and"].join(missed), rows))
        if self.owed:
            parts.append(words["owed"].format(words["and"].join(self.owed)))
        if self.runner_up is not None:
            which = "next" if self.lost_by >= 0 else "unfit"
            parts.append(words[which].format(actions[self.runner_up.action], abs(self.lost_by)))
        return words["stop"].join(parts) + words["end"]


def reason_of(
    problem: Problem, price: Amounts, usage: Amounts, places: NDArray[np.int16], place: int, customer: int
) -> Reason:
    """The reason of the customer at a place of the problem (the caller's `customer`)."""
    offers = {
        w: _offer(problem, price, place, w)
        for w in np.flatnonzero(np.isfinite(problem.values[place])).tolist()
    }
    mine = [int(w) for w in places[place] if w >= 0]
    chosen = sorted((offers[w] for w in mine), key=lambda o: (-o.value, o.action))
    by_value = sorted((o for o in offers.values() if o.value > 0), key=lambda o: (-o.value, o.action))
    wanted = by_value[: problem.k]
    others = [(w, o) for w, o in offers.items() if w not in mine]
    lost_by, best = _runner_up(problem, place, offers, mine)
    missed = {o.action for o in wanted} - {o.action for o in chosen}
    asked: dict[tuple[str, int], float] = {}
    for w, offer in others:
        if offer.action not in missed:
            continue
        for name, row, paid in offer.by_limit:
            if paid > 0:
                asked[name, row] = max(asked.get((name, row), 0.0), paid)
        if lost_by < 0 or not any(paid > 0 for *_, paid in offer.by_limit):
            for name, row in _full(problem, usage, place, int(w), mine):
                asked.setdefault((name, row), 0.0)
    dearest = tuple(sorted(asked, key=lambda key: (-asked[key], key)))
    return Reason(
        customer,
        tuple(chosen),
        tuple(o.action for o in wanted),
        dearest,
        best,
        lost_by,
        _owed(problem, place, offers),
    )


def _runner_up(
    problem: Problem, place: int, offers: dict[int, Offer], mine: list[int]
) -> tuple[float, Offer | None]:
    """The other action that would cost least in the stead of one of his (or beside them, where he has fewer
    than k), his own limits kept; and what it would cost."""
    found: tuple[float, int, Offer] | None = None
    for w, offer in offers.items():
        if w in mine:
            continue
        for old in [*mine, *([None] if len(mine) < problem.k else [])]:
            after = [x for x in mine if x != old] + [w]
            if _broken(problem, place, after):
                continue
            lost = (0.0 if old is None else offers[old].net) - offer.net
            if found is None or (lost, offer.action) < found[:2]:
                found = lost, offer.action, offer
    return (np.inf, None) if found is None else (found[0], found[2])


def _owed(problem: Problem, place: int, offers: dict[int, Offer]) -> tuple[str, ...]:
    """His own limits that what is best for him at the prices would not keep."""
    best = sorted((w for w, o in offers.items() if o.net > 0), key=lambda w: (-offers[w].net, w))
    return _broken(problem, place, best[: problem.k])


def _broken(problem: Problem, place: int, places: list[int]) -> tuple[str, ...]:
    """His own limits that a choice does not keep."""
    found = []
    for own, limit in enumerate(problem.limits[problem.shared :]):
        used = sum(use_at(problem, place, w, problem.shared + own) for w in places)
        if not problem.room.least[place, own] <= used <= problem.room.most[place, own]:
            found.append(limit.name)
    return tuple(found)


def _offer(problem: Problem, price: Amounts, place: int, w: int) -> Offer:
    action, value = action_at(problem, place, w), float(problem.values[place, w])
    rows = problem.rows[problem.signature[place]]
    by_limit = []
    for limit, row in enumerate(rows.tolist()):
        paid = float(price[row]) * use_at(problem, place, w, limit) if row >= 0 else 0.0
        if paid:
            by_limit.append((*problem.row_name(row), paid))
    paid = sum(x[2] for x in by_limit)
    return Offer(action, value, paid, value - paid, tuple(by_limit))


def action_at(problem: Problem, place: int, w: int) -> int:
    """The action at a place of a customer's."""
    return int(problem.actions[place if len(problem.actions) > 1 else 0, w])


def use_at(problem: Problem, place: int, w: int, limit: int) -> float:
    """What it uses of a limit."""
    at = problem.matrix_at[limit]
    found: Any = (
        problem.matrices[at, place, w] if at >= 0 else problem.use[limit, action_at(problem, place, w)]
    )
    return float(found)


def _full(problem: Problem, usage: Amounts, place: int, w: int, mine: list[int]) -> list[tuple[str, int]]:
    """Rows in which the action found no room, even in the stead of what he has."""
    full = []
    for limit, row in enumerate(problem.rows[problem.signature[place]].tolist()):
        if row < 0:
            continue
        freed = max((use_at(problem, place, at, limit) for at in mine), default=0.0)
        if usage[row] - freed + use_at(problem, place, w, limit) > problem.room.capacity[row]:
            full.append(problem.row_name(row))
    return full
