"""Flags and a category of a hundred million numbers: the bitmap part of the index alone."""

from __future__ import annotations

import datetime as dt
import statistics
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.audience.columns import REFERENCES
from quanke.language.expressions import Expression, call
from quanke.language.types import Kind
from quanke.night.index import evaluator
from quanke.segments.index import AudienceIndex, build_column, words_from, write_index

FLAGS = tuple(f"flag_{n:02d}" for n in range(12))
CITIES = 300
CHECKED = 10
DAY = dt.date(2026, 6, 30)


def large(rows: int, each: int, folder: Path) -> dict[str, Any]:
    """Median and 99th percentile of counts of 3, 10 and 20 terms; NumPy counts ten of each as well."""
    draw = np.random.default_rng(3)
    there = np.ones(rows, np.bool_)
    words = words_from(there)
    entries: dict[str, Any] = {}
    arrays: dict[str, Any] = {}
    seconds = 0.0
    for name in (*FLAGS, "city"):
        if name == "city":
            arrays[name] = draw.integers(0, CITIES, rows, dtype=np.int16)
            texts = pa.array([f"city-{n:04d}" for n in range(CITIES)])
            given = pa.chunked_array([pa.DictionaryArray.from_arrays(pa.array(arrays[name]), texts)])
        else:
            arrays[name] = draw.integers(0, 256, rows, dtype=np.uint8) < draw.integers(8, 180)
            given = pa.chunked_array([pa.array(arrays[name])])
        begin = time.perf_counter()
        kind = Kind.TEXT if name == "city" else Kind.BOOLEAN
        entries[name] = build_column(name, given, kind, there, words, folder)
        seconds += time.perf_counter() - begin
    write_index(folder, rows, words, entries)
    index = AudienceIndex(folder, evaluator(DAY))
    size = sum(p.stat().st_size for p in folder.iterdir()) / 1024**3
    found: dict[str, Any] = {"rows": rows, "build_s": round(seconds, 2), "index_gb": round(size, 3)}
    for terms in (3, 10, 20):
        found[f"terms_{terms}"] = _measured(index, arrays, terms, each)
    index.close()
    return found


def _measured(index: AudienceIndex, arrays: dict[str, Any], terms: int, each: int) -> dict[str, float]:
    r = Random(terms)
    times, processor = [], []
    for number in range(each + 3):
        groups = [[_term(r) for _ in range(r.choice((1, 2, 2, 3)))] for _ in range(max(1, terms // 2))]
        node = _node(groups)
        begin, used = time.perf_counter(), time.process_time()
        count = index.count(node)
        times.append((time.perf_counter() - begin) * 1000)
        processor.append((time.process_time() - used) * 1000)
        if number < CHECKED and count != _counted(groups, arrays):
            sys.exit(f"the count of {groups} differs from NumPy's")
    times, processor = times[3:], processor[3:]
    return {
        "p50_ms": round(statistics.median(times), 2),
        "p99_ms": round(float(np.quantile(times, 0.99, method="higher")), 2),
        "processor_p50_ms": round(statistics.median(processor), 2),
    }


Term = tuple[str, tuple[int, ...], bool]


def _term(r: Random) -> Term:
    if r.random() < 0.7:
        return r.choice(FLAGS), (), r.random() < 0.3
    return "city", tuple(r.sample(range(CITIES), r.choice((1, 3, 8)))), r.random() < 0.3


def _node(groups: list[list[Term]]) -> Any:
    whole: Any = None
    for group in groups:
        part: Any = None
        for name, places, turned in group:
            made: Any = Expression(REFERENCES[name])
            if places:
                made = call("one_of", made, *(f"city-{n:04d}" for n in places))
            made = call("opposite", made) if turned else made
            part = made if part is None else call("either", part, made)
        whole = part if whole is None else call("both", whole, part)
    return whole.node


def _counted(groups: list[list[Term]], arrays: dict[str, Any]) -> int:
    total, rows = 0, len(arrays["city"])
    for first in range(0, rows, 2**20):
        whole: Any = True
        for group in groups:
            part: Any = False
            for name, places, turned in group:
                values = arrays[name][first : first + 2**20]
                mask = np.isin(values, places) if places else values
                part = part | (~mask if turned else mask)
            whole = whole & part
        total += int(whole.sum())
    return total
