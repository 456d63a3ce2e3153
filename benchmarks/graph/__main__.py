"""Reach and depth-2 walks over ten million links, beside the same questions in DuckDB.

    python3 run.py bench graph [--size LINKS] [--quick] [--json]

A bank's graph is made of nothing (as many customers as links, bodies by a power law) and written as the
store a night publishes. Then each question is asked of the store and of DuckDB, once to warm it and once to
measure; every answer must be equal, or the benchmark fails. At a hundred thousand links networkx is asked
too.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

if not __package__:  # called as `python benchmarks/graph`
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.graph.peers import InDuckDB, InNetworkx
from benchmarks.graph.synthetic import DAY, GOVERNMENTS, Bank, made
from benchmarks.machine import machine
from quanke.customers.graph.queries import Graph
from quanke.customers.graph.store import no_bodies, no_groups, write_store

SIZE, QUICK = 10_000_000, 100_000
QUESTIONS, QUICK_QUESTIONS = 120, 60
FAN_OUT, LIMIT = 100, 1_000
DATA = Path(__file__).parents[1] / "data"


def built(bank: Bank, folder: Path) -> tuple[Graph, float, float]:
    """The store on disk, how long writing took, and its size in GB."""
    begin = time.perf_counter()
    write_store(
        folder, DAY, bank.links, bank.people, members=np.zeros((0, 2), np.int32), bodies=no_bodies(),
        branches=(), groups=no_groups(),
    )  # fmt: skip
    seconds = time.perf_counter() - begin
    size = sum(p.stat().st_size for p in folder.iterdir()) / 1024**3
    return Graph.open(folder), seconds, size


def questions(bank: Bank, count: int) -> tuple[list[int], list[int]]:
    """Bodies whose reach is asked, the largest among them, and customers whom a walk begins at: two of three
    are persons."""
    draw = np.random.default_rng(7)
    bodies = draw.integers(GOVERNMENTS, bank.bodies, count - 10).tolist()
    largest = list(range(GOVERNMENTS, GOVERNMENTS + 10))
    persons = draw.integers(bank.bodies, len(bank.people.kind), count * 2 // 3).tolist()
    some = draw.integers(0, bank.bodies, count - len(persons) - 2).tolist()
    return [*bodies, *largest], [*persons, *some, GOVERNMENTS, 0]


def asked(ask: Callable[[int], Any], about: Sequence[int]) -> tuple[list[float], list[Any]]:
    """Milliseconds and answers of the second time each question is asked."""
    times, answers = [], []
    for each in about:
        ask(each)
        begin = time.perf_counter()
        answers.append(ask(each))
        times.append((time.perf_counter() - begin) * 1000)
    return times, answers


def told(name: str, times: Sequence[float]) -> dict[str, float]:
    """Median and 99th percentile."""
    high = sorted(times)[min(len(times) - 1, int(len(times) * 0.99))]
    return {f"{name}_ms_median": round(statistics.median(times), 3), f"{name}_ms_p99": round(high, 3)}


def walk(graph: Graph, customer: int) -> tuple[dict[int, int], int]:
    """A walk in the peer's form."""
    found = graph.around(customer, 2, fan_out=FAN_OUT, limit=LIMIT)
    nodes = zip(found.nodes["customer"].to_pylist(), found.nodes["depth"].to_pylist(), strict=True)
    return dict(nodes), found.links.num_rows


def equal(what: str, ours: list[Any], theirs: list[Any], about: Sequence[int]) -> None:
    """End the benchmark where an answer differs."""
    for place, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        if a != b:
            sys.exit(f"{what} of customer {about[place]} differs between the store and the peer")


def measured(bank: Bank, scratch: Path, count: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Figures and peers."""
    graph, seconds, size = built(bank, scratch / "graph")
    bodies, customers = questions(bank, count)
    largest = GOVERNMENTS
    reach_times, reach = asked(lambda b: graph.reach(b).states, bodies)
    walk_times, walks = asked(
        lambda c: graph.around(c, 2, fan_out=FAN_OUT, limit=LIMIT).nodes.num_rows, customers
    )
    top, _ = asked(lambda b: graph.reach(b).states, [largest] * 20)
    figures = {
        "links": len(bank.links),
        **told("reach", reach_times),
        **told("reach_largest", top),
        "largest_body_people": graph.reach(largest).known,
        **told("around", walk_times),
        "around_customers_median": statistics.median(walks),
        "build_seconds": round(seconds, 2),
        "store_gb": round(size, 3),
    }
    begin = time.perf_counter()
    sql = InDuckDB(scratch / "peer.duckdb", bank)
    peers: dict[str, Any] = {"duckdb_build_seconds": round(time.perf_counter() - begin, 2)}
    times, theirs = asked(sql.reach, bodies)
    peers.update(told("duckdb_reach", times))
    equal("the reach", reach, theirs, bodies)
    peers.update(told("duckdb_reach_largest", asked(sql.reach, [largest] * 5)[0]))
    times, theirs = asked(lambda c: sql.around(c, FAN_OUT, LIMIT), customers)
    peers.update(told("duckdb_around", times))
    equal("the walk", [walk(graph, c) for c in customers], theirs, customers)
    sql.close()
    if len(bank.links) <= 2 * QUICK:
        peers.update(against_networkx(bank, graph, bodies, customers, reach))
    return figures, peers


def against_networkx(
    bank: Bank, graph: Graph, bodies: Sequence[int], customers: Sequence[int], reach: list[Any]
) -> dict[str, Any]:
    """networkx on a small graph: walks without limits on either side."""
    oracle = InNetworkx(bank)
    times, theirs = asked(oracle.reach, bodies)
    equal("the reach", reach, theirs, bodies)
    walk_times, walks = asked(oracle.around, customers)
    most = len(bank.people.kind)
    wide = [graph.around(c, 2, fan_out=most, limit=most).nodes for c in customers]
    ours = [dict(zip(n["customer"].to_pylist(), n["depth"].to_pylist(), strict=True)) for n in wide]
    equal("the walk", ours, walks, customers)
    return {**told("networkx_reach", times), **told("networkx_around", walk_times)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=SIZE, help="links (default %(default)s)")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:,} links, under 50 seconds")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    size = QUICK if given.quick else given.size
    where = machine()
    DATA.mkdir(exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=DATA, prefix="graph-"))
    try:
        figures, peers = measured(made(size), scratch, QUICK_QUESTIONS if given.quick else QUESTIONS)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    ratios = {
        f"ours_over_duckdb_{name}": round(figures[f"{name}_ms_median"] / peers[f"duckdb_{name}_ms_median"], 3)
        for name in ("reach", "reach_largest", "around")
    }
    result = {
        "name": "graph",
        "machine": where,
        "size": size,
        "figures": figures,
        "peers": peers,
        "ratios": ratios,
    }
    print(json.dumps(result, ensure_ascii=False, indent=2) if given.json else "\n".join(lines(result)))


def lines(result: dict[str, Any]) -> list[str]:
    """The result for a terminal."""
    shown = [f"graph, {result['size']:,} links"]
    for part in ("machine", "figures", "peers", "ratios"):
        shown += [f"  {part:<8} {name:<36} {value}" for name, value in result[part].items()]
    return shown


if __name__ == "__main__":
    main()
