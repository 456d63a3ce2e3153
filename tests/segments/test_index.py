"""The audience index: sets of customers, hiding, files that stay the same."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quanke.language.expressions import Expression, call
from quanke.language.nodes import Column
from quanke.language.types import BOOLEAN, INTEGER, TEXT
from quanke.segments.index import Members, words_from
from quanke.segments.index import cuts as c
from quanke.segments.index import kernels as k
from quanke.segments.index.columns import address_of
from quanke.segments.index.crew import shared
from quanke.segments.index.hiding import shown, shown_cells, shown_part
from tests.segments.small_index import opened, write
from tests.spec.tables import Table

ROWS = 5_000
CITIES = ["a", "b", "c", None]


def table(shift: int = 0) -> Table:
    numbers = [(n * 7_919 + shift) % 100_003 for n in range(ROWS)]
    return Table(
        {"amount": INTEGER, "city": TEXT, "fund": BOOLEAN},
        {
            "amount": numbers,
            "city": [CITIES[n % 4] for n in range(ROWS)],
            "fund": [n % 3 == 0 for n in range(ROWS)],
        },
    )


AMOUNT, CITY, FUND = (
    Expression(Column("models", n, t)) for n, t in (("amount", INTEGER), ("city", TEXT), ("fund", BOOLEAN))
)


def test_sets_of_customers(tmp_path: Path) -> None:
    there = np.arange(ROWS) % 10 != 9
    index = opened(table(), tmp_path, there)
    fund, a = index.members(FUND.node), index.members(call("equal", CITY, "a").node)
    every = set(np.flatnonzero(there).tolist())
    first, second = set(fund.numbers().tolist()), set(a.numbers().tolist())
    assert first == {n for n in every if n % 3 == 0} and second == {n for n in every if n % 4 == 0}
    for made, wanted in (
        (fund & a, first & second),
        (fund | a, first | second),
        (fund - a, first - second),
        (fund ^ a, first ^ second),
        (~fund, every - first),
    ):
        assert set(made.numbers().tolist()) == wanted and len(made) == len(wanted)
    assert 0 in fund and 9 not in fund and 10**9 not in fund
    assert index.count(call("equal", CITY, "a").node, fund) == len(first & second)
    assert Members.of(sorted(first), index.there) == fund
    assert Members.of([9, 12], index.there).numbers().tolist() == [12]


def test_a_breakdown_adds_up(tmp_path: Path) -> None:
    index = opened(table(), tmp_path)
    assert dict(index.breakdown("city")) == dict.fromkeys(CITIES, ROWS // 4)
    fund = index.members(FUND.node)
    assert sum(count for _, count in index.breakdown("amount", fund)) == len(fund)
    assert dict(index.breakdown("fund", fund)) == {True: len(fund)}


def test_a_sample_is_drawn_by_its_seed(tmp_path: Path) -> None:
    fund = opened(table(), tmp_path).members(FUND.node)
    drawn = fund.sample(50, seed=1).tolist()
    assert drawn == fund.sample(50, seed=1).tolist() != fund.sample(50, seed=2).tolist()
    assert len(set(drawn)) == 50 and drawn == sorted(drawn) and all(n in fund for n in drawn)
    assert fund.sample(10**6, seed=1).tolist() == fund.numbers().tolist()


def test_equal_values_give_equal_bytes_and_unchanged_columns_are_linked(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
    write(table(), tmp_path / "one")
    write(table(), tmp_path / "two")
    changed = table(shift=1)
    write(changed, tmp_path / "three", earlier=tmp_path / "one")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    links = {p.name: os.stat(p).st_nlink for p in (tmp_path / "three").iterdir()}
    assert {n for n, count in links.items() if count == 2} == {
        "city.planes",
        "city.values.arrow",
        "fund.planes",
    }
    (tmp_path / "alone").mkdir()
    write(changed, tmp_path / "alone")
    for path in (tmp_path / "alone").iterdir():
        assert path.read_bytes() == (tmp_path / "three" / path.name).read_bytes()


def test_nobody_waits_for_a_thread_that_the_processor_has_left(tmp_path: Path) -> None:
    rows = 3 * k.MOST * 64 - 100
    flags = np.arange(rows) % 3 == 0
    index = opened(Table({"fund": BOOLEAN}, {"fund": flags.tolist()}), tmp_path)
    program = index.program(FUND.node)
    told = shared(len(index.there))
    told[0] = 2  # others have taken two of three chunks

    def run(last: int) -> list[int]:
        memory = np.empty((program.levels + 2) * k.MOST + k.SCRATCH, np.uint64)
        k.run(
            program.instructions, program.planned, address_of(index.there), address_of(memory),
            program.levels, len(index.there), address_of(told), last, 0,
        )  # fmt: skip
        return (told[1:] - 1).tolist()

    wanted = [int(flags[n : n + k.MOST * 64].sum()) for n in range(0, rows, k.MOST * 64)]
    assert run(0) == [-1, -1, wanted[2]]
    assert run(1) == wanted
    assert index.count(FUND.node, index.everybody) == sum(wanted)
    index.close()


@given(st.lists(st.integers(0, 40), max_size=12), st.sampled_from([0, 1, 5, 10]))
def test_no_small_group_is_told_by_subtraction(cells: list[int], smallest: int) -> None:
    found = shown_cells(cells, smallest)
    assert all(count is None or count >= smallest for count in found)
    assert all(count in (None, cell) for count, cell in zip(found, cells, strict=True))
    hidden = [cell for count, cell in zip(found, cells, strict=True) if count is None]
    if any(cell < smallest for cell in cells) and sum(cells) >= smallest:
        assert sum(hidden) >= smallest and (len(hidden) >= 2 or len(cells) == 1)
    if all(cell >= smallest for cell in cells):
        assert found == cells


def test_what_is_hidden() -> None:
    assert (shown(9, 10), shown(10, 10), shown(0, 0)) == (None, 10, 0)
    assert shown_part(95, 100, 10) is None  # the five others would be told
    assert shown_part(100, 100, 10) == 100
    assert shown_part(90, 100, 10) == 90 and shown_part(9, 100, 10) is None
    assert shown_cells([50, 3, 40, 12], 10) == [50, None, 40, None]


sets = st.sets(st.integers(0, 12))


@given(sets, sets)
def test_cuts_are_sets(a: set[int], b: set[int]) -> None:
    size = 13

    def cuts(numbers: set[int]) -> c.Cuts:
        return c.of_flags(np.isin(np.arange(size), list(numbers)))

    def numbers(given_: c.Cuts) -> set[int]:
        return {n for low, high in c.pairs(given_) for n in range(low, high)}

    assert numbers(cuts(a)) == a
    assert numbers(c.common(cuts(a), cuts(b))) == a & b
    assert numbers(c.joined(cuts(a), cuts(b))) == a | b
    assert numbers(c.inverted(cuts(a), size)) == set(range(size)) - a
    assert set(np.flatnonzero(c.to_flags(cuts(a), size)).tolist()) == a
    edges = (0, 3, 4, 9)
    whole, doubt = c.in_buckets(cuts(a), edges, size)
    for n, (low, high) in enumerate(zip(edges, (*edges[1:], size), strict=True)):
        held = a & set(range(low, high))
        assert (n in numbers(whole)) == (len(held) == high - low)
        if n in numbers(doubt):
            assert 0 < len(held) < high - low
        elif n not in numbers(whole):
            assert not held


@pytest.mark.parametrize("rows", [1, 64, 4_095, 4_096, 4_097])
def test_words_of_any_length(rows: int) -> None:
    flags = np.arange(rows) % 3 == 0
    words = words_from(flags)
    bits = np.unpackbits(words.view(np.uint8), bitorder="little")
    assert bits[:rows].astype(np.bool_).tolist() == flags.tolist() and not bits[rows:].any()
