"""Which way each customer goes, many at once: conditions over the last night, shares by chance, scores."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from django.utils.translation import gettext_noop as _noop
from numpy.typing import NDArray

from quanke.bank.contracts import Purpose
from quanke.kernel.errors import AudienceError
from quanke.night.audience import compile_audience, members_of
from quanke.segments.control import WHOLE, salted_hash
from quanke_desk.campaigns.graph import Graph, GraphError, Node, trigger_of
from quanke_desk.foundation.analytic import Base, base
from quanke_desk.work.held import held as plan_held

Ints = NDArray[np.int64]
Places = NDArray[np.int16]


@lru_cache(maxsize=64)
def _members(home: str, day: str, text: str) -> Any:
    of = base()
    condition = compile_audience(text, of.bank.catalogue, of.night, of.bank.home, Purpose.MARKETING)
    return members_of(of.night, condition)[0]


def holds_of(text: str, customers: Ints, of: Base | None = None) -> NDArray[np.bool_]:
    """For each customer whether a condition holds by the last night. Raises AudienceError, NightError."""
    held = of or base()
    words = _members(str(held.night.path), held.day.isoformat(), text).words
    known = (customers >= 0) & (customers < len(words) * 64)
    at = np.where(known, customers, 0).astype(np.uint64)
    bits = (words[at >> np.uint64(6)] >> (at & np.uint64(63))) & np.uint64(1)
    held_true: NDArray[np.bool_] = known & bits.astype(np.bool_)
    return held_true


def check_conditions(graph: Graph) -> None:
    """Raises GraphError where a condition cannot be asked of the last night, or a trigger is not defined."""
    of = base()
    known = {trigger.name for trigger in of.bank.catalogue.triggers}
    for event in graph.events():
        if (trigger := trigger_of(event)) and trigger not in known:
            name = next((node.name for node in graph.nodes if node.event == event), "")
            raise GraphError(name, "event" if name else "entry", _noop("the catalogue has no such trigger"))
    for name, text in graph.conditions():
        try:
            compile_audience(text, of.bank.catalogue, of.night, of.bank.home, Purpose.MARKETING)
        except AudienceError as error:
            raise GraphError(name, "when", _noop("column %(at)s: %(reason)s"), at=error.column,
                             reason=error.reason) from None  # fmt: skip
    for node in graph.nodes:
        if node.by and (rule := _bars(node.by, of)):
            raise GraphError(node.name, "by", rule)


def check_actions(graph: Graph) -> None:
    """Raises GraphError where a task names an action the last night's plan does not have: nobody could close
    it by that. Of a night without a plan nothing is known. Asked when a design is saved; one that a later
    night loses is left out of the tasks, which stops nobody."""
    plan = plan_held()
    if plan.planned is None:
        return
    for node in graph.nodes:
        if node.action and node.action not in plan.actions:
            raise GraphError(node.name, "action", _noop("the plan of the last night has no such action"))


def _bars(name: str, of: Base) -> str:
    """Why customers may not be split by a column of the night: a marked text, "" where they may be. The night
    holds more than a journey may read, as a score of the credit bureau."""
    catalogue = of.bank.catalogue
    if name not in of.known or name not in catalogue:
        return _noop("the last night has no such number")
    if not catalogue[name].result.numeric:
        return _noop("not a number: ask it by a condition")
    if Purpose.MARKETING not in catalogue.purposes(name):
        return _noop("may not be read for marketing")
    return ""


def ways_of(node: Node, graph: Graph, customers: Ints, salt: str, of: Base | None = None) -> Places:
    """The number of the step each customer goes to from an `if` or a `split`. Chance is a hash of customer
    and `salt`: the same however often and wherever it is asked. Raises AudienceError, NightError."""
    places = np.array([graph.place[way] for way in node.ways], np.int16)
    if node.do == "if":
        forked: Places = np.where(holds_of(node.when, customers, of), places[0], places[1])
        return forked
    if node.by:
        held = of or base()
        if rule := _bars(node.by, held):  # the catalogue may have changed since the design was saved
            raise AudienceError(node.by, 1, rule)
        scores = held.night.read([node.by])[node.by].to_numpy(zero_copy_only=False)[customers]
        bounds = np.array([part.least for part in node.parts[1:]], np.float64)
        known = np.nan_to_num(scores.astype(np.float64), nan=-np.inf)
        scored: Places = places[np.searchsorted(bounds, known, "right")]
        return scored
    shares = np.cumsum([part.share_ppm for part in node.parts])[:-1]
    drawn = (salted_hash(customers, salt) >> np.uint64(32)) * np.uint64(WHOLE) >> np.uint64(32)
    chosen: Places = places[np.searchsorted(shares, drawn.astype(np.int64), "right")]
    return chosen
