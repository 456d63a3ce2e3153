"""Links as they come out of relations, wages and transfers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from quanke.customers.graph.derive import OPEN, derive_links
from quanke.customers.graph.groups import Groups, find_groups
from quanke.customers.graph.kinds import KINDS
from quanke.customers.graph.rules import GraphRules, rules_on
from tests.graph.small_graph import DAY

RULES = rules_on(DAY)
EPOCH = dt.date(1970, 1, 1)
RELATION = [
    ("from_customer", pa.int32()), ("to_customer", pa.int32()), ("kind", pa.string()),
    ("from_date", pa.date32()), ("to_date", pa.date32()), ("evidence", pa.string()),
]  # fmt: skip
MOVE = [
    ("customer", pa.int32()), ("date", pa.date32()), ("direction", pa.string()), ("amount", pa.int64()),
    ("kind", pa.string()), ("counterparty_account", pa.string()), ("counterparty_bank", pa.string()),
    ("own_name", pa.bool_()),
]  # fmt: skip
PARTY = [
    ("customer", pa.int32()), ("address", pa.string()), ("phone", pa.string()), ("phone_valid", pa.bool_()),
]  # fmt: skip
ACCOUNTS = [("account_id", pa.string()), ("customer", pa.int32())]
BODIES = {10, 11, 12}
"""Customers that are organisations; account "A7" is customer 7's."""


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def links(
    relations: Sequence[tuple[Any, ...]] = (), moves: Sequence[tuple[Any, ...]] = (), **more: Any
) -> list[dict[str, Any]]:
    """Derived links as plain rows."""
    with duckdb.connect() as connection:
        given = {}
        for name, schema, rows in (
            ("relations", RELATION, relations),
            ("transactions", MOVE, moves),
            ("accounts", ACCOUNTS, [(f"A{n}", n) for n in range(20)]),
            ("organisations", [("customer", pa.int32())], [(n,) for n in sorted(BODIES)]),
        ):
            names = [n for n, _ in schema]
            table = pa.Table.from_pylist([dict(zip(names, r, strict=True)) for r in rows], pa.schema(schema))
            connection.register(f"in_{name}", table)
            given[name] = f"in_{name}"
        found = derive_links(connection, given, more.get("as_of", DAY), more.get("rules", RULES))
    return [
        {
            "ends": (int(found.first[i]), int(found.second[i])),
            "kind": KINDS[found.kind[i]].name,
            "since": (EPOCH + dt.timedelta(int(found.since[i]))).isoformat(),
            "until": None
            if found.until[i] == OPEN
            else (EPOCH + dt.timedelta(int(found.until[i]))).isoformat(),
            "evidence": found.evidences[found.evidence[i]],
            "strength": round(float(found.strength[i]), 4),
            "months": int(found.months[i]),
            "amount": int(found.amount[i]),
        }
        for i in range(len(found))
    ]


def relation(
    first: int,
    second: int,
    kind: str,
    since: str,
    until: str | None = None,
    evidence: str | None = "declared",
) -> tuple[Any, ...]:
    return first, second, kind, day(since), day(until) if until else None, evidence


def wage(person: int, on: str, amount: int = 5_000_00, account: str = "A10") -> tuple[Any, ...]:
    return person, day(on), "in", amount, "salary", account, "own", None


def transfer(payer: int, payee: int, on: str, amount: int = 100_00, side: str = "out") -> tuple[Any, ...]:
    customer, other = (payer, payee) if side == "out" else (payee, payer)
    return customer, day(on), side, amount, "transfer", f"A{other}", "own", False


def test_relations_keep_their_dates_and_evidence() -> None:
    found = links(
        [
            relation(10, 1, "employs", "2024-01-01"),
            relation(10, 2, "employs", "2024-01-01", "2025-01-01", "partner"),
            relation(10, 3, "employs", "2026-07-01"),
            relation(10, 4, "employs", "2024-01-01", None, None),
            relation(10, 10, "supplies", "2024-01-01"),
            relation(5, 4, "family", "2024-01-01", None, "gossip"),
        ]
    )
    assert [(f["ends"], f["since"], f["until"], f["evidence"], f["strength"]) for f in found] == [
        ((4, 5), "2024-01-01", None, "gossip", 0.5),
        ((10, 1), "2024-01-01", None, "declared", 1.0),
        ((10, 2), "2024-01-01", "2025-01-01", "partner", 0.8),
        ((10, 4), "2024-01-01", None, "unstated", 0.5),
    ]


def test_what_a_partner_hands_over_is_known_from_the_partner() -> None:
    stated = """(SELECT 10 AS from_customer, person AS to_customer, 100 AS from_party, person AS to_party,
                        'employs' AS kind, DATE '2024-01-01' AS from_date, NULL::DATE AS to_date, evidence
                 FROM (VALUES (1, NULL), (2, NULL), (3, 'register')) AS r(person, evidence))"""
    parties = "(SELECT * FROM (VALUES (1, 'core'), (2, 'estate'), (3, 'estate')) AS p(party, source))"
    with duckdb.connect() as connection:
        found = derive_links(connection, {"relations": stated, "parties": parties}, DAY, RULES)
    said = {int(found.second[i]): found.evidences[found.evidence[i]] for i in range(len(found))}
    assert said == {1: "unstated", 2: "partner", 3: "register"}


def test_what_several_sources_say_is_one_link() -> None:
    found = links(
        [
            relation(10, 1, "employs", "2024-01-01", "2024-06-01", "partner"),
            relation(10, 1, "employs", "2024-06-01", "2024-09-01"),
            relation(10, 1, "employs", "2024-03-01", "2024-05-01", "register"),
            relation(10, 1, "employs", "2025-02-01", None, "partner"),
            relation(1, 2, "family", "2024-01-01"),
            relation(2, 1, "family", "2024-02-01"),
        ]
    )
    assert [(f["ends"], f["since"], f["until"], f["evidence"], f["strength"]) for f in found] == [
        ((1, 2), "2024-01-01", None, "declared", 1.0),
        ((10, 1), "2024-01-01", "2024-09-01", "declared+partner+register", 1.0),
        ((10, 1), "2025-02-01", None, "partner", 0.8),
    ]


def test_wages_from_an_account_here_make_a_link() -> None:
    months = ["2026-01-10", "2026-02-10", "2026-04-10", "2026-05-10", "2026-05-12"]
    found = links([], [wage(1, on) for on in months] + [wage(2, "2026-06-20", account="B-elsewhere")])
    assert found == [
        {"ends": (10, 1), "kind": "pays_wages", "since": "2026-01-10", "until": None, "evidence": "payroll",
         "strength": round(4 / 6, 4), "months": 4, "amount": 5 * 5_000_00}
    ]  # fmt: skip


def test_wages_end_when_they_stop_and_strengthen_what_was_declared() -> None:
    quiet = links([], [wage(1, "2025-12-10"), wage(1, "2026-01-10")])
    assert quiet[0]["until"] == "2026-01-11" and quiet[0]["strength"] == round(2 / 6, 4)
    both = links([relation(10, 1, "pays_wages", "2020-01-01", None, "partner")], [wage(1, "2026-06-10")])
    assert [(f["since"], f["evidence"], f["strength"], f["months"]) for f in both] == [
        ("2020-01-01", "partner+payroll", 0.8, 1)
    ]
    earlier = links([], [wage(1, "2026-06-10")], as_of=day("2026-06-09"))
    assert earlier == []
    assert links([], [wage(1, "2026-06-10", account="A2")]) == [], "a person's account pays no wages"


def test_repeated_transfers_between_bodies_and_between_persons() -> None:
    days = ["2026-02-01", "2026-03-01", "2026-04-01", "2026-05-01"]
    moves = [transfer(10, 11, on, 1_000_000_00) for on in days]
    moves += [transfer(10, 11, on, 1_000_000_00, side="in") for on in days[:2]]
    moves += [transfer(1, 2, on) for on in days]
    moves += [transfer(1, 3, on) for on in days[:2]]
    moves += [transfer(1, 4, "2026-03-01")] * 5
    moves += [transfer(1, 10, on) for on in days]
    found = [(f["ends"], f["kind"], f["months"], f["amount"], f["strength"]) for f in links([], moves)]
    assert found == [
        ((1, 2), "transfers", 4, 400_00, round((4 / 12 + 400_00 / 5_000_000) / 2, 4)),
        ((11, 10), "supplies", 4, 4_000_000_00, round((4 / 12 + 1) / 2, 4)),
    ]


def test_transfers_to_himself_are_none() -> None:
    mine = [(1, day(f"2026-0{m}-01"), "out", 100, "transfer", "A2", "own", True) for m in range(1, 6)]
    assert links([], mine) == []


def test_rules_change_what_is_seen() -> None:
    strict = GraphRules(since=dt.date(1900, 1, 1), wage_months=3, wage_stale_days=10)
    found = links([], [wage(1, "2026-05-10"), wage(1, "2026-06-10")], rules=strict)
    assert (found[0]["strength"], found[0]["until"]) == (round(2 / 3, 4), "2026-06-11")


def test_nothing_handed_over_gives_no_links() -> None:
    with duckdb.connect() as connection:
        assert len(derive_links(connection, {}, DAY, RULES)) == 0
    assert links() == []


def shared(parties: list[tuple[Any, ...]], events: list[tuple[Any, ...]], cap: int = 50) -> Groups:
    with duckdb.connect() as connection:
        people = pa.Table.from_pylist(
            [dict(zip(("customer", "address", "phone", "phone_valid"), p, strict=True)) for p in parties],
            pa.schema(PARTY),
        )
        seen = pa.Table.from_pylist(
            [dict(zip(("customer", "date", "device"), e, strict=True)) for e in events],
            pa.schema([("customer", pa.int32()), ("date", pa.date32()), ("device", pa.string())]),
        )
        connection.register("in_parties", people)
        connection.register("in_events", seen)
        rules = GraphRules(since=dt.date(1900, 1, 1), group_cap=cap)
        given = {"parties": "in_parties", "channel_events": "in_events"}
        return find_groups(connection, given, DAY, rules, 8)


def test_groups_share_a_device_an_address_or_a_telephone() -> None:
    parties = [
        (0, "福田区 1号", "138", True), (1, "福田区1号", "138", False), (1, "福田区1号", "139", True),
        (2, "", "138", True), (3, None, None, None), (4, "罗湖区2号", None, None),
    ]  # fmt: skip
    events = [
        (0, DAY, "x"), (4, DAY, "x"), (7, DAY, "x"), (3, DAY, "y"), (4, day("2024-01-01"), "y"),
        (2, DAY, None), (3, DAY, ""),
    ]  # fmt: skip
    found = shared(parties, events)
    assert found.table.to_pylist() == [
        {"kind": kind, "group": 1, "customer": customer, "size": 2, "huge": False}
        for kind, members in (("shares_device", (0, 4)), ("shares_address", (0, 1)), ("shares_phone", (0, 2)))
        for customer in members
    ]
    assert found.sizes["shares_device"].tolist() == [2, 0, 0, 0, 2, 0, 0, 0]


def test_a_huge_group_lists_its_first_members_only() -> None:
    found = shared([(n, "同一地址", None, None) for n in range(8)], [], cap=3)
    assert [(r["customer"], r["size"], r["huge"]) for r in found.table.to_pylist()] == [
        (n, 8, True) for n in range(3)
    ]
    assert np.all(found.sizes["shares_address"] == 8)
