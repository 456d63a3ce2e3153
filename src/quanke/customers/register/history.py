"""What a run of the register tells people: events with their reasons, and the questions that are open."""

from __future__ import annotations

import datetime as dt
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quanke.customers.register.numbers import Ints, Move, Numbered
from quanke.customers.register.store import EVENTS, QUEUE, Register

DECIDED = "decided"
"""Outcome of what a person decided."""

TOLD_APART = "a person decided that these are different customers"
DECIDED_SAME = "a person decided that these are one customer"
CONTRADICTION = "contradiction"
"""Outcome of a decision that others stand against: `different` wins, and people are asked again."""

NO_LONGER = "the records do not support it any more"
"""Reasons of events that no link explains."""


class Run(Protocol):
    """What a run of the register knows once groups are settled."""

    day: dt.date
    before: Register
    numbered: Numbered
    moves: list[Move]
    decided: pa.Table


class _Evidence:
    """Links that hold, by party: the strongest one between two sets of records."""

    def __init__(self, links: pa.Table) -> None:
        held = links.filter(pc.equal(links["settled"], "linked"))
        self._sure = [outcome == "exact" or outcome == "probable" for outcome in held["outcome"].to_pylist()]
        self._strength = pc.fill_null(held["probability"], 0.0).to_numpy()
        self._outcome, self._reason = held["outcome"].to_pylist(), held["reason"].to_pylist()
        left, right = held["left"].to_numpy(), held["right"].to_numpy()
        self._end = np.concatenate([left, right])
        self._far = np.concatenate([right, left])
        self._row = np.concatenate([np.arange(len(left))] * 2)
        order = np.argsort(self._end, kind="stable")
        self._end, self._far, self._row = self._end[order], self._far[order], self._row[order]

    def across(self, parties: tuple[int, ...]) -> tuple[str, float | None, str]:
        """Outcome, probability and reason of the strongest link from `parties` to anybody else."""
        inside = set(parties)
        best: tuple[bool, float, int] | None = None
        for party in parties:
            # of the array's own type: otherwise NumPy copies the whole array for every party
            low, high = np.searchsorted(self._end, np.array([party, party + 1], self._end.dtype))
            for far, row in zip(self._far[low:high].tolist(), self._row[low:high].tolist(), strict=True):
                if far not in inside:
                    found = (self._sure[row], float(self._strength[row]), -row)
                    best = found if best is None else max(best, found)
        if best is None:
            return "", None, ""
        row = -best[2]
        return self._outcome[row], best[1], self._reason[row]


def events_table(run: Run, links: pa.Table) -> pa.Table:
    """The moves of a run as events. `links` are settled and by party number."""
    if not run.moves:
        return EVENTS.empty_table()
    evidence = _Evidence(links)
    decided = _decisions_by_party(run.decided)
    first = run.before.events.num_rows
    rows = []
    for number, move in enumerate(run.moves, first):
        outcome, probability, reason = evidence.across(move.parties)
        decision = _decision_behind(move, decided, run.numbered.customer)
        if decision is not None:
            outcome, probability = DECIDED, None
            reason = DECIDED_SAME if decision["decision"] == "same" else TOLD_APART
        elif move.kind == "split" or not reason:
            outcome, probability, reason = "", None, NO_LONGER
        rows.append(
            {
                "event": number,
                "date": run.day,
                "kind": move.kind,
                "customer": move.customer,
                "other": move.other,
                "parties": list(move.parties),
                "outcome": outcome,
                "probability": probability,
                "reason": reason,
                "decision_id": decision["decision_id"] if decision else None,
            }
        )
    return pa.Table.from_pylist(rows, EVENTS)


def _decisions_by_party(decided: pa.Table) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for row in decided.to_pylist():
        for end in ("one_party", "other_party"):
            found.setdefault(row[end], []).append(row)
    return found


def _decision_behind(
    move: Move, decided: dict[int, list[dict[str, Any]]], customer: Ints
) -> dict[str, Any] | None:
    """The latest decision that lies across the move and agrees with where both records are now.

    Of a merge or move one record went and the other was there already; of a split one went, one stayed.
    """
    inside = set(move.parties)
    beyond = move.other if move.kind == "split" else move.customer
    for party in move.parties:
        for row in reversed(decided.get(party, [])):
            far = row["other_party"] if row["one_party"] == party else row["one_party"]
            together = bool(customer[row["one_party"]] == customer[row["other_party"]])
            agrees = together == (row["decision"] == "same") == (move.kind != "split")
            if agrees and far not in inside and int(customer[far]) == beyond:
                decision: dict[str, Any] = row
                return decision
    return None


def queue_table(run: Run, links: pa.Table) -> pa.Table:
    """Questions for people: pairs that are neither linked nor decided, the most probable first.

    A question keeps its number and the day it was first asked.
    """
    open_ = links.filter(pc.equal(links["settled"], "queued"))
    one, other = open_["left"].to_numpy(), open_["right"].to_numpy()
    customer = run.numbered.customer
    asked = customer[one] != customer[other]
    open_ = open_.filter(pa.array(asked))
    one, other = one[asked], other[asked]
    names = pa.array([f"Q{a}-{b}" for a, b in zip(one.tolist(), other.tolist(), strict=True)], pa.string())
    table = pa.table(
        {
            "question": names,
            "since": _since(run, names),
            "outcome": open_["outcome"],
            "probability": open_["probability"],
            "reason": open_["reason"],
            "why": open_["why"],
            "one_party": pa.array(one.astype(np.int32)),
            "other_party": pa.array(other.astype(np.int32)),
            "one_customer": pa.array(customer[one]),
            "other_customer": pa.array(customer[other]),
        }
    ).cast(QUEUE)
    return table.sort_by(
        [("probability", "descending"), ("one_party", "ascending"), ("other_party", "ascending")]
    )


def _since(run: Run, names: pa.Array) -> pa.Array:
    """The day each question was first asked: of an earlier run, or of this one."""
    asked = run.before.queue
    place = pc.index_in(names, value_set=asked["question"].combine_chunks())
    before = asked["since"].combine_chunks().take(place)
    return pc.fill_null(before, pa.scalar(run.day, pa.date32()))
