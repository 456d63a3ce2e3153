"""The record of proposals, on small tables: what was said or sold finds its proposal, and nothing is lost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from quanke.wealth.record import (
    SCHEMA,
    Tonight,
    as_recorded,
    declined_lately,
    effect_due,
    proposals_followed,
    proposals_recorded,
    renumbered,
    trades_digest,
    with_measured,
)

FIRST = dt.date(2026, 6, 1)
ANSWERED = pa.schema(
    [
        ("customer", pa.int32()),
        ("proposed_on", pa.date32()),
        ("date", pa.date32()),
        ("kind", pa.string()),
    ]
)
SOLD = pa.schema(
    [
        ("customer", pa.int32()),
        ("proposed_on", pa.date32()),
        ("date", pa.date32()),
        ("amount", pa.int64()),
    ]
)


def day(number: int) -> dt.date:
    return FIRST + dt.timedelta(number)


def tonight(trades: dict[int, int], worst: int = 300_000, aum: int = 1_000) -> Tonight:
    """Customers with the digest of what is proposed to them, 0 for nothing."""
    numbers = sorted(trades)
    count = len(numbers)
    digests = np.array([trades[each] for each in numbers], np.int64)
    return Tonight(
        customer=np.array(numbers, np.int64),
        trades=digests,
        amount=np.where(digests != 0, 500, 0),
        fees=np.zeros(count, np.int64),
        outside=np.full(count, 700, np.int64),
        worst=np.full(count, worst, np.int32),
        aum=np.full(count, aum, np.int64),
        withheld=np.array(numbers, np.int64) % 7 == 6,
        model="m",
    )


def answers(*rows: tuple[int, int, int, str]) -> pa.Table:
    """Customer, day of the proposal, day of the answer, kind."""
    told = [{"customer": c, "proposed_on": day(p), "date": day(d), "kind": k} for c, p, d, k in rows]
    return pa.Table.from_pylist(told, ANSWERED)


def sales(*rows: tuple[int, int, int, int]) -> pa.Table:
    told = [{"customer": c, "proposed_on": day(p), "date": day(d), "amount": a} for c, p, d, a in rows]
    return pa.Table.from_pylist(told, SOLD)


def night(
    record: pa.Table,
    on: int,
    trades: dict[int, int],
    said: pa.Table | None = None,
    sold: pa.Table | None = None,
    **figures: int,
) -> pa.Table:
    followed = proposals_followed(
        record, answers() if said is None else said, sales() if sold is None else sold, day(on)
    )
    return proposals_recorded(followed, tonight(trades, **figures), day(on), 90)


def one(record: pa.Table, customer: int, proposed: int) -> dict[str, Any]:
    rows = [r for r in record.to_pylist() if (r["customer"], r["proposed_on"]) == (customer, day(proposed))]
    assert len(rows) == 1
    found: dict[str, Any] = rows[0]
    return found


def test_the_same_proposal_goes_on_and_another_replaces_it() -> None:
    record = night(SCHEMA.empty_table(), 0, {1: 11, 2: 22, 3: 0})
    assert record.num_rows == 2
    record = night(record, 1, {1: 11, 2: 23})
    assert one(record, 1, 0)["last_on"] == day(1) and one(record, 1, 0)["state"] == "proposed"
    assert one(record, 2, 0)["state"] == "replaced" and one(record, 2, 0)["over_on"] == day(1)
    assert one(record, 2, 1)["state"] == "proposed"
    record = night(record, 2, {2: 23})
    assert one(record, 1, 0)["state"] == "lapsed" and one(record, 1, 0)["over_on"] == day(2)


def test_an_answer_finds_the_proposal_that_stood_on_the_night_it_names() -> None:
    record = night(SCHEMA.empty_table(), 0, {1: 11})
    record = night(record, 1, {1: 11})
    record = night(record, 2, {1: 12})
    said = answers((1, 1, 3, "seen"), (1, 1, 4, "declined"), (1, 9, 4, "accepted"), (5, 0, 4, "accepted"))
    record = night(record, 4, {1: 12}, said)
    old, new = one(record, 1, 0), one(record, 1, 2)
    assert (old["seen_on"], old["answered_on"], old["answer"]) == (day(3), day(4), "declined")
    assert old["state"] == "declined" and new["state"] == "proposed" and new["seen_on"] is None


def test_the_last_answer_counts_and_days_to_come_do_not() -> None:
    record = night(SCHEMA.empty_table(), 0, {1: 11, 2: 22})
    said = answers((1, 0, 1, "accepted"), (2, 0, 1, "changed"), (1, 0, 2, "declined"), (2, 0, 9, "declined"))
    record = proposals_followed(record, said, sales(), day(3))
    assert one(record, 1, 0)["answer"] == "declined" and one(record, 2, 0)["answer"] == "changed"
    rests = declined_lately(record, day(3), 30, 5)
    assert rests.tolist() == [False, True, False, False, False]
    assert not declined_lately(record, day(32), 30, 5).any()


def test_a_sale_that_names_it_executes_it_whatever_was_said() -> None:
    record = night(SCHEMA.empty_table(), 0, {1: 11, 2: 22})
    record = night(
        record, 3, {1: 0, 2: 22}, answers((1, 0, 1, "accepted")), sales((1, 0, 3, 40), (1, 0, 2, 60))
    )
    row = one(record, 1, 0)
    assert (row["state"], row["executed_on"], row["executed"]) == ("executed", day(2), 100)
    assert row["over_on"] == day(3) and one(record, 2, 0)["executed"] == 0


def test_a_sale_undoes_no_refusal_and_nothing_is_older_than_what_it_names() -> None:
    record = night(SCHEMA.empty_table(), 5, {1: 11, 2: 22, 3: 33})
    said = answers((3, 5, 4, "accepted"), (1, 5, 6, "declined"))
    record = proposals_followed(record, said, sales((1, 5, 7, 40), (2, 5, 4, 50)), day(8))
    assert (one(record, 1, 5)["state"], one(record, 1, 5)["executed"]) == ("declined", 40)
    assert (one(record, 2, 5)["state"], one(record, 2, 5)["executed_on"]) == ("proposed", None)
    assert one(record, 3, 5)["answer"] is None and one(record, 3, 5)["seen_on"] is None


def test_who_is_stopped_is_measured_too_and_by_which_model_is_said() -> None:
    record = night(SCHEMA.empty_table(), 0, {1: 11, 2: 22, 3: 33})
    assert effect_due(record, day(89), 90).tolist() == [] and effect_due(record, day(90), 90).tolist() == [
        1,
        2,
        3,
    ]
    others = replace(tonight({1: 0, 3: 0}, aum=9), worst=np.array([-1, 50], np.int32))
    everybody = with_measured(tonight({2: 22}), others)
    record = proposals_recorded(record, everybody, day(90), 90)
    rows = [one(record, customer, 0) for customer in (1, 2, 3)]
    assert [row["model_after"] for row in rows] == [None, "m", "m"]
    assert [row["worst_after"] for row in rows] == [None, 300_000, 50]
    assert [row["aum_after"] for row in rows] == [9, 1_000, 9]
    assert [row["state"] for row in rows] == ["lapsed", "proposed", "lapsed"]
    assert effect_due(record, day(91), 90).tolist() == []


def test_a_record_of_before_has_the_columns_of_today() -> None:
    record = night(SCHEMA.empty_table(), 0, {1: 11})
    assert as_recorded(record.drop_columns(["model_after"])).equals(record)


def test_figures_after_ninety_days_are_written_once_for_whoever_is_looked_at() -> None:
    record = night(SCHEMA.empty_table(), 0, {1: 11, 2: 22}, worst=400_000, aum=5_000)
    early = night(record, 89, {1: 11, 2: 22})
    assert one(early, 1, 0)["effect_on"] is None
    record = night(early, 90, {1: 11}, worst=50_000, aum=6_000)
    row = one(record, 1, 0)
    assert (row["effect_on"], row["worst_then"], row["worst_after"]) == (day(90), 400_000, 50_000)
    assert (row["aum_then"], row["aum_after"]) == (5_000, 6_000)
    assert one(record, 2, 0)["effect_on"] is None
    later = night(record, 91, {1: 11, 2: 22}, worst=10, aum=1)
    assert one(later, 1, 0)["worst_after"] == 50_000
    assert one(later, 2, 0)["effect_on"] == day(91)


def test_customers_who_became_one_keep_one_open_proposal() -> None:
    record = night(SCHEMA.empty_table(), 0, {1: 11, 2: 22})
    into = np.array([0, 1, 1, 3], np.int32)
    record = night(renumbered(record, into), 1, {1: 22})
    opened = [row for row in record.to_pylist() if row["over_on"] is None]
    assert len(opened) == 1 and opened[0]["customer"] == 1
    assert record.num_rows in (2, 3)


def test_withheld_proposals_stand_in_an_arm_of_their_own() -> None:
    record = night(SCHEMA.empty_table(), 0, {6: 66, 7: 77})
    assert {row["customer"]: row["arm"] for row in record.to_pylist()} == {6: "withheld", 7: "shown"}


def test_a_digest_knows_products_and_sides_and_no_order_nor_amount() -> None:
    def digest(*trades: tuple[int, int]) -> int:
        start = np.array([0, len(trades)], np.int64)
        product, side = (np.array([t[at] for t in trades], np.int64) for at in (0, 1))
        return int(trades_digest(start, product, side.astype(np.int8), ["A", "B", "C"])[0])

    assert digest() == 0
    assert digest((0, 1), (2, -1)) == digest((2, -1), (0, 1))
    assert len({digest((0, 1)), digest((0, -1)), digest((1, 1)), digest((0, 1), (1, 1))}) == 4


@given(
    nights=st.lists(
        st.dictionaries(st.integers(0, 4), st.integers(0, 3), max_size=5), min_size=1, max_size=6
    ),
    said=st.lists(
        st.tuples(
            st.integers(0, 5), st.integers(0, 6), st.integers(0, 6),
            st.sampled_from(["seen", "accepted", "changed", "declined"]),
        ),
        max_size=6,
    ),
)  # fmt: skip
def test_every_night_each_customer_has_at_most_one_open_row_and_no_row_is_lost(
    nights: Sequence[dict[int, int]], said: Sequence[tuple[int, int, int, str]]
) -> None:
    record, rows = SCHEMA.empty_table(), 0
    told = answers(*sorted(said, key=lambda each: each[2]))
    for on, trades in enumerate(nights):
        record = night(record, on, trades, told)
        assert record.num_rows >= rows
        rows = record.num_rows
        opened = [row["customer"] for row in record.to_pylist() if row["over_on"] is None]
        wanted = {customer for customer, digest in trades.items() if digest}
        assert sorted(opened) == sorted(set(opened)) and set(opened) == wanted
        for row in record.to_pylist():
            assert row["proposed_on"] <= row["last_on"] <= day(on)
            assert (row["answer"] is not None) == (row["answered_on"] is not None)
            assert row["answered_on"] is None or row["seen_on"] is not None
