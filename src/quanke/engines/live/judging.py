"""The triggers of one table (or of a day) over a batch: which fire, and what they saw."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from quanke.engines.live.batch import Rows
from quanke.engines.live.columns import Array, Bools, Column, values_of
from quanke.engines.live.decisions import Titles, decisions, no_decisions
from quanke.engines.live.formulas import Evaluation, Formulas
from quanke.language.definitions import Occasion, Trigger, leaves
from quanke.language.nodes import Call, Node, Reference, type_of
from quanke.language.nodes import Column as Field
from quanke.language.types import Kind, Type
from quanke.language.words import say


class Judge:
    """Triggers that look at the same rows. `table` is empty for triggers on a day."""

    def __init__(self, triggers: Sequence[Trigger], live: Mapping[str, Node], table: str = "") -> None:
        self.triggers = tuple(triggers)
        self.titles = Titles(self.triggers)
        self.table = table
        self.formulas = Formulas([], live)
        self.firing: list[tuple[int, int]] = []
        self.arming: list[tuple[int, int]] = []
        self.calling: list[tuple[int, int]] = []
        self.seen: list[list[tuple[str, int, Type]]] = []
        for number, trigger in enumerate(self.triggers):
            absence = trigger.occasion is Occasion.ABSENCE
            if trigger.table == table:
                place = self.formulas.add(trigger.expression)
                (self.arming if absence else self.firing).append((number, place))
            if absence and trigger.unless is not None and trigger.unless_table == table:
                self.calling.append((number, self.formulas.add(trigger.unless.node)))
            self.seen.append(
                [
                    (shown(n), self.formulas.add(n), type_of(n))
                    for n in dict.fromkeys(leaves(trigger.expression))
                ]
                if trigger.table == table
                else []
            )

        self.frames = [_frame([name for name, _, _ in seen]) for seen in self.seen]

        self._terms = [_terms(self.formulas, place) for _, place in self.firing]
        ways = (*self.firing, *self.arming, *self.calling)
        read = [place for seen in self.seen for _, place, _ in seen]
        self.outputs = list(dict.fromkeys([*(place for _, place in ways), *read]))
        self.at = {place: number for number, place in enumerate(self.outputs)}

    def rows(self, found: Evaluation, rows: Rows, day: dt.date) -> pa.Table:
        """Decisions on rows, in the order of the rows."""
        which, places = self._hits(found)
        if len(which) == 0:
            return no_decisions()
        values = self._values(found, which, places)
        order = np.argsort(places, kind="stable")
        which, places = which[order], places[order]
        return decisions(
            self.titles,
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
        return decisions(self.titles, which, customers[places].astype(np.int32), ids, at, day, values)

    def _hits(self, found: Evaluation) -> tuple[Array, Array]:
        """Numbers of triggers, and the rows where each is true."""
        if not self.firing:
            return np.zeros(0, np.int32), np.zeros(0, np.int64)
        width = (found.rows + 7) & ~7
        true = np.zeros((len(self.firing), width), np.bool_)
        for row, terms in zip(true, self._terms, strict=True):
            _all(found, terms, row[: found.rows])
        # few are true, so eight are looked at in one
        eights = np.flatnonzero(true.reshape(-1).view(np.uint64))
        near = (eights[:, None] * 8 + np.arange(8)).reshape(-1)
        which, places = np.divmod(near[true.reshape(-1)[near]], width)
        numbers = np.array([number for number, _ in self.firing], np.int32)
        return numbers[which], places

    def _values(self, found: Evaluation, which: Array, places: Array) -> list[str]:
        """What was seen, for hits ordered by trigger."""
        made: list[str] = []
        cuts = np.flatnonzero(np.diff(which)) + 1
        for hit in np.split(np.arange(len(which)), cuts):
            made += self._told(found, int(which[hit[0]]), places[hit])
        return made

    def _told(self, found: Evaluation, number: int, rows: Array) -> list[str]:
        """JSON of what was seen with some rows, written column by column."""
        columns = [_json(found.column(place), rows, of) for _, place, of in self.seen[number]]
        if not columns:
            return ["{}"] * len(rows)
        frame = self.frames[number]
        return [frame % seen for seen in zip(*columns, strict=True)]

    def armed(self, found: Evaluation, rows: Rows) -> list[tuple[str, Array, list[str]]]:
        """Triggers on an absence that rows arm: name, places of the rows, what was seen."""
        made = []
        for number, place in self.arming:
            hit = np.flatnonzero(np.broadcast_to(found.true(place), found.rows))
            if len(hit):
                made.append((self.triggers[number].name, hit, self._told(found, number, hit)))
        return made

    def called(self, found: Evaluation) -> Iterator[tuple[str, Array]]:
        """Triggers on an absence with the rows that call them off."""
        return iter(
            [
                (self.triggers[number].name, np.broadcast_to(found.true(place), found.rows))
                for number, place in self.calling
            ]
        )


def _terms(formulas: Formulas, place: int) -> list[int]:
    """Places of the conditions that must all be true for one to be true."""
    found: dict[int, None] = {}
    stack = [place]
    while stack:
        top = stack.pop()
        step = formulas.steps[top]
        if isinstance(step.node, Call) and step.node.operation == "both" and step.text < 0:
            stack.extend(reversed(step.arguments))
        else:
            found[top] = None
    return list(found)


def _all(found: Evaluation, terms: Sequence[int], room: Bools) -> None:
    """Write into `room` where all conditions are true."""
    first, *rest = [found.true(term) for term in terms]
    np.logical_and(first, rest[0] if rest else found.ones, out=room)
    for mask in rest[1:]:
        np.logical_and(room, mask, out=room)


def shown(node: Node) -> str:
    """The name under which a value seen is told."""
    if isinstance(node, Field):
        return node.name if node.table != "customers" else f"customers.{node.name}"
    if isinstance(node, Reference):
        return f"earlier({node.name})" if node.earlier else node.name
    return say(node)


def _json(column: Column, rows: Array, of: Type) -> list[str]:
    """Values of some rows as JSON."""
    values = values_of(Column(column.values[rows], column.valid[rows]), of)
    if of.kind in (Kind.INTEGER, Kind.MONEY):
        return ["null" if v is None else str(v) for v in values]
    return [json.dumps(v, ensure_ascii=False, default=str) for v in values]


def _frame(names: Sequence[str]) -> str:
    """The JSON object of some names, with a gap for each value."""
    return (
        "{"
        + ", ".join(f"{json.dumps(n, ensure_ascii=False)}: ".replace("%", "%%") + "%s" for n in names)
        + "}"
    )
