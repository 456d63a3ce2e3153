"""What is in the grammar and is no comparison of a column with constants, beside full passes: DuckDB's over
the night's Parquet, which is what answers without an index, and over a table of its own in memory."""

from __future__ import annotations

import datetime as dt
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.audience.columns import REFERENCES
from benchmarks.audience.peers import InDuckDB
from quanke.engines.duckdb import DIALECT
from quanke.engines.duckdb.relations import files_sql
from quanke.engines.statements import lower
from quanke.language.audience import parse_audience
from quanke.language.catalogue import Catalogue
from quanke.language.definitions import Tag
from quanke.language.expressions import Expression, nothing
from quanke.language.nodes import Node, Reference
from quanke.segments.index import AudienceIndex

ROUNDS = 3
ODD = (
    "points > visits * 30",
    "aum * 0.5 - 100 > spend * 1元",
    "aum / 10 > 1000元 and flag_03",
    "coalesce(aum, 0) < 100元",
    "distance + visits > points",
    "distance // 7 == visits",
    "points % 5 == 0 and visits % 3 == 1",
    "device % 1000 == 7",
    "least(points, visits) > 50",
    "absolute(points - visits) < 10",
    "months_between(opened_on, as_of) >= 120",
    "year(opened_on) == 2012 and iso_weekday(opened_on) in (6, 7)",
    "opened_on + visits > 2020-01-01",
    "case(aum > 5万, 1, aum > 1万, 2, 3) == 2",
    'starts_with(city, "city-00") and ends_with(branch, "7")',
    'contains(branch, "12") or length(city) > 9',
    'concat(city, "!") == "city-0003!"',
    "part(city, 6, 2) == part(branch, 8, 2)",
    "city < branch",
    "flag_01 == flag_02",
    "is_null(aum) or is_null(opened_on)",
    "not (aum > 5万 or opened_on is null)",
    f"branch in ({', '.join(repr(f'branch-{n:04d}') for n in range(0, 1500, 3))})",
    f"device in ({', '.join(str(n * 4_294_967) for n in range(500))})",
    "band(points, 100, 500, 1000) == 2",
    "square_root(to_number(spend)) > 1e3",
)


def odd(index: AudienceIndex, peer: InDuckDB, parts: Sequence[Path]) -> dict[str, dict[str, float]]:
    """For each condition the median milliseconds of the index and of both passes. Counts must be equal."""
    catalogue = Catalogue(
        Tag(name=name, title_zh=name, title_en=name, value=_value(reference))
        for name, reference in REFERENCES.items()
    )
    found = {}
    for text in ODD:
        node = parse_audience(text, catalogue).node
        sql = lower(node, DIALECT, dt.date(2026, 6, 30), _name)
        ours, ours_count = _median(lambda n=node: index.count(n))
        theirs, theirs_count = _median(lambda s=sql: peer.query(s))
        passed, passed_count = _median(lambda s=sql: peer.query(s, files_sql(parts)))
        if not ours_count == theirs_count == passed_count:
            sys.exit(f"the counts differ: {ours_count}, {theirs_count}, {passed_count} of {text}")
        found[text if len(text) < 70 else f"{text[:60]} ..."] = {
            "p50_ms": round(ours, 2),
            "full_pass_ms": round(passed, 2),
            "in_memory_ms": round(theirs, 2),
            "full_pass_over_ours": round(passed / ours, 2),
            "in_memory_over_ours": round(theirs / ours, 2),
        }
    return found


def _value(reference: Reference) -> Any:
    """Any expression of the reference's type: only names and types are read here."""
    return Expression(nothing(reference.type).node)


def _name(node: Node) -> str:
    assert isinstance(node, Reference), node
    return DIALECT.quote(node.name)


def _median(count: Callable[[], int]) -> tuple[float, int]:
    times, found = [], 0
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        found = count()
        times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times), found
