"""Finding a customer in the index of a night, beside DuckDB over the same Parquet.

    python3 run.py bench search [--size CUSTOMERS] [--quick] [--json]

A bank's records, accounts and cards are made of nothing, the index is built of them in a process of its
own, and sixteen kinds of question are asked of it and of DuckDB. Every answer (how many, and where there is
one way to find them the first twenty) must be equal, or the benchmark fails. The index is timed as people
ask: not told of what kind a text is.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if not __package__:  # called as `python benchmarks/search`
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.machine import machine
from benchmarks.process import finished
from benchmarks.search.bank import COMMON, GIVEN, SEED, SURNAMES, TRADES
from benchmarks.search.job import KEY
from benchmarks.search.peer import QUESTIONS, InDuckDB
from quanke.customers.finding import SearchIndex
from quanke.customers.finding.forms import readings_of

SIZE, QUICK = 10_000_000, 1_000_000
EACH, PEERS = 200, 3
"""Questions of each kind for the index, and how many of them the peer is asked too."""
DATA = Path(__file__).parents[1] / "data"
KINDS = {
    "phone": ("phone",), "document": ("document",), "party": ("party",), "code": ("document",),
    "account": ("account",), "card": ("card",), "tail": ("phone",),
    "organisation": ("organisation",), "trade": ("organisation",),
}  # fmt: skip
"""What the peer looks through, where it is not names: for comparing the answers."""


def _some(folder: Path, table: str, column: str, count: int) -> list[str]:
    """Values of a column, evenly drawn."""
    values = pq.read_table(folder / f"{table}.parquet", columns=[column])[column]
    at = np.random.default_rng(SEED).choice(len(values), min(count, len(values)), replace=False)
    texts: list[str] = values.take(pa.array(at)).to_pylist()
    return texts


def questions(folder: Path, count: int) -> dict[str, list[str]]:
    """Texts by question."""
    names = _some(folder, "parties", "name", count)
    phones = _some(folder, "parties", "phone", count)
    read = [readings_of(name) or ("", "") for name in names]
    bodies = _some(folder, "organisations", "name", count)
    surnames = [SURNAMES[n % len(SURNAMES)] for n in range(count)]
    return {
        "phone": phones,
        "document": _some(folder, "parties", "id_number", count),
        "party": _some(folder, "parties", "party_id", count),
        "code": _some(folder, "organisations", "uscc", count),
        "account": _some(folder, "accounts", "account_id", count),
        "card": _some(folder, "cards", "card_id", count),
        "tail": [f"{name[0]} {phone[-4:]}" for name, phone in zip(names, phones, strict=True)],
        "name": names,
        "common_name": [COMMON] * count,
        "surname": surnames,
        "prefix": [name[:2] for name in names],
        "pinyin": [each[0] for each in read],
        "initials": [each[1] for each in read],
        "organisation": [name[2:5] for name in bodies],
        "trade": [(*TRADES, "公司", "有限", "集团")[n % (len(TRADES) + 3)] for n in range(count)],
        "in_scope": [s + GIVEN[n % 9] if n % 2 else s for n, s in enumerate(surnames)],
    }


def asked(search: Callable[[str], Any], texts: list[str]) -> tuple[list[float], list[Any]]:
    """Milliseconds of each question, once one was asked before, and the answers."""
    search(texts[0])
    times, answers = [], []
    for text in texts:
        begin = time.perf_counter()
        answers.append(search(text))
        times.append((time.perf_counter() - begin) * 1000)
    return times, answers


def told(times: list[float]) -> dict[str, float]:
    """Median, 95th and 99th percentile."""
    p95, p99 = (float(np.quantile(times, q, method="higher")) for q in (0.95, 0.99))
    return {"p50_ms": round(statistics.median(times), 3), "p95_ms": round(p95, 3), "p99_ms": round(p99, 3)}


def compare(question: str, text: str, ours: Any, theirs: tuple[int, list[int]]) -> None:
    """End the benchmark where an answer differs."""
    # of several ways the surest stands first: then the lists are ordered otherwise, and the counts compared
    kept = [way for way in ours.ways if (way[0], way[1]) not in _BESIDE.get(question, ())]
    count = sum(way[2] for way in kept)
    same = count == theirs[0] and (len(ours.ways) > 1 or [f.customer for f in ours.found] == theirs[1])
    if not same:
        sys.exit(f"the answers to {question} {text!r} differ: {ours} and {theirs}")


_BESIDE = {
    "name": {("name", "prefix")},
    "common_name": {("name", "prefix")},
    "initials": {("name", "initials_prefix"), ("name", "pinyin"), ("name", "pinyin_prefix")},
    "pinyin": {("name", "initials"), ("name", "initials_prefix")},
}
"""Ways in which more is found than the peer is asked for."""


def measured(folder: Path, size: int, each: int) -> tuple[dict[str, Any], dict[str, Any], dict[str, float]]:
    """Figures, peers and ratios."""
    done = finished([sys.executable, "-m", "benchmarks.search.job", str(folder), str(size)])
    figures: dict[str, Any] = {**json.loads(done.output), "build_peak_gb": done.peak_gb}
    files = [p for p in (folder / "finding").rglob("*") if p.is_file()]
    figures["index_gb"] = round(sum(p.stat().st_size for p in files) / 1024**3, 3)
    index = SearchIndex(folder / "finding", KEY)
    scope = np.arange(size) % 7 < 2
    pq.write_table(pa.table({"customer": np.flatnonzero(scope).astype(np.int32)}), folder / "scope.parquet")
    texts = questions(folder, each)
    _write_readings(folder)
    peer = InDuckDB(folder)
    peers: dict[str, Any] = {}
    ratios: dict[str, float] = {}
    everything: list[float] = []
    for question in QUESTIONS:
        kinds = KINDS.get(question, ("name",))
        within = scope if question == "in_scope" else None
        _, ours = asked(lambda t, k=kinds, w=within: index.search(t, kinds=k, within=w), texts[question])
        times = asked(lambda t, w=within: index.search(t, within=w), texts[question])[0]
        everything += times
        figures[question] = told(times)
        some = texts[question][:PEERS]
        their_times, theirs = asked(lambda t, q=question: peer.ask(q, t), some)
        for text, our, their in zip(some, ours, theirs, strict=False):
            compare(question, text, our, their)
        peers[question] = {"p50_ms": round(statistics.median(their_times), 1)}
        ratios[f"duckdb_over_ours_{question}"] = round(
            statistics.median(their_times) / statistics.median(times), 1
        )
    peer.close()
    figures["all"] = told(everything)
    return figures, {"duckdb": peers}, ratios


def _write_readings(folder: Path) -> None:
    """What the peer has no function for: the reading and the initials of each different name."""
    names = pq.read_table(folder / "parties.parquet", columns=["name"])["name"].unique().to_pylist()
    read = [readings_of(name) or ("", "") for name in names]
    columns = {"name": names, "reading": [r for r, _ in read], "initials": [i for _, i in read]}
    pq.write_table(pa.table(columns), folder / "readings.parquet")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=SIZE, help="customers (default %(default)s)")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:,} customers, under a minute")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    size = QUICK if given.quick else given.size
    where = machine()
    DATA.mkdir(exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=DATA, prefix="search-"))
    try:
        finished([sys.executable, "-m", "benchmarks.search.bank", str(scratch), str(size)])
        figures, peers, ratios = measured(scratch, size, EACH)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    result = {
        "name": "search",
        "machine": where,
        "size": size,
        "figures": figures,
        "peers": peers,
        "ratios": ratios,
    }
    print(json.dumps(result, ensure_ascii=False, indent=2) if given.json else "\n".join(lines(result)))


def lines(result: dict[str, Any]) -> list[str]:
    """The result for a terminal."""
    shown = [f"search, {result['size']:,} customers"]
    for part in ("machine", "figures", "peers", "ratios"):
        shown += [f"  {part:<8} {name:<36} {value}" for name, value in result[part].items()]
    return shown


if __name__ == "__main__":
    main()
