"""A trigger sees, with each row, what a night of the day would compute of all rows up to this one; in
whatever batches the rows come, and by whichever of the two ways they are taken."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given

from quanke.bank.contracts import Purpose
from quanke.engines.live.decisions import DECISIONS
from quanke.engines.live.engine import LiveEngine
from quanke.engines.live.reading import is_live
from quanke.engines.live.tables import TableOpenings
from quanke.engines.memory import evaluate_triggers
from quanke.kernel.errors import DefinitionError, QuankeError
from quanke.language import Catalogue, Tag, Trigger, count, days, facts, latest, total
from quanke.language.expressions import Expression
from quanke.language.nodes import Node
from quanke.language.types import BOOLEAN, Type
from tests.generative.definitions import PEOPLE, DefinitionWriter, _row_leaf, tables
from tests.generative.expressions import Writer
from tests.generative.test_definitions import as_arrow, as_earlier, earlier_values
from tests.generative.values import AS_OF, SEEDS, examples
from tests.live.test_engine_equals_night import everybody, live_tags, with_ids

TABLE = "transactions"
tx = facts.transactions
Identity = tuple[str, int, str]


def triggers(r: Random, tags: Sequence[Tag], writer: DefinitionWriter, wanted: int) -> list[Trigger]:
    """Random conditions on rows of one table and on the customer."""
    found: list[Trigger] = []
    own = _row_leaf(facts.tables[TABLE])

    def leaf(random: Random, of: Type) -> Node:
        others = [t for t in tags if t.result.kind is of.kind]
        if others and random.random() < 0.4:
            return random.choice(others).node
        return own(random, of)

    while len(found) < wanted:
        first = Expression(Writer(r, own).write(BOOLEAN, 1))
        more = Expression(Writer(r, leaf).write(BOOLEAN, 2))
        name = f"trigger_{len(found)}"
        joined = first | more if r.random() < 0.5 else first & more
        try:
            purpose = r.choice((Purpose.RISK, Purpose.SERVICE, Purpose.MARKETING))
            made = Trigger(name=name, title_zh="触发", title_en="Fires", value=joined, purpose=purpose)
            Catalogue([*writer.tags, made])
        except DefinitionError:
            continue
        if made.table == TABLE:
            found.append(made)
    return found


def taken(engine: LiveEngine, rows: pa.Table, sizes: Sequence[int]) -> list[pa.Table]:
    made, low = [DECISIONS.empty_table()], 0
    for size in sizes:
        made.append(engine.take(TABLE, rows.slice(low, size)))
        low += size
    return made


def identities(made: Sequence[pa.Table]) -> Counter[Identity]:
    found: Counter[Identity] = Counter()
    for row in pa.concat_tables(made).to_pylist():
        json.loads(row["values"])
        found[row["trigger"], row["customer"], row["event_id"]] += 1
    return found


def judged(
    tags: Sequence[Tag],
    fired: Sequence[Trigger],
    coming: Sequence[Mapping[str, Any]],
    held: Mapping[str, Sequence[Mapping[str, Any]]],
    earlier: Any,
) -> Counter[Identity]:
    """What the plain-Python judge says, row by row."""
    wanted: Counter[Identity] = Counter()
    rows = list(held[TABLE])
    for row in coming:
        rows.append(row)
        found = evaluate_triggers(tags, fired, [row], {**held, TABLE: rows}, AS_OF, earlier)
        for name, (value,) in found.items():
            if value is True:
                wanted[name, row["customer"], row["event_id"]] += 1
    return wanted


@examples(80)
@given(SEEDS)
def test_random_triggers(seed: int) -> None:
    r = Random(seed)
    made, writer = tables(r), DefinitionWriter(r)
    all_tags = writer.write(6)
    before = earlier_values(r, all_tags)
    tags = live_tags(all_tags)
    fired = triggers(r, tags, writer, 4)
    whole = as_arrow(made, [*all_tags, *fired])
    rows = with_ids(whole[TABLE])
    there = [
        d <= AS_OF and c < PEOPLE
        for d, c in zip(*(rows[n].to_pylist() for n in ("date", "customer")), strict=True)
    ]
    split = [r.random() < 0.4 for _ in there]
    held = {
        **whole,
        TABLE: rows.filter(pa.array([s or not t for s, t in zip(split, there, strict=True)], pa.bool_())),
    }
    coming = rows.filter(pa.array([t and not s for s, t in zip(split, there, strict=True)], pa.bool_()))
    coming = coming.take(pa.array(r.sample(range(coming.num_rows), coming.num_rows), pa.int64()))
    profile = everybody(as_earlier(before, all_tags))
    found = []
    try:
        for singly in (0, 100, 1):
            engine = LiveEngine(
                Catalogue([*all_tags, *fired]), fired, profile, TableOpenings(held, PEOPLE), AS_OF
            )
            engine.singly = singly
            sizes = [coming.num_rows] if singly != 1 else [r.randint(0, 3) for _ in range(coming.num_rows)]
            found.append(identities(taken(engine, coming, [*sizes, coming.num_rows])))
    except OverflowError:
        return
    except QuankeError as error:
        assert "64 bits" in str(error)
        return
    assert found[0] == found[1] == found[2]
    try:
        plain = {name: table.to_pylist() for name, table in held.items()}
        wanted = judged(all_tags, fired, coming.to_pylist(), plain, before)
    except OverflowError:
        return
    assert found[0] == wanted


aum = Tag(name="count_today", title_zh="今日笔数", title_en="Today", value=count(tx).within(days(1)))
spent = Tag(
    name="spent", title_zh="支出", title_en="Spent", value=total(tx.amount).where(tx.direction == "out")
)
last = Tag(name="last_memo", title_zh="附言", title_en="Remark", value=latest(tx.memo))
third = Trigger(name="third", title_zh="第三笔", title_en="The third", value=(tx.amount > 0) & (aum == 3))
much = Trigger(
    name="much", title_zh="大额", title_en="Much", value=(tx.direction == "out") & (spent >= 1_000)
)


def movements(rows: list[tuple[int, str, str, int]], day: dt.date = AS_OF) -> pa.Table:
    return pa.table(
        {
            "customer": pa.array([c for c, _, _, _ in rows], pa.int32()),
            "event_id": [e for _, e, _, _ in rows],
            "date": pa.array([day] * len(rows), pa.date32()),
            "direction": [d for _, _, d, _ in rows],
            "amount": pa.array([a * 100 for _, _, _, a in rows], pa.int64()),
            "memo": pa.array([None] * len(rows), pa.string()),
        }
    )


def engine(rows: pa.Table | None = None, **given_: Any) -> LiveEngine:
    held = {TABLE: movements([]) if rows is None else rows, "customers": pa.table({"customer": [0, 1, 2]})}
    wanted = [third, much]
    return LiveEngine(
        Catalogue([aum, spent, last, *wanted]),
        wanted,
        pa.table({"customer": pa.array([0, 1, 2], pa.int32())}),
        TableOpenings(held, 3),
        AS_OF,
        keep=["count_today", "spent", "last_memo"],
        **given_,
    )


@pytest.mark.parametrize("singly", [0, 8])
def test_the_third_row_of_one_batch_is_the_third(singly: int) -> None:
    live = engine()
    live.singly = singly
    rows = movements([(1, "a", "out", 400), (0, "b", "in", 5), (1, "c", "out", 500), (1, "d", "out", 100)])
    made = live.take(TABLE, rows)
    assert made.schema == DECISIONS
    told = [(d["trigger"], d["customer"], d["event_id"], json.loads(d["values"])) for d in made.to_pylist()]
    assert told == [
        ("third", 1, "d", {"amount": 100_00, "count_today": 3}),
        ("much", 1, "d", {"direction": "out", "spent": 1_000_00}),
    ]


def test_a_customer_the_night_does_not_know() -> None:
    live = engine()
    live.take(TABLE, movements([(7, "a", "out", 400)] * 1))
    assert live.tags([7, 8], ["spent", "count_today"]).to_pylist() == [
        {"customer": 7, "spent": 400_00, "count_today": 1},
        {"customer": 8, "spent": 0, "count_today": 0},
    ]


@pytest.mark.parametrize("singly", [0, 8])
def test_a_sum_that_does_not_fit_changes_nothing(singly: int) -> None:
    live = engine()
    live.singly = singly
    most = (2**63 - 1) // 100
    live.take(TABLE, movements([(0, "a", "out", most - 10)]))
    with pytest.raises(OverflowError):
        live.take(TABLE, movements([(0, "b", "out", 5), (0, "c", "out", 50)]))
    assert live.tags([0], ["spent", "count_today"]).to_pylist()[0]["spent"] == (most - 10) * 100
    live.take(TABLE, movements([(0, "b", "out", 5)]))
    assert live.tags([0], ["count_today"])["count_today"].to_pylist() == [2]


def test_rows_without_a_field_are_refused() -> None:
    with pytest.raises(QuankeError, match="direction"):
        engine().take(TABLE, movements([(0, "a", "out", 5)]).drop_columns("direction"))
    assert engine().take("contacts", movements([(0, "a", "out", 5)])).num_rows == 0


def test_windows_move_on_at_midnight() -> None:
    live = engine(movements([(0, "old", "out", 10)], AS_OF - dt.timedelta(days=1)))
    live.take(TABLE, movements([(0, "a", "out", 1), (0, "b", "out", 1)]))
    live.take(TABLE, movements([(0, "tomorrow", "out", 3)], AS_OF + dt.timedelta(days=1)))
    assert live.tags([0], ["count_today", "spent"]).to_pylist()[0] == {
        "customer": 0, "count_today": 2, "spent": 12_00,
    }  # fmt: skip
    live.turn_day(AS_OF + dt.timedelta(days=1))
    assert live.tags([0], ["count_today", "spent"]).to_pylist()[0] == {
        "customer": 0, "count_today": 1, "spent": 15_00,
    }  # fmt: skip
    live.take(TABLE, movements([(0, "late", "out", 5)]))
    assert live.tags([0], ["count_today", "spent"]).to_pylist()[0] == {
        "customer": 0, "count_today": 1, "spent": 20_00,
    }  # fmt: skip


assert is_live(TABLE)
