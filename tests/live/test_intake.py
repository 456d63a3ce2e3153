"""What arrives is judged by the loader's rules, numbered, told once, and put into each customer's order."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from quanke.bank.home import Home
from quanke.customers.register import register_of
from quanke.engines.live.intake import checks as checking
from quanke.engines.live.intake.arrivals import Arrivals, live_contract, normal, read_messages
from quanke.engines.live.intake.checks import Checks, open_checks
from quanke.engines.live.intake.hashes import row_hashes, text_hashes
from quanke.engines.live.intake.levels import Levels
from quanke.engines.live.intake.numbers import numbers_of
from quanke.engines.live.intake.reading import Judged, Share, judge
from quanke.engines.live.intake.seen import Seen
from quanke.engines.live.running.order import between, rounds
from tests.homes import Bank
from tests.live.busy_days import LAST


@pytest.fixture(scope="module")
def checks(busy: Bank) -> Iterator[Checks]:
    home = Home.open(busy[0])
    with open_checks(home, numbers_of(home, register_of(home).customer), LAST) as opened:
        yield opened


def judged(checks: Checks, *events: dict[str, Any] | bytes, seen: Seen | None = None, **more: Any) -> Judged:
    messages = [e if isinstance(e, bytes) else json.dumps(e).encode() for e in events]
    arrivals = read_messages(messages, "test", range(1, len(messages) + 1))
    share = more.get("share", Share())
    return judge(arrivals, checks, seen or Seen(), share, "test", LAST)


def a_movement(busy: Bank, **fields: Any) -> dict[str, Any]:
    found = next(e for e in busy[1] if e["table"] == "transactions")
    return {**found, **fields}


def reasons(found: Judged) -> list[tuple[int, str, str]]:
    return sorted((r.row, r.field, r.rule) for r in found.refusals)


def test_the_whole_days_are_good(busy: Bank, checks: Checks) -> None:
    found = judged(checks, *busy[1])
    assert found.count == len(busy[1])
    assert not found.refusals
    assert [day for _, day in found.marks][-1] == LAST


@pytest.mark.parametrize(
    ("fields", "field", "rule"),
    [
        ({"kind": "bribe"}, "kind", "values"),
        ({"account_id": "nobody's"}, "account_id", "references"),
        ({"date": "2026-02-30"}, "date", "type"),
        ({"date": "2190-01-01"}, "date", "range"),
        ({"amount_fen": None, "amount": 1.234}, "amount", "decimals"),
        ({"amount_fen": "12.5"}, "amount", "type"),
        ({"amount_fen": -5}, "amount", "positive"),
        ({"amount_fen": None}, "amount", "required"),
        ({"at": "noon"}, "at", "type"),
        ({"initiated": "perhaps"}, "initiated", "type"),
        ({"memo": "x" * 5_000}, "memo", "length"),
        ({"transaction_id": None}, "transaction_id", "required"),
    ],
)
def test_broken_rules_are_told(
    busy: Bank, checks: Checks, fields: dict[str, Any], field: str, rule: str
) -> None:
    good, bad = a_movement(busy), a_movement(busy, **{"transaction_id": "another", **fields})
    found = judged(checks, good, bad)
    assert reasons(found) == [(2, field, rule)]
    assert found.count == 1
    row = found.refused["transactions"].to_pylist()[0]
    assert (row["file"], row["row"], row["unit"]) == ("test", 2, "test")
    for name, value in fields.items():
        if value is not None and name in row:
            assert row[name] == str(value), "the quarantine keeps what came"


def test_what_is_no_event(busy: Bank, checks: Checks) -> None:
    found = judged(
        checks, b"oops", {"table": "cards"}, {"amount": 1}, b"[]", b"[3]", a_movement(busy, memo={"a": 1})
    )
    assert reasons(found) == [
        (1, "", "record"), (2, "table", "values"), (3, "table", "required"),
        (5, "", "record"), (6, "", "record"),
    ]  # fmt: skip
    assert found.refused["transactions"].to_pylist()[0]["record"]


def test_messages_with_several_events(busy: Bank, checks: Checks) -> None:
    one, two = a_movement(busy, transaction_id="a"), a_movement(busy, transaction_id="b")
    assert judged(checks, json.dumps([one, two]).encode()).count == 2
    assert judged(checks, f"{json.dumps(one)}\n{json.dumps(two)}\n".encode()).count == 2


def test_an_event_number_for_any_table(busy: Bank, checks: Checks) -> None:
    event = a_movement(busy)
    event["event_id"] = event.pop("transaction_id")
    found = judged(checks, event)
    assert found.rows["transactions"]["#event"].to_pylist() == [event["event_id"]]


def spelled(event: dict[str, Any], r: Random) -> dict[str, Any]:
    """The same event in other words."""
    event = dict(event)
    if r.random() < 0.5 and "amount_fen" in event:
        fen = int(event.pop("amount_fen"))
        event["amount"] = f"+{fen // 100}.{fen % 100:02d}0"
    if r.random() < 0.5:
        event["date"] = event["date"].replace("-", "")
    if r.random() < 0.5 and "at" in event:
        event["at"] = str(event["at"]).replace(" ", "T") + " +0800"
    if r.random() < 0.5 and "initiated" in event:
        event["initiated"] = {"true": "是", "false": "N"}[event["initiated"]]
    return event


def test_plain_or_otherwise_the_same_rows(
    busy: Bank, checks: Checks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Typed columns, texts of the same events, and other spellings give the same values."""
    plain = judged(checks, *busy[1])
    monkeypatch.setattr(checking, "plain_columns", lambda *_: None)
    texts = judged(checks, *busy[1])
    others = judged(checks, *(spelled(event, Random(n)) for n, event in enumerate(busy[1])))
    assert set(plain.rows) == set(texts.rows) == set(others.rows)
    for table, rows in plain.rows.items():
        assert rows.equals(texts.rows[table])
        rest = [name for name in rows.column_names if name not in ("#content", "#id")]
        if table != "balances":
            assert rows.select(rest).equals(others.rows[table].select(rest))


def test_come_again_and_come_changed(busy: Bank, checks: Checks) -> None:
    seen = Seen()
    event = a_movement(busy)
    first = judged(checks, event, event, seen=seen)
    assert (first.count, first.again) == (1, 1)
    rows = first.rows["transactions"]
    seen.add(LAST, rows["#id"].to_numpy(), rows["#content"].to_numpy())
    again = judged(checks, event, {**event, "amount_fen": 1}, seen=seen)
    assert (again.count, again.again) == (0, 1)
    assert reasons(again) == [(2, "transaction_id", "changed")]


def test_shares_are_a_partition(busy: Bank, checks: Checks) -> None:
    bad = [a_movement(busy, transaction_id=f"x{n}", account_id=f"nobody {n}") for n in range(9)]
    events = [*busy[1], *bad, b"no event", b"none either"]
    whole = judged(checks, *events)
    parts = [judged(checks, *events, share=Share(part, 3)) for part in range(3)]
    assert sum(p.count for p in parts) == whole.count
    assert sorted(r for p in parts for r in reasons(p)) == reasons(whole)
    assert all(p.marks == whole.marks for p in parts)
    for number, part in enumerate(parts):
        for rows in part.rows.values():
            assert set(np.unique(rows["customer"].to_numpy() % 3)) <= {number}


def test_seen_forgets_and_comes_back(tmp_path: Path) -> None:
    r = np.random.default_rng(3)
    seen = Seen(horizon=3)
    days = [dt.date(2026, 6, d) for d in range(1, 8)]
    given = {}
    for day in days:
        for _ in range(5):
            ids, contents = r.integers(0, 2**63, (2, 40)).astype(np.uint64)
            seen.add(day, ids, contents)
            given.setdefault(day, []).append((ids, contents))
        seen.forget(day)
    seen.save(tmp_path / "seen.npz")
    loaded = Seen(horizon=3)
    loaded.load(tmp_path / "seen.npz")
    assert len(loaded) == len(seen) == 4 * 5 * 40
    for day in days:
        for ids, contents in given[day]:
            for one in (seen, loaded):
                verdict = one.judge(ids, contents)
                kept = day >= days[-4]
                assert verdict.again.all() == kept and verdict.new.all() != kept
                assert one.judge(ids, contents + np.uint64(1)).changed.all() == kept


def test_hashes_are_of_the_text_alone() -> None:
    r = Random(1)
    texts = ["".join(r.choice("ab中 \0") for _ in range(r.randint(0, 40))) for _ in range(500)] + [None]
    array = pa.array(texts)
    found = dict(zip(texts, text_hashes(array).tolist(), strict=True))
    assert len(set(found.values())) == len(found)
    for start in (1, 7, 499):
        assert text_hashes(array.slice(start)).tolist() == [found[t] for t in texts[start:]]
    table = pa.table({"a": ["x", None], "b": [None, "x"]})
    assert len(set(row_hashes(table, ["a", "b"]).tolist())) == 2


# --- balances


def levels(known: list[tuple[int, int]]) -> Levels:
    last = known[-1] if known else (-(2**31), 0)
    return Levels(np.array([last[0]], np.int32), np.array([last[1]], np.int64), lambda _: known)


def told(one: Levels, *rows: tuple[int, int, int | None]) -> list[tuple[int, int]]:
    table = pa.table(
        {
            "account": pa.array([0] * len(rows), pa.int32()),
            "date": pa.array([d for d, _, _ in rows], pa.int32()).cast(pa.date32()),
            "balance": pa.array([b for _, b, _ in rows], pa.int64()),
            "at": pa.array([at for *_, at in rows], pa.timestamp("us")),
            "#event": pa.array([f"e{n}" for n in range(len(rows))]),
        }
    )
    found = one.changes(table)
    return list(zip(found["date"].cast(pa.int32()).to_pylist(), found["delta"].to_pylist(), strict=True))


def test_balances_become_the_ledger_the_load_would_keep() -> None:
    """However they come, the deltas add up to what is known of each day; late ones move no later day."""
    for seed in range(300):
        r = Random(seed)
        known = sorted((d, r.randint(-50, 50)) for d in r.sample(range(10), r.randint(0, 4)))
        want = dict(known)
        one = levels(known)
        ledger: dict[int, int] = {}
        before = 0
        for day, balance in known:
            ledger[day] = ledger.get(day, 0) + balance - before
            before = balance
        moments: dict[int, int] = {}
        for _ in range(r.randint(1, 8)):
            day, balance, at = r.randint(0, 15), r.randint(-50, 50), r.randint(0, 5)
            if at >= moments.get(day, -1):
                want[day], moments[day] = balance, at
            for date, delta in told(one, (day, balance, at)):
                ledger[date] = ledger.get(date, 0) + delta
        total, level = 0, 0
        for day in range(17):
            total += ledger.get(day, 0)
            level = want.get(day, level)
            assert total == level, (seed, day)


def test_levels_are_kept(tmp_path: Path) -> None:
    one = levels([(3, 10)])
    assert told(one, (5, 30, None)) == [(5, 20)]
    one.save(tmp_path / "levels.json")
    other = levels([(3, 10)])
    other.load(tmp_path / "levels.json")
    assert told(other, (4, 15, None)) == told(one, (4, 15, None)) == [(4, 5), (5, -5)]


# --- order


def test_rounds_keep_each_customers_order() -> None:
    for seed in range(200):
        r = Random(seed)
        rows: dict[str, list[tuple[int, int]]] = {name: [] for name in ("b", "t", "c")}
        for place in range(r.randint(0, 30)):
            rows[r.choice(list(rows))].append((r.randint(0, 3), place))
        tables = {
            name: pa.table(
                {
                    "customer": pa.array([c for c, _ in v], pa.int32()),
                    "#place": pa.array([p for _, p in v], pa.int64()),
                }
            )
            for name, v in rows.items()
            if v
        }
        taken: dict[int, list[int]] = {}
        for _, part in rounds(tables):
            for customer, place in zip(part["customer"].to_pylist(), part["#place"].to_pylist(), strict=True):
                taken.setdefault(customer, []).append(place)
        assert all(places == sorted(places) for places in taken.values()), seed
        assert sum(map(len, taken.values())) == sum(map(len, rows.values()))
        cut = r.randint(0, 30)
        halves = [between(tables, -1, cut), between(tables, cut, 99)]
        assert sum(t.num_rows for half in halves for t in half.values()) == sum(map(len, rows.values()))


def test_normal_rows_are_trimmed(busy: Bank) -> None:
    raw = read_messages([json.dumps(a_movement(busy, memo="  a ", channel=" ")).encode()], "x", [1]).raws[0]
    rows = normal(raw)
    assert (rows["memo"][0].as_py(), rows["channel"][0].as_py()) == ("a", None)
    assert set(live_contract("transactions").by_name) <= set(rows.column_names)
    assert Arrivals([raw]).count == 1
