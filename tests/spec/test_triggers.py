"""A trigger reads an arriving row, the customer behind it, and what is known of the customer."""

from __future__ import annotations

import datetime as dt
from typing import Any

from quanke.engines.live import Program, column_of, values_of
from quanke.engines.memory import evaluate, evaluate_triggers
from quanke.language import Tag, Trigger, customers, earlier, facts, level
from quanke.language.nodes import Column, Reference, type_of
from quanke.language.types import BOOLEAN

AS_OF = dt.date(2026, 6, 30)
tx = facts.transactions

aum = Tag(name="aum", title_zh="资产", title_en="Assets", value=level(facts.balances.balance))
leaving = Trigger(
    name="leaving",
    title_zh="大额转出",
    title_en="A great part goes out",
    value=(tx.direction == "out") & (tx.amount * 2 >= aum) & (customers.city == "深圳"),
)
sinking = Trigger(
    name="sinking",
    title_zh="下降",
    title_en="Less than before",
    value=(tx.amount > 0) & (aum < earlier(aum)),
)
TABLES: dict[str, list[dict[str, Any]]] = {
    "customers": [
        {"customer": 1, "city": "深圳"},
        {"customer": 2, "city": None},
        {"customer": 3, "city": "深圳"},
    ],
    "balances": [
        {"customer": 1, "date": dt.date(2026, 6, 1), "delta": 100_00},
        {"customer": 2, "date": dt.date(2026, 6, 1), "delta": 100_00},
    ],
}
EARLIER = {"aum": {1: 200_00, 2: 50_00}}
ROWS: list[dict[str, Any]] = [
    {"customer": 1, "direction": "out", "amount": 50_00},
    {"customer": 1, "direction": "out", "amount": 49_99},
    {"customer": 2, "direction": "out", "amount": 99_00},
    {"customer": 2, "direction": "in", "amount": 99_00},
    {"customer": 3, "direction": "out", "amount": None},
    {"customer": 3, "direction": "out", "amount": 1},
]
WANTED = {
    "leaving": [True, False, None, False, None, True],
    "sinking": [True, True, False, False, None, None],
}


def test_the_judge() -> None:
    assert evaluate_triggers([aum], [leaving, sinking], ROWS, TABLES, AS_OF, EARLIER) == WANTED


def test_numpy_with_the_profile_at_hand() -> None:
    """The live engine's way: tags and fields come from the night's profile, rows from the batch."""
    profile = evaluate([aum], TABLES, AS_OF)["aum"]
    cities = {row["customer"]: row["city"] for row in TABLES["customers"]}

    def read(node: Any) -> Any:
        who = [row["customer"] for row in ROWS]
        if isinstance(node, Reference):
            source = EARLIER["aum"] if node.earlier else profile
            return column_of([source.get(c) for c in who], node.type)
        assert isinstance(node, Column)
        values = [cities[c] for c in who] if node.table == "customers" else [row[node.name] for row in ROWS]
        return column_of(values, node.type)

    program = Program([leaving.expression, sinking.expression])
    assert {type_of(node).kind for node in program.inputs} >= {aum.result.kind}
    found = program.run(read, AS_OF, len(ROWS))
    assert [values_of(column, BOOLEAN) for column in found] == list(WANTED.values())
