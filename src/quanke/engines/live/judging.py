"""The triggers of one table (or of a day) over a batch: which fire, and what they saw."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from quanke.engines.live.batch import Rows
from quanke.engines.live.columns import Array, Column, values_of
from quanke.engines.live.decisions import decisions, no_decisions, told
from quanke.engines.live.formulas import Evaluation, Formulas
from quanke.language.definitions import Occasion, Trigger, leaves
from quanke.language.nodes import Column as Field
from quanke.language.nodes import Node, Reference, type_of
from quanke.language.types import Type
from quanke.language.words import say


class Judge:
    """Triggers that look at the same rows. `table` is empty for triggers on a day."""

    def __init__(self, triggers: Sequence[Trigger], live: Mapping[str, Node], table: str = "") -> None:
        self.triggers = tuple(triggers)
        self.table = table
        self.formulas = Formulas([], live)
        self._firing: list[tuple[int, int]] = []
        self._arming: list[tuple[int, int]] = []
        self._calling: list[tuple[int, int]] = []
        self._seen: list[list[tuple[str, int, Type]]] = []
        for number, trigger in enumerate(self.triggers):
            absence = trigger.occasion is Occasion.ABSENCE
            if trigger.table == table:
                place = self.formulas.add(trigger.expression)
                (self._arming if absence else self._firing).append((number, place))
            if absence and trigger.unless is not None and trigger.unless_table == table:
                self._calling.append((number, self.formulas.add(trigger.unless.node)))
            self._seen.append(
                [
                    (shown(n), self.formulas.add(n), type_of(n))
                    for n in dict.fromkeys(leaves(trigger.expression))
                ]
                if trigger.table == table
                else []
            )

    def rows(self, found: Evaluation, rows: Rows, day: dt.date) -> pa.Table:
        """Decisions on rows, in the order of the rows."""
        which, places = self._hits(found)
        if len(which) == 0:
            return no_decisions()
        values = self._values(found, which, places)
        order = np.argsort(places, kind="stable")
        which, places = which[order], places[order]
        return decisions(
            self.triggers,
            which,
            rows.customer[places].astype(np.int32),
            rows.event_ids.take(pa.array(places)),
            rows.at[places],
            day,
            [values[place] for place in order.tolist()],
        )

    def customers(self, found: Evaluation, customers: Array, day: dt.date) -> pa.Table:
        """Decisions of triggers on a day."""
        which, places = self._hits(found)
        if len(which) == 0:
            return no_decisions()
        at = np.full(len(which), np.datetime64(day, "us"))
        ids = pa.array([day.isoformat()] * len(which), pa.string())
        values = self._values(found, which, places)
        return decisions(self.triggers, which, customers[places].astype(np.int32), ids, at, day, values)

    def _hits(self, found: Evaluation) -> tuple[Array, Array]:
        """Numbers of triggers, and the rows where each is true."""
        which, places = [], []
        for number, place in self._firing:
            true = found.true(place)
            hit = np.flatnonzero(true)
            if len(hit):
                if len(true) != found.rows:
                    hit = np.arange(found.rows)
                which.append(np.full(len(hit), number, np.int32))
                places.append(hit)
        if not which:
            return np.zeros(0, np.int32), np.zeros(0, np.int64)
        return np.concatenate(which), np.concatenate(places)

    def _values(self, found: Evaluation, which: Array, places: Array) -> list[str]:
        """What was seen, for hits ordered by trigger."""
        made: list[str] = []
        cuts = np.flatnonzero(np.diff(which)) + 1
        for hit in np.split(np.arange(len(which)), cuts):
            made += self._told(found, int(which[hit[0]]), places[hit])
        return made

    def _told(self, found: Evaluation, number: int, rows: Array) -> list[str]:
        names = [name for name, _, _ in self._seen[number]]
        columns = [_plain(found.column(place), rows, of) for _, place, of in self._seen[number]]
        if not columns:
            return ["{}"] * len(rows)
        return [told(dict(zip(names, seen, strict=True))) for seen in zip(*columns, strict=True)]

    def armed(self, found: Evaluation, rows: Rows) -> list[tuple[str, Array, list[str]]]:
        """Triggers on an absence that rows arm: name, places of the rows, what was seen."""
        made = []
        for number, place in self._arming:
            hit = np.flatnonzero(np.broadcast_to(found.true(place), found.rows))
            if len(hit):
                made.append((self.triggers[number].name, hit, self._told(found, number, hit)))
        return made

    def called(self, found: Evaluation) -> Iterator[tuple[str, Array]]:
        """Triggers on an absence with the rows that call them off."""
        return iter(
            [
                (self.triggers[number].name, np.broadcast_to(found.true(place), found.rows))
                for number, place in self._calling
            ]
        )


def shown(node: Node) -> str:
    """The name under which a value seen is told."""
    if isinstance(node, Field):
        return node.name if node.table != "customers" else f"customers.{node.name}"
    if isinstance(node, Reference):
        return f"earlier({node.name})" if node.earlier else node.name
    return say(node)


def _plain(column: Column, rows: Array, of: Type) -> list[Any]:
    """Plain Python values of some rows."""
    return values_of(Column(column.values[rows], column.valid[rows]), of)
