"""Random conditions on the audience index: the customers the judge finds, and those DuckDB finds."""

from __future__ import annotations

import tempfile
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given

from quanke.engines.duckdb import DIALECT
from quanke.engines.statements import lower
from quanke.language import say
from quanke.language.expressions import Expression, call
from quanke.language.nodes import Column, Literal, Node
from quanke.language.types import BOOLEAN, DATE, INSTANT, INTEGER, MONEY, NUMBER, RATE, TEXT, Kind, Type
from tests.generative.expressions import Writer, models_leaf, table
from tests.generative.test_expressions import REFUSED, judged
from tests.generative.values import AS_OF, KNOWN, SEEDS, examples, maybe
from tests.segments.small_index import opened
from tests.spec.engines import arrow
from tests.spec.tables import Table

SIZES = (1, 2, 12, 63, 64, 65, 130)
EVERY = (BOOLEAN, INTEGER, MONEY, RATE, NUMBER, TEXT, DATE, INSTANT)


@examples(120)
@given(SEEDS)
def test_whatever_the_language_says(seed: int) -> None:
    r = Random(seed)
    rows = r.choice(SIZES)
    given_ = table(r, rows)
    there = np.array([r.random() < 0.9 for _ in range(rows)])
    writer = Writer(r, models_leaf)
    with tempfile.TemporaryDirectory() as folder:
        index = opened(given_, Path(folder), there)
        for _ in range(4):
            node = writer.write(BOOLEAN, r.randint(1, 5), top=True)
            wanted = judged(node, given_)
            if REFUSED in wanted:
                continue
            numbers = [n for n, value in enumerate(wanted) if value is True and there[n]]
            assert index.members(node).numbers().tolist() == numbers, say(node)
            assert index.count(node) == len(numbers), say(node)
        index.close()


# --- many customers: every way a column can be stored, and conditions as analysts write them


def column(r: Random, of: Type, rows: int) -> list[Any]:
    """Values with few or many different ones, heavy ones, edges of 64 bits, and unknown ones (or none)."""
    kind = of.kind
    pool = [KNOWN[kind](r) for _ in range(r.choice((1, 3, 40, 6_000)))]
    heavy = r.choice(pool)
    unknown = r.choice((0.0, 0.0, 0.1, 0.9))
    if kind is Kind.INTEGER and r.random() < 0.5:
        pool = [r.randint(-5, 2 ** r.choice((3, 9, 14, 31, 62))) for _ in range(6_000)]
    return [
        None if r.random() < unknown else heavy if r.random() < 0.2 else r.choice(pool) for _ in range(rows)
    ]


def leaf(r: Random, given_: Table) -> Node:
    """A comparison of a column with constants that mostly occur in it."""
    name, of = r.choice([*given_.types.items()])
    node = Expression(Column("models", name, of))

    def constant() -> Any:
        value = r.choice(given_.columns[name]) if r.random() < 0.8 else maybe(r, of.kind)
        value = KNOWN[of.kind](r) if value is None else value
        if of.numeric and of.kind is not Kind.NUMBER and value == -(2**63):
            value += 1
        return Expression(Literal(value, of))

    if of.kind is Kind.BOOLEAN:
        return r.choice([node, call("equal", node, constant()), call("is_null", node)]).node
    operations = ("equal", "not_equal", "less", "at_most", "greater", "at_least")
    made = [
        call(r.choice(operations), node, constant()),
        call(r.choice(operations), constant(), node),
        call("both", call("at_least", node, constant()), call("less", node, constant())),
        call("one_of", node, *(constant() for _ in range(r.choice((1, 2, 7, 30, 200))))),
        call("is_null", node),
    ]
    return r.choice(made).node


def condition(r: Random, given_: Table, depth: int) -> Node:
    """Comparisons joined by and, or, not."""
    if depth == 0 or r.random() < 0.1:
        return leaf(r, given_)
    if r.random() < 0.25:
        return call("opposite", Expression(condition(r, given_, depth - 1))).node
    parts = [Expression(condition(r, given_, depth - 1)) for _ in range(2)]
    return call(r.choice(("both", "either")), *parts).node


@pytest.mark.slow
@examples(12)
@given(SEEDS)
def test_many_customers(seed: int) -> None:
    r = Random(seed)
    rows = r.choice((4_095, 4_096, 4_097, 9_001, 20_000))
    types = {f"{of.kind}_{n}": of for of in EVERY for n in (1, 2)}
    given_ = Table(types, {name: column(r, of, rows) for name, of in types.items()})
    there = np.array([r.random() < 0.95 for _ in range(rows)])
    connection = duckdb.connect(":memory:", config={"threads": 1})
    connection.register("given", arrow(given_))
    connection.register("exist", arrow(Table({"there": BOOLEAN}, {"there": there.tolist()})))

    def name(node: Node) -> str:
        assert isinstance(node, Column)
        return DIALECT.quote(node.name)

    with tempfile.TemporaryDirectory() as folder:
        index = opened(given_, Path(folder), there)
        for _ in range(25):
            node = condition(r, given_, r.randint(0, 4))
            sql = lower(node, DIALECT, AS_OF, name)
            found = connection.sql(
                f"SELECT customer FROM given JOIN exist USING (customer) WHERE there AND ({sql}) ORDER BY 1"
            ).fetchall()
            members = index.members(node)
            assert members.numbers().tolist() == [row[0] for row in found], say(node)[:2_000]
            assert index.count(node) == len(found)
        index.close()
    connection.close()
