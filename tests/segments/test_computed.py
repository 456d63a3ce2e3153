"""Conditions that are no sets of codes: arithmetic between columns, texts beside texts, choices."""

from __future__ import annotations

import datetime as dt
import tempfile
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from quanke.language import say
from quanke.language.expressions import Expression, call
from quanke.language.nodes import Column, Literal
from quanke.language.types import BOOLEAN, DATE, INTEGER, MONEY, RATE, TEXT, Kind, Type
from quanke.night.index import evaluator
from quanke.segments.index import AudienceIndex
from quanke.segments.index.arithmetic import Arithmetic, NotWhole
from quanke.segments.index.conditions import In, Passed
from quanke.segments.index.lifting import Lifting, NotLifted
from tests.generative.test_expressions import REFUSED, judged
from tests.generative.values import AS_OF, SEEDS, examples
from tests.segments.small_index import opened
from tests.spec.tables import Table

TYPES: dict[str, Type] = {
    "few": INTEGER, "many": INTEGER, "wide": INTEGER, "money": MONEY, "large": MONEY, "rate": RATE,
    "day": DATE, "other_day": DATE, "flag": BOOLEAN, "sure": BOOLEAN, "city": TEXT, "town": TEXT,
}  # fmt: skip
TEXTS = ("", "a", "ab", "b", "A", "张", "é", "zz")


def made(r: Random, rows: int) -> Table:
    """A bank's ordinary values, some unknown, in every width a column is kept in."""

    def value(name: str) -> Any:
        match name:
            case "few":
                return r.randrange(7)
            case "many":
                return r.randint(-300, 5_000)
            case "wide":
                return r.randint(-(2**31), 2**31)
            case "money":
                return r.choice((0, r.randint(-500_000, 90_000_000)))
            case "large":
                return r.randint(0, 2 * 10**13)
            case "rate":
                return Decimal(r.randint(-3_000_000, 3_000_000)).scaleb(-6)
            case "flag" | "sure":
                return r.random() < 0.4
            case "city" | "town":
                return r.choice(TEXTS)
        return dt.date(1990, 1, 1) + dt.timedelta(days=r.randrange(13_000))

    unknown = {name: r.choice((0.0, 0.1)) for name in TYPES if name != "sure"}
    return Table(
        TYPES,
        {
            name: [None if r.random() < unknown.get(name, 0) else value(name) for _ in range(rows)]
            for name in TYPES
        },
    )


def read(name: str) -> Expression:
    return Expression(Column("models", name, TYPES[name]))


def constant(value: Any, of: Type) -> Expression:
    return Expression(Literal(value, of))


def number(r: Random, kind: Kind, depth: int) -> Expression:
    """An expression of a kind that may well fit 64 bits."""
    if depth == 0 or r.random() < 0.15:
        names = [name for name, of in TYPES.items() if of.kind is kind]
        if r.random() < 0.75:
            return read(r.choice(names))
        match kind:
            case Kind.INTEGER:
                return constant(r.choice((None, 0, 1, -3, 7, 30, 1_000)), INTEGER)
            case Kind.MONEY:
                return constant(r.choice((None, 0, 150, -7_777, 5_000_000)), MONEY)
            case Kind.RATE:
                return constant(r.choice((None, *map(Decimal, ("0.5", "-1.1", "0", "0.035", "3")))), RATE)
        return constant(r.choice((None, dt.date(2001, 2, 3), AS_OF)), DATE)

    def part(of: Kind) -> Expression:
        return number(r, of, depth - 1)

    whole, same = Kind.INTEGER, kind
    ways = [
        lambda: call(r.choice(("least", "greatest", "coalesce")), part(same), part(same)),
        lambda: call("case", condition(r, depth - 1), part(same), part(same)),
    ]
    if kind is Kind.DATE:
        ways.append(lambda: call(r.choice(("add", "subtract")), part(same), part(whole)))
    else:
        ways += [
            lambda: call(r.choice(("add", "subtract")), part(same), part(same)),
            lambda: call(r.choice(("negate", "absolute")), part(same)),
        ]
    if kind is whole:
        ways += [
            lambda: call(r.choice(("multiply", "floor_divide", "modulo")), part(whole), part(whole)),
            lambda: call("days_between", part(Kind.DATE), part(Kind.DATE)),
            lambda: call("year", part(Kind.DATE)),
        ]
    if kind is Kind.MONEY:
        ways += [
            lambda: call(r.choice(("multiply", "divide")), part(same), part(r.choice((whole, Kind.RATE)))),
            lambda: call("modulo", part(same), part(same)),
        ]
    if kind is Kind.RATE:
        ways += [
            lambda: call(r.choice(("multiply", "divide")), part(same), part(same)),
            lambda: call("divide", part(Kind.MONEY), part(Kind.MONEY)),
            lambda: call("divide", part(whole), part(whole)),
            lambda: call("to_rate", part(whole)),
        ]
    return r.choice(ways)()


def text(r: Random, depth: int) -> Expression:
    if depth == 0 or r.random() < 0.3:
        return constant(r.choice(TEXTS), TEXT) if r.random() < 0.3 else read(r.choice(("city", "town")))

    def part() -> Expression:
        return text(r, depth - 1)

    ways = [
        lambda: call("part", part(), 1, 2),
        lambda: call("concat", part(), part()),
        lambda: call(r.choice(("least", "greatest", "coalesce")), part(), part()),
        lambda: call("case", condition(r, depth - 1), part(), part()),
    ]
    return r.choice(ways)()


def condition(r: Random, depth: int) -> Expression:
    """A condition over all of these."""
    operations = ("equal", "not_equal", "less", "at_most", "greater", "at_least")
    if depth == 0:
        return read(r.choice(("flag", "sure")))
    kind = r.choice((Kind.INTEGER, Kind.MONEY, Kind.RATE, Kind.DATE))

    def value() -> Expression:
        return number(r, kind, depth - 1)

    def part() -> Expression:
        return condition(r, depth - 1)

    few = [constant(n, INTEGER) for n in (0, 3, 30)]
    ways = [
        lambda: call(r.choice(operations), value(), value()),
        lambda: call(r.choice(operations), value(), value()),
        lambda: call(r.choice(operations), text(r, depth - 1), text(r, depth - 1)),
        lambda: call("one_of", number(r, Kind.INTEGER, depth - 1), *few),
        lambda: call("equal", call("band", read("many"), 0, 10, 900), r.randrange(4)),
        lambda: call("is_null", value()),
        lambda: call("opposite", part()),
        lambda: call(r.choice(("both", "either", "equal", "not_equal", "coalesce")), part(), part()),
        lambda: call("case", part(), part(), part()),
    ]
    return r.choice(ways)()


@examples(150)
@given(SEEDS)
def test_whatever_is_computed(seed: int) -> None:
    r = Random(seed)
    rows = r.choice((1, 63, 64, 300, 1_023, 1_024, 1_025, 2_100))
    given_ = made(r, rows)
    there = np.array([r.random() < r.choice((0.9, 0.02)) for _ in range(rows)])
    with tempfile.TemporaryDirectory() as folder:
        index = opened(given_, Path(folder), there)
        for _ in range(4):
            node = condition(r, r.randint(1, 4)).node
            wanted = judged(node, given_)
            if REFUSED in wanted:
                continue
            numbers = [n for n, value in enumerate(wanted) if value is True and there[n]]
            assert index.members(node).numbers().tolist() == numbers, say(node)
            assert index.count(node) == len(numbers), say(node)
            some = index.members(read("flag").node)
            assert index.count(node, some) == sum(n in some for n in numbers), say(node)
        index.close()


@pytest.fixture
def index(tmp_path: Path) -> AudienceIndex:
    return opened(made(Random(1), 15_000), tmp_path)


def kernel(index: AudienceIndex, condition: Expression) -> None:
    """Compile a condition for the kernel of whole numbers."""
    lifting = Lifting(index.columns, index.evaluate, index.rows)
    Arithmetic(lifting.sources, index.evaluate).compiled(lifting.lifted(condition.node))


def test_whole_numbers_are_for_the_kernel(index: AudienceIndex) -> None:
    few, many, wide, money, large = (read(n) for n in ("few", "many", "wide", "money", "large"))
    day, city, town = read("day"), read("city"), read("town")
    for compiled in (
        call("greater", many, call("multiply", few, 30)),
        call("less", call("floor_divide", wide, 7), call("modulo", many, few)),
        call("greater", call("multiply", large, constant(Decimal("0.5"), RATE)), money),
        call("greater", call("divide", money, few), large),
        call("less", call("add", day, many), read("other_day")),
        call("equal", call("part", city, 1, 1), call("part", town, 1, 1)),
        call("less", call("case", read("flag"), city, "b"), call("least", city, town)),
        call("equal", call("year", day), call("year", read("other_day"))),
        call("equal", read("flag"), call("greater", many, few)),
    ):
        kernel(index, compiled)
    for refused in (
        call("greater", call("multiply", call("multiply", wide, wide), many), 0),  # may leave 64 bits
        call("greater", call("multiply", large, read("rate")), money),  # no exact quotient
        call("greater", call("divide", call("multiply", large, many), few), money),
        call("greater", call("to_number", wide), call("to_number", many)),
        call("less", call("add", day, wide), day),  # may leave the years 1 to 9999
    ):
        with pytest.raises(NotWhole):
            kernel(index, refused)
    with pytest.raises(NotLifted):
        kernel(index, call("equal", call("concat", city, town), "aa"))


def test_roundings_and_signs(tmp_path: Path) -> None:
    given_ = made(Random(3), 3_000)
    index = opened(given_, tmp_path)
    few, many, wide, money = (read(n) for n in ("few", "many", "wide", "money"))
    half = constant(Decimal("0.5"), RATE)
    for node in (
        call("greater", call("multiply", call("multiply", money, half), 2), money),  # half away from zero
        call("not_equal", call("multiply", call("divide", money, -2), -2), money),
        call("greater", call("multiply", call("floor_divide", many, -7), -7), many),
        call("less", call("modulo", many, call("subtract", few, 3)), 0),
        call("is_null", call("modulo", wide, few)),
        call("is_null", call("floor_divide", wide, few)),
        call("greater", call("divide", many, few), constant(Decimal("333.333333"), RATE)),
        call("less", call("absolute", call("negate", wide)), call("multiply", many, 300_000)),
    ):
        wanted = [n for n, value in enumerate(judged(node.node, given_)) if value is True]
        assert index.members(node.node).numbers().tolist() == wanted, say(node.node)
        assert 0 < len(wanted) < 3_000, say(node.node)
    index.close()


def test_choices_and_bands_are_sets(index: AudienceIndex) -> None:
    many, few = read("many"), read("few")
    for one_column in (
        call("less", call("coalesce", many, 0), 5),
        call("equal", call("band", many, 10, 900), 1),
        call("equal", call("case", call("less", many, 5), 1, call("less", many, 90), 2, 3), 2),
    ):
        formula = index.formula(one_column.node)
        assert isinstance(formula, In) and formula.column == "many", say(one_column.node)
    assert isinstance(index.formula(call("less", many, few).node), Passed)


def test_only_who_is_left_is_computed(tmp_path: Path) -> None:
    asked: list[int] = []
    plain = evaluator(AS_OF)

    def counting(nodes: Any) -> Any:
        compute = plain(nodes)

        def counted(values: Any, rows: int) -> Any:
            asked.append(rows)
            return compute(values, rows)

        return counted

    given_ = made(Random(2), 5_000)
    opened(given_, tmp_path).close()
    index = AudienceIndex(tmp_path, counting)
    rare = call("both", call("less", read("many"), -200), read("flag"))
    costly = call("greater", call("to_number", read("wide")), call("to_number", read("many")))
    both = call("both", costly, rare).node
    assert index.count(both) == sum(value is True for value in judged(both, given_)) > 0
    assert 0 < max(asked) == sum(value is True for value in judged(rare.node, given_)) < 100
    index.close()
