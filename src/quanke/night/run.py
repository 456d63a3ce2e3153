"""The nightly run: the one place where the steps stand in order."""

from __future__ import annotations

import datetime as dt
import resource
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from typing import Any, TypeVar

import pyarrow.parquet as pq

from quanke.bank.home import Home
from quanke.bank.keys import key_name
from quanke.bank.survivorship import fingerprint
from quanke.customers.register import update_register
from quanke.customers.survivorship import SURVIVORSHIP
from quanke.engines.store import Night, NightStore, WorkingNight, write_json, write_profile_batches
from quanke.kernel.errors import NightError
from quanke.kernel.progress import Progress, SilentProgress
from quanke.language import Catalogue, Definition
from quanke.language.nodes import references, walk
from quanke.night.batches import write_batches, write_night_batches
from quanke.night.books import MOVES as BOOK_MOVES
from quanke.night.books import draft_moves, rules_digest
from quanke.night.catalogue import catalogue_of
from quanke.night.engine import NightEngine
from quanke.night.finding import FOLDER as FINDING_FOLDER
from quanke.night.finding import finding_parts, key_of
from quanke.night.findings import write_metrics
from quanke.night.graph import COLUMNS as GRAPH_COLUMNS
from quanke.night.graph import KEPT as GRAPH_KEPT
from quanke.night.graph import graph_parts, linked
from quanke.night.index import FOLDER as INDEX_FOLDER
from quanke.night.index import index_parts
from quanke.night.inputs import BUCKET, Inputs, inputs_of
from quanke.night.models import FEATURES, SMALLEST
from quanke.night.on_duckdb import OnDuckDB
from quanke.night.on_tiles import OnTiles
from quanke.night.plan import FOLDER as PLAN_FOLDER
from quanke.night.plan import GROUP as PLANNED
from quanke.night.plan import plan_parts, program_of
from quanke.night.scores import COLUMNS as SCORE_COLUMNS
from quanke.night.scores import FILE as SCORES_FILE
from quanke.night.scores import versions_in_use
from quanke.night.steps import Run, prepare_foreign, prepare_moved, rank_nodes, split
from quanke.night.tile_store import TileStore
from quanke.night.verify import Verified, verify
from quanke.night.wealth import FOLDER as WEALTH_FOLDER
from quanke.night.wealth import advise
from quanke.night.wealth_rules import wealth_rules_digest
from quanke.night.wealth_standard import model_digest

SEED = 20_260_630
"""Seed of every random choice in a night (the sample clusters are fitted on)."""
KEPT = (
    "absorbed.parquet",
    "moved.parquet",
    "metrics.parquet",
    "moves.parquet",
    "migration.parquet",
    "findings.parquet",
    "clusters.json",
    SCORES_FILE,
    "catalogue.json",
    *GRAPH_KEPT,
    BOOK_MOVES,
    INDEX_FOLDER,
    FINDING_FOLDER,
    PLAN_FOLDER,
    WEALTH_FOLDER,
)


@dataclass(frozen=True)
class Outcome:
    """A night and how it went. `seconds` by step and `peak_gb` belong to this run, not to the night:
    they are kept beside it, so that the published bytes depend on nothing but the inputs."""

    night: Night
    computed: bool
    seconds: dict[str, float]
    peak_gb: float
    verified: Verified | None = None

    def to_json(self) -> dict[str, Any]:
        """The manifest with this run's timings."""
        return {
            **self.night.manifest,
            "path": str(self.night.path),
            "computed": self.computed,
            "seconds": self.seconds,
            "peak_gb": self.peak_gb,
            **({"verified": self.verified.told()} if self.verified else {}),
        }


def night(
    home: Home,
    day: dt.date,
    *,
    progress: Progress | None = None,
    memory: str = "3GB",
    bucket: int = BUCKET,
    engine: NightEngine | None = None,
    sample: int = 0,
) -> Outcome:
    """Compute and publish the night of `day`.

    A night that was killed is resumed. A published night is returned as it is; if the inputs or definitions
    have changed since, that is refused (NightError): a published result never changes. `memory` is DuckDB's
    limit for each of two workers; what does not fit spills into the home. `engine` is where it is computed
    (default: DuckDB here, carried on from the night before where that can be), with the same results.
    `sample`: about so many customers are computed again from all rows before, and compared (NightError).
    """
    engine = engine or OnTiles()
    store = NightStore(home.path / "nights")
    # a published night is compared with what it applied, not with what is in use since
    catalogue = catalogue_of(home, store.open(day).manifest["models"] if store.has(day) else None)
    if home.counts().customers == 0:
        raise NightError("the home holds no customers yet: `quanke load DIR` first")
    seconds: dict[str, float] = {}
    listener = progress or SilentProgress()
    if not store.has(day):
        _timed(seconds, "who is who", lambda: update_register(home, day, listener))
    inputs = inputs_of(home, bucket)
    earlier = store.latest(before=day)
    comparison = store.latest(until=day.replace(day=1) - dt.timedelta(days=1)) or earlier
    plan = {
        **_plan(inputs, catalogue, day, earlier, comparison),
        "engine": engine.name,
        "full": engine.full,  # a night asked for whole never goes on with parts that were carried
    }
    if store.has(day):
        held = _published(store, day, plan)
        if not sample:
            return held
        aside = WorkingNight(store.folder / f".{day}.verifying", held.night.path)
        apart = replace(inputs, moved=aside.file("moved"))
        told = held.night.manifest["earlier"]
        was = store.open(dt.date.fromisoformat(told)) if told else None
        run = Run(apart, catalogue, day, aside, was, comparison, listener, OnDuckDB(), memory)
        return replace(held, verified=_verified_aside(run, held.night, sample))
    working = store.begin(day, plan)
    inputs = replace(inputs, moved=working.file("moved"))
    run = Run(inputs, catalogue, day, working, earlier, comparison, listener, engine, memory)
    run.models = plan["models"]
    with engine.working(working.path / "spill"):
        done = _steps(run, seconds)
        verified = _timed(seconds, "verify", lambda: _verified(run, sample)) if sample else None
        if inputs.fingerprint() != plan["inputs"]:
            raise NightError("files were loaded while the night was computed: run it again")
    manifest = _manifest(run, plan, done)
    finished = _timed(seconds, "publish", lambda: working.publish(manifest, KEPT))
    outcome = Outcome(finished, True, seconds, peak_gb(), verified)
    journal = home.path / "journal"
    journal.mkdir(exist_ok=True)
    write_json(journal / f"night-{day}.json", {"seconds": seconds, "peak_gb": outcome.peak_gb})
    return outcome


def _plan(
    inputs: Inputs, catalogue: Catalogue, day: dt.date, earlier: Night | None, comparison: Night | None
) -> dict[str, Any]:
    return {
        "format": 1,
        "quanke": version("quanke"),
        "on": day.isoformat(),
        "currency": inputs.home.currency,
        "inputs": inputs.fingerprint(),
        "identity": inputs.register.fingerprint,
        "definitions": catalogue.fingerprint,
        "program": program_of(inputs.home, catalogue).fingerprint,
        "survivorship": fingerprint(SURVIVORSHIP),
        "models": versions_in_use(inputs.home),
        "customers": inputs.customers,
        "bucket": inputs.bucket,
        "seed": SEED,
        "find_key": key_name(key_of(inputs.home)),
        "book_rules": rules_digest(inputs.home),
        "wealth_rules": wealth_rules_digest(inputs.home),
        "model_portfolios": model_digest(inputs.home, day),
        "earlier": earlier.day.isoformat() if earlier else None,
        "comparison": comparison.day.isoformat() if comparison else None,
    }


def _verified(run: Run, sample: int) -> Verified:
    """Verify a night before it is published. What was found wrong is thrown away."""
    try:
        return verify(run, partial(run.working.part, "base"), sample)
    except NightError:
        # it is not gone on with, by this night or by the next one
        shutil.rmtree(run.working.path)
        shutil.rmtree(TileStore(run.inputs.home).of(run.day).path, ignore_errors=True)
        raise


def _verified_aside(run: Run, held: Night, sample: int) -> Verified:
    """Verify a published night: what its inputs need is made beside it and thrown away."""
    shutil.rmtree(run.working.path, ignore_errors=True)
    run.working.path.mkdir(parents=True)
    try:
        prepare_moved(run)
        prepare_foreign(run)
        return verify(run, lambda part: held.parts("base")[part], sample)
    finally:
        shutil.rmtree(run.working.path, ignore_errors=True)


def _published(store: NightStore, day: dt.date, plan: dict[str, Any]) -> Outcome:
    held = store.open(day)
    changed = [k for k in ("inputs", "definitions", "customers") if held.manifest.get(k) != plan[k]]
    if held.manifest.get("program", plan["program"]) != plan["program"]:
        changed.append("plan.yaml (or the standard plan)")
    if changed:
        raise NightError(
            f"the night of {day} is published and stays as it is, but {' and '.join(changed)} changed since; "
            "compute a later day"
        )
    return Outcome(held, False, {}, peak_gb())


def _steps(run: Run, seconds: dict[str, float]) -> dict[str, list[str]]:
    """Every step in order. Returns the groups of columns that were computed."""
    engine = run.engine
    base, derived = split(run.catalogue)
    done: dict[str, list[str]] = {}
    _timed(seconds, "customers", lambda: engine.customers(run))
    _timed(seconds, "tags", lambda: engine.profile(run, "base", base, done))
    _timed(seconds, "tiles", lambda: engine.keep(run))
    done["base"] = [d.name for d in base]
    _timed(seconds, "graph", lambda: graph_parts(run))
    done["graph"] = list(GRAPH_COLUMNS)
    on_graph, derived = linked(derived)
    if on_graph:
        _timed(seconds, "linked tags", lambda: engine.profile(run, "linked", on_graph, done))
        done["linked"] = [d.name for d in on_graph]
    nodes = rank_nodes(derived)
    if nodes:
        _timed(seconds, "ranks", lambda: engine.ranks(run, nodes, done))
        done["ranks"] = list(nodes.values())
    if run.inputs.customers >= SMALLEST and set(FEATURES) <= set(done["base"]):
        _timed(seconds, "clusters", lambda: engine.clusters(run, done))
        done["models"] = ["cluster"]
    else:
        derived = _without_models(derived)
    if _timed(seconds, "scores", lambda: engine.scores(run, done)):
        done["scores"] = list(SCORE_COLUMNS)
    if derived:
        _timed(seconds, "derived tags", lambda: engine.profile(run, "derived", derived, done))
    kept = {"base": done["base"], "linked": done.get("linked", []), "derived": [d.name for d in derived]}
    kept = {group: names for group, names in kept.items() if names}
    _timed(seconds, "plan", lambda: plan_parts(run, {**done, **kept}))
    _timed(seconds, "advice", lambda: advise(run, {**done, **kept}))
    _timed(seconds, "figures", lambda: write_metrics(run, kept))
    _timed(seconds, "moves", lambda: engine.moves(run, kept))
    _timed(seconds, "findings", lambda: engine.findings(run, kept))
    _timed(seconds, "books", lambda: draft_moves(run, kept))
    _timed(seconds, "index", lambda: index_parts(run, kept))
    _timed(seconds, "search", lambda: finding_parts(run))
    _timed(seconds, "reading", lambda: _batches(run, [*kept, PLANNED]))
    write_json(run.working.file("catalogue.json"), describe(run.catalogue))
    for extra in ("customers", "ranked", "ranks", "models", "scores", "graph"):
        for part in range(run.inputs.parts):
            run.working.part(extra, part).unlink(missing_ok=True)
    return kept


def _batches(run: Run, groups: Sequence[str]) -> None:
    """What single customers are read from: of the tables, and of this night's profile."""
    home = run.inputs.home
    write_batches(home, run.progress)
    parts = [run.working.part(group, n) for group in groups for n in range(run.inputs.parts)]
    last = NightStore(home.path / "nights").days()[-1:]
    write_profile_batches(
        home.path, run.working.target.name, [p for p in parts if p.exists()], [d.isoformat() for d in last]
    )
    write_night_batches(home.path, run.working.target.name, run.working.path)


def _without_models(derived: Sequence[Definition]) -> list[Definition]:
    """Definitions that need no model (a base too small for clusters has none)."""
    left: list[Definition] = []
    dropped: set[str] = set()
    for definition in derived:
        needs = any(getattr(n, "table", "") == "models" for n in walk(definition.expression))
        if needs or any(r.name in dropped for r in references(definition.expression)):
            dropped.add(definition.name)
        else:
            left.append(definition)
    return left


T = TypeVar("T")


def _timed(seconds: dict[str, float], name: str, step: Callable[[], T]) -> T:
    begin = time.perf_counter()
    result = step()
    seconds[name] = round(time.perf_counter() - begin, 3)
    return result


def peak_gb() -> float:
    """Most memory this process has held, in GB."""
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if sys.platform == "darwin":
        kilobytes //= 1024
    return round(kilobytes / 1024**2, 2)


def describe(catalogue: Catalogue) -> list[dict[str, Any]]:
    """The catalogue as plain data, as `quanke tags --json` prints it."""
    return [
        {
            "name": d.name,
            "title_zh": d.title_zh,
            "title_en": d.title_en,
            "unit": d.unit,
            "class": str(catalogue.sensitivity(d.name)),
            "purpose": str(d.purpose),
            "kind": d.kind,
            "type": str(d.result.kind),
            "expression": d.words,
            "fingerprint": d.fingerprint,
        }
        for d in catalogue.values()
    ]


def _manifest(run: Run, plan: dict[str, Any], done: dict[str, list[str]]) -> dict[str, Any]:
    home = run.inputs.home
    waiting = {t: sum(unit.quarantined for unit in home.book(t).standing) for t in plan["inputs"]}
    return {
        **plan,
        "groups": done,
        "tags": [t.name for t in run.catalogue.tags if any(t.name in names for names in done.values())],
        "checks": [c.name for c in run.catalogue.checks],
        "metrics": [m.name for m in run.catalogue.metrics],
        "rows": {
            "profile": run.inputs.customers,
            **{t: _rows(run, t) for t in ("moves", "findings", "metrics", "attribution", "households")},
        },
        "who_is_who": {
            "records": len(run.inputs.register.loaded),
            "customers": run.inputs.customers - len(run.absorbed),
            "questions": run.inputs.register.queue.num_rows,
        },
        "quarantined": {t: n for t, n in waiting.items() if n},
        "notes": run.notes,
        "tiles": run.tiles,
    }


def _rows(run: Run, name: str) -> int:
    return int(pq.read_metadata(run.working.file(f"{name}.parquet")).num_rows)
