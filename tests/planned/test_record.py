"""The record: every suggestion goes one way through its states, and none is lost."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from quanke.language import Catalogue
from quanke.night.catalogue import standard_catalogue
from quanke.plans.actions import Action, standard_program
from quanke.plans.record import (
    KEPT,
    NO_DAY,
    SCHEMA,
    WATCHED,
    Seen,
    cooling,
    deadlines,
    followed,
    merged,
    suggested,
)
from quanke.segments.dated import Dated

DAY = dt.date(2026, 6, 1)
CUSTOMERS = 6


@pytest.fixture(scope="module")
def actions() -> list[Action]:
    catalogue: Catalogue = standard_catalogue()
    program = standard_program(catalogue)
    return [program.action("fund_call"), program.action("fund_push")]


def later(days: int) -> dt.date:
    return DAY + dt.timedelta(days=days)


def chosen(*rows: tuple[int, str]) -> pa.Table:
    count = len(rows)
    return pa.table(
        {
            "customer": pa.array([c for c, _ in rows], pa.int32()),
            "action": pa.array([a for _, a in rows], pa.string()),
            "due_on": pa.array([later(5)] * count, pa.date32()),
            "post": pa.array(["P1"] * count, pa.string()),
            "value": pa.array([100] * count, pa.int64()),
            "arm": pa.array(["treated"] * count, pa.string()),
        }
    )


def seen(done: set[int] = frozenset(), called: dict[int, dt.date] | None = None) -> Seen:  # type: ignore[assignment]
    days = np.full(CUSTOMERS, NO_DAY, np.int32)
    outcome: list[str | None] = [None] * CUSTOMERS
    for customer, day in (called or {}).items():
        days[customer] = (day - dt.date(1970, 1, 1)).days
        outcome[customer] = "interested"
    has = np.isin(np.arange(CUSTOMERS), list(done))
    none = np.full(CUSTOMERS, NO_DAY, np.int32)
    outcomes = {"call": pa.array(outcome, pa.string()), "push": pa.nulls(CUSTOMERS, pa.string())}
    return Seen({"fund_call": has, "fund_push": has}, {"call": days, "push": none}, outcomes)


def states(record: pa.Table) -> dict[tuple[int, str], tuple[str, Any]]:
    return {(r["customer"], r["action"]): (r["state"], r["over_on"]) for r in record.to_pylist()}


def first() -> pa.Table:
    return suggested(SCHEMA.empty_table(), chosen((1, "fund_call"), (2, "fund_call"), (3, "fund_push")), DAY)


def test_what_is_chosen_is_open() -> None:
    assert {s for s, _ in states(first()).values()} == {"open"}


@pytest.mark.parametrize(("days", "state"), [(1, "open"), (5, "open"), (6, "lapsed")])
def test_what_is_chosen_again_goes_on_and_what_is_not_lapses_after_its_deadline(
    actions: list[Action], days: int, state: str
) -> None:
    record = followed(first(), seen(), actions, later(days))
    record = suggested(record, chosen((1, "fund_call"), (4, "fund_call")), later(days))
    rows = {(r["customer"], r["suggested_on"]): r for r in record.to_pylist()}
    assert rows[1, DAY]["last_on"] == later(days) and rows[1, DAY]["state"] == "open"
    assert rows[2, DAY]["state"] == state
    assert rows[2, DAY]["over_on"] == (later(days) if state == "lapsed" else None)
    assert rows[4, later(days)]["state"] == "open"
    assert len(rows) == 4


def test_who_calls_within_the_deadline_has_tried(actions: list[Action]) -> None:
    """Not chosen on the second day, called on the third: it was tried, and rests."""
    record = suggested(followed(first(), seen(), actions, later(1)), chosen(), later(1))
    record = followed(record, seen(called={2: later(2)}), actions, later(2))
    assert states(record)[2, "fund_call"] == ("tried", None)
    assert cooling(record, actions, later(3), CUSTOMERS)[2, 0]


def test_an_outcome_nobody_took_down_is_none(actions: list[Action]) -> None:
    known = seen(called={1: later(1)})
    unknown = pa.array(["none"] * CUSTOMERS, pa.string())
    record = followed(
        first(), Seen(known.done, known.tried, {**known.outcome, "call": unknown}), actions, later(1)
    )
    row = next(r for r in record.to_pylist() if r["customer"] == 1)
    assert row["state"] == "tried" and row["outcome"] is None


def test_of_two_tries_the_last_brought_it_about(actions: list[Action]) -> None:
    rest = actions[0].cool_down.on(DAY)
    record = followed(first(), seen(called={1: later(30)}), actions, later(30))
    record = suggested(record, chosen((1, "fund_call")), later(31))
    record = followed(record, seen(called={1: later(33)}), actions, later(33))
    record = followed(record, seen(done={1}), actions, later(40))
    mine = [(r["suggested_on"], r["state"]) for r in record.to_pylist() if r["customer"] == 1]
    assert mine == [(DAY, "tried"), (later(31), "done")], rest


def test_customers_who_became_one_have_one_open_row(actions: list[Action]) -> None:
    record = suggested(first(), chosen((1, "fund_call"), (2, "fund_call"), (3, "fund_push")), later(1))
    one = record.set_column(0, "customer", pa.array([1, 1, 3], pa.int32()))
    assert [(r["customer"], r["action"]) for r in merged(one).to_pylist()] == [
        (1, "fund_call"),
        (3, "fund_push"),
    ]


def test_a_deadline_is_kept_while_a_row_is_open() -> None:
    tonight = chosen((1, "fund_call"), (5, "fund_push"))
    due = pa.array([later(9), later(9)], pa.date32())
    tonight = tonight.set_column(tonight.column_names.index("due_on"), "due_on", due)
    assert deadlines(first(), tonight).to_pylist() == [later(5), later(9)]


def test_a_contact_after_the_suggestion_tries_it_and_one_before_does_not(actions: list[Action]) -> None:
    record = followed(first(), seen(called={1: later(1), 2: DAY}), actions, later(1))
    assert states(record)[1, "fund_call"] == ("tried", None)
    assert states(record)[2, "fund_call"] == ("open", None)
    row = next(r for r in record.to_pylist() if r["customer"] == 1)
    assert (row["tried_on"], row["outcome"]) == (later(1), "interested")


def test_what_is_done_is_over_and_stays_so(actions: list[Action]) -> None:
    record = followed(first(), seen(done={1}), actions, later(1))
    assert states(record)[1, "fund_call"] == ("done", later(1))
    again = followed(record, seen(), actions, later(2))
    assert states(again)[1, "fund_call"] == ("done", later(1))


def test_what_was_tried_is_watched_for_a_time(actions: list[Action]) -> None:
    tried = followed(first(), seen(called={1: later(1)}), actions, later(1))
    watched = WATCHED.on(DAY)
    bought = followed(tried, seen(done={1}), actions, later(watched))
    assert states(bought)[1, "fund_call"] == ("done", later(watched))
    waited = followed(tried, seen(), actions, later(watched + 1))
    assert states(waited)[1, "fund_call"] == ("tried", later(watched + 1))
    too_late = followed(waited, seen(done={1}), actions, later(watched + 2))
    assert states(too_late)[1, "fund_call"] == ("tried", later(watched + 1))


def test_what_is_long_over_is_left_to_the_nights_of_then(actions: list[Action]) -> None:
    record = suggested(first(), chosen(), later(6))
    kept = 6 + KEPT.on(DAY)
    assert len(followed(record, seen(), actions, later(kept - 1))) == 3
    assert len(followed(record, seen(), actions, later(kept))) == 0


def test_what_rests_for_long_is_kept_for_as_long(actions: list[Action]) -> None:
    year = replace(actions[0], cool_down=Dated.of(365))
    record = followed(first(), seen(called={1: later(1)}), [year], later(1))
    record = followed(record, seen(), [year], later(40))
    assert states(record)[1, "fund_call"] == ("tried", later(40))
    for days in (200, 365):
        record = followed(record, seen(), [year], later(days))
        assert cooling(record, [year], later(days), CUSTOMERS)[1, 0]
    assert not cooling(record, [year], later(366), CUSTOMERS).any()
    assert (1, "fund_call") not in states(followed(record, seen(), [year], later(366)))


def test_what_was_tried_is_not_suggested_again_until_the_cool_down_is_over(actions: list[Action]) -> None:
    record = followed(first(), seen(called={1: later(1)}), actions, later(1))
    rest = actions[0].cool_down.on(DAY)
    assert np.argwhere(cooling(record, actions, later(rest), CUSTOMERS)).tolist() == [[1, 0]]
    assert not cooling(record, actions, later(rest + 1), CUSTOMERS).any()


def test_actions_the_bank_knows_no_more_stay_as_they_are(actions: list[Action]) -> None:
    """An action may be off for a night and come back: what was tried must still rest."""
    record = followed(first(), seen(), actions[:1], later(1))
    assert states(record)[3, "fund_push"] == ("open", None)
