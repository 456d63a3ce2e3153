"""Random expressions over random tables: every engine gives what the judge gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given

from quanke.engines.spark.session import why_no_spark
from quanke.language import say
from quanke.language.expressions import Expression
from quanke.language.nodes import Call, Node, children, walk
from quanke.language.operations import OPERATIONS
from tests.generative.expressions import expressions, table
from tests.generative.values import AS_OF, SEEDS, examples
from tests.spec.engines import DuckDB, Engine, Memory, NumPy, same, spark
from tests.spec.tables import Table

JUDGE = Memory()
ROWS = 12
REFUSED = object()


def rows_of(given: Table, chosen: Sequence[int]) -> Table:
    """Some rows of a table."""
    return Table(given.types, {n: [v[i] for i in chosen] for n, v in given.columns.items()})


def judged(node: Node, given: Table) -> list[Any]:
    """The judge's value for each row, or REFUSED."""
    found = []
    for row in range(len(given)):
        try:
            found.append(JUDGE.run([node], rows_of(given, [row]), AS_OF)[0][0])
        except OverflowError:
            found.append(REFUSED)
    return found


def agree(engine: Engine, nodes: list[Node], given: Table) -> None:
    """The engine gives the judge's values wherever the judge gives one, all expressions at once where
    possible, and refuses what the judge refuses."""
    wanted = {node: judged(node, given) for node in nodes}
    sound = [node for node in nodes if REFUSED not in wanted[node]]
    if sound:
        for node, found in zip(sound, engine.run(sound, given, AS_OF), strict=True):
            compare(engine, node, given, found, wanted[node])
    for node in nodes:
        kept = [row for row, value in enumerate(wanted[node]) if value is not REFUSED]
        if 0 < len(kept) < len(given):
            found = engine.run([node], rows_of(given, kept), AS_OF)[0]
            compare(engine, node, rows_of(given, kept), found, [wanted[node][row] for row in kept])
        for row in [row for row in range(len(given)) if row not in kept][:1]:
            refuses(engine, node, rows_of(given, [row]))


def compare(engine: Engine, node: Node, given: Table, found: list[Any], wanted: list[Any]) -> None:
    """All values; where one differs, the smallest part of the expression that does is told."""
    for row, (value, right) in enumerate(zip(found, wanted, strict=True)):
        if not same(value, right, node):
            pytest.fail(culprit(engine, node, rows_of(given, [row])))


def culprit(engine: Engine, node: Node, given: Table) -> str:
    """The first part, inmost first, on which engine and judge differ."""
    for part in sorted(walk(node), key=lambda n: len(list(walk(n)))):
        if not isinstance(part, Call):
            continue
        wanted = judged(part, given)[0]
        try:
            found = engine.run([part], given, AS_OF)[0][0]
        except OverflowError:
            found = REFUSED
        if found is not wanted and (REFUSED in (found, wanted) or not same(found, wanted, part)):
            arguments = [judged(a, given)[0] for a in part.arguments]
            return f"{engine.name}: {say(part)}: {found!r} instead of {wanted!r} of {arguments!r}"
    return f"{engine.name}: {say(node)} differs only as a whole, for {given.rows[0]}"


def refuses(engine: Engine, node: Node, row: Table) -> None:
    """The outermost operations that the judge refuses for their own result must be refused."""
    while isinstance(node, Call):
        inner = next((a for a in children(node) if judged(a, row)[0] is REFUSED), None)
        if inner is None:
            break
        node = inner
    with pytest.raises(OverflowError):
        engine.run([node], row, AS_OF)
        pytest.fail(f"{engine.name} does not refuse {say(node)} for {row.rows[0]}")


@examples(250)
@given(SEEDS)
def test_numpy(seed: int) -> None:
    r = Random(seed)
    agree(NumPy(), expressions(r, 8), table(r, ROWS))


DUCKDB = DuckDB()


@examples(250)
@given(SEEDS)
def test_duckdb(seed: int) -> None:
    r = Random(seed)
    agree(DUCKDB, expressions(r, 8), table(r, ROWS))


@pytest.mark.skipif(bool(why_no_spark()), reason=why_no_spark() or "Spark is there")
@examples(12)
@given(SEEDS)
def test_spark(seed: int) -> None:
    """Fewer and larger statements, of some two seconds each: every operation alone, and what must be refused,
    is left to the cases of tests/spec."""
    r = Random(seed)
    nodes, given_ = expressions(r, 20), table(r, 4 * ROWS)
    wanted = {node: judged(node, given_) for node in nodes}
    nodes = [node for node in nodes if wanted[node].count(REFUSED) < ROWS]
    kept = [row for row in range(len(given_)) if all(wanted[node][row] is not REFUSED for node in nodes)]
    part = rows_of(given_, kept)
    for node, found in zip(nodes, spark().run(nodes, part, AS_OF), strict=True):
        compare(spark(), node, part, found, [wanted[node][row] for row in kept])


@examples(100)
@given(SEEDS)
def test_expressions_can_be_said(seed: int) -> None:
    for node in expressions(Random(seed), 8):
        assert repr(Expression(node)) == say(node)


def test_every_operation_is_tried() -> None:
    """What the tests above try holds every operation, with known and with unknown results."""
    known: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    for seed in range(400):
        r = Random(seed)
        nodes, given_ = expressions(r, 8), table(r, ROWS)
        for node in nodes:
            if isinstance(node, Call):
                values = judged(node, given_)
                unknown[node.operation] += values.count(None)
                known[node.operation] += sum(v is not None and v is not REFUSED for v in values)
    assert {name for name in OPERATIONS if known[name] < 12} == set()
    assert {name for name in OPERATIONS if unknown[name] == 0} == {"is_null"}
