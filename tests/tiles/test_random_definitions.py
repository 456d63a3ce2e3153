"""Random definitions over random tables, of which rows came and went since the night before: what is kept and
carried equals what all rows give."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from hypothesis import given

from quanke.engines import duckdb as engine
from quanke.engines.tiles import (
    Carried,
    CarriedPart,
    Keeping,
    PartBefore,
    Range,
    TilePart,
    Tiling,
    advance,
    advance_balances,
    anchor_keys,
    default,
)
from quanke.engines.tiles.columns import differing, from_arrow, zero
from quanke.kernel.errors import QuankeError
from quanke.language import Tag
from quanke.language.nodes import Aggregate, Rank, walk
from quanke.language.types import INTEGER
from tests.generative.definitions import PEOPLE, DefinitionWriter, earlier_values, tables
from tests.generative.test_definitions import as_arrow, as_earlier
from tests.generative.values import AS_OF, SEEDS, examples
from tests.spec.engines import ARROW

EMPTY = np.empty(0, np.int64)
Arrow = Mapping[str, pa.Table]


class Rows:
    """A table of which each row stood, came or went (`TableRows` of the engine)."""

    def __init__(self, connection: Any, name: str, table: pa.Table, sides: Sequence[int]) -> None:
        self.name = name
        for side in (-1, 0, 1):
            mask = pa.array([s == side for s in sides], pa.bool_())
            connection.register(f"{name}_{side + 1}", table.filter(mask))
        self.some = set(sides)

    def everything(self) -> str:
        return f"(SELECT * FROM {self.name}_1 UNION ALL SELECT * FROM {self.name}_2)"

    def sides(self, days: Sequence[tuple[dt.date, dt.date]]) -> Mapping[int, str]:
        return {side: f"{self.name}_{side + 1}" for side in sorted(self.some)}

    def handed(self, connection: Any, fields: Sequence[str]) -> Any:
        if self.name == "balances":
            return None
        query = f"SELECT DISTINCT customer FROM (FROM {self.name}_0 UNION ALL FROM {self.name}_2)"
        found = connection.sql(query).to_arrow_table()["customer"].to_numpy()
        return np.unique(found.astype(np.int64))


def of_known(table: pa.Table) -> pa.Table:
    """Without the rows of a customer who is not there: a range asks for its own."""
    return table.filter(pa.compute.less(table["customer"], PEOPLE))


class Two:
    """Two nights of the same definitions."""

    def __init__(self, seed: int, folder: Path) -> None:
        r = Random(seed)
        self.folder = folder
        self.before, self.day = AS_OF - dt.timedelta(days=r.choice((1, 1, 2, 5, 31))), AS_OF
        made = tables(r)
        self.tags = _without_places(DefinitionWriter(r).write(8))
        everything = {name: of_known(table) for name, table in as_arrow(made, self.tags).items()}
        self.golden = everything["customers"]
        self.golden_before = self.golden.set_column(
            1, self.golden.column_names[1], self.golden.column(1).take(pa.array(_mixed(r)))
        )
        self.facts = {n: t for n, t in everything.items() if n != "customers"}
        self.sides = {n: [r.choice((0, 0, 0, 1, -1)) for _ in range(len(t))] for n, t in self.facts.items()}
        self.earlier = as_earlier(earlier_values(r, self.tags), self.tags)
        self.tiling = Tiling.of(n for t in self.tags for n in walk(t.expression) if isinstance(n, Aggregate))

    def full(self, day: dt.date) -> pa.Table:
        """What all rows of a day give."""
        gone = 1 if day == self.before else -1
        facts = {
            n: t.filter(pa.array([s != gone for s in self.sides[n]], pa.bool_()))
            for n, t in self.facts.items()
        }
        golden = self.golden_before if day == self.before else self.golden
        earlier = self.earlier if day == self.before else self.full(self.before)
        return engine.evaluate(self.tags, {**facts, "customers": golden}, day, earlier)

    def keys(self, day: dt.date) -> dict[str, Any]:
        held = {
            key: (of, default(each, key, PEOPLE))
            for each in self.tiling.kept
            for key, of in each.columns.items()
        }
        return held | {k: (INTEGER, zero(PEOPLE, INTEGER)) for k in anchor_keys(self.tiling.anchors(day))}

    def tiles(self, connection: Any, before: Path | None) -> Any:
        """Tiles of the first day from all its rows, or of the second from those of the first."""
        day = self.before if before is None else self.day
        rows = {}
        for name, table in self.facts.items():
            sides = self.sides[name]
            if before is None:  # what is still to come is not there yet, what will go stands
                stood = [(0 if s == -1 else s) for s in sides]
                table = table.filter(pa.array([s != 1 for s in stood], pa.bool_()))
                sides = [s for s in stood if s != 1]
            rows[name] = Rows(connection, name, table, sides)
        part = TilePart(self.folder / day.isoformat(), before, PEOPLE)
        asked = Range(0, PEOPLE, self.before if before else None, day, EMPTY)
        made = advance(asked, self.tiling, rows, part, connection)
        advance_balances(made, rows["balances"], ("", ""), connection)
        part.write(self.keys(day))
        return made


def _mixed(r: Random) -> list[int]:
    return [r.choice((c, c, r.randrange(PEOPLE))) for c in range(PEOPLE)]


def _without_places(tags: Sequence[Tag]) -> list[Tag]:
    """Tags of the base group: no place, and none that stands on one."""
    left: list[Tag] = []
    for tag in tags:
        names = {t.name for t in left} | {tag.name}
        if not any(
            isinstance(n, Rank) or (hasattr(n, "earlier") and n.name not in names)
            for n in walk(tag.expression)
        ):
            left.append(tag)
    return left


def same(found: pa.Array, wanted: pa.ChunkedArray, tag: Tag) -> bool:
    one, other = from_arrow(found, tag.result), from_arrow(wanted.cast(ARROW[tag.result.kind]), tag.result)
    return not differing(one, other).any()


@examples(60)  # of eight definitions each; a quarter of a second apiece
@given(SEEDS)
def test_a_carried_day_is_the_day_from_all_rows(seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        two = Two(seed, Path(folder))
        try:
            first, wanted = two.full(two.before), two.full(two.day)
            two.tiles(connection, None)
            made = two.tiles(connection, Path(folder) / two.before.isoformat())
            part = CarriedPart(
                made,
                PartBefore(
                    lambda n: first[n],
                    lambda n: two.golden_before[n],
                    lambda n: two.golden[n],
                    lambda n: _by_customer(two.earlier, n),
                ),
                np.zeros(PEOPLE, np.bool_),
                np.zeros(PEOPLE, np.bool_),
                two.day,
                connection,
            )
            found = part.carry([Carried.of(t, False) for t in two.tags])
        except (OverflowError, QuankeError, duckdb.Error):
            return  # refused, and then computed from all rows
        for tag in two.tags:
            assert same(found[tag.name], wanted[tag.name], tag), (
                tag,
                found[tag.name].to_pylist(),
                wanted[tag.name].to_pylist(),
            )


def _by_customer(table: pa.Table, name: str) -> pa.ChunkedArray:
    held = dict(zip(table["customer"].to_pylist(), table[name].to_pylist(), strict=True))
    return pa.chunked_array([pa.array([held.get(c) for c in range(PEOPLE)], table[name].type)])


def test_every_way_of_keeping_is_tried() -> None:
    """The seeds above come by every way an aggregate is kept, and by rows that come and go."""
    seen = set()
    for seed in range(60):
        two = Two(seed, Path())
        seen |= {each.keeping for each in two.tiling.kept}
        seen |= {s for sides in two.sides.values() for s in sides}
    assert seen >= {*Keeping, -1, 0, 1}
