"""The live engine over a home: its numbers, its last night, its triggers, from sources to sinks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.dataset as ds

from quanke.bank.contracts import CONTRACTS, TableKind
from quanke.bank.home import Home
from quanke.customers.register import register_of
from quanke.engines.live.brokers import Address, address
from quanke.engines.live.intake.arrivals import event_hashes
from quanke.engines.live.intake.checks import open_checks
from quanke.engines.live.intake.levels import levels_of
from quanke.engines.live.intake.numbers import Ints, numbers_of
from quanke.engines.live.intake.reading import Share
from quanke.engines.live.intake.seen import Seen
from quanke.engines.live.running.checkpoint import Checkpoints
from quanke.engines.live.running.live import Live, Settings, State
from quanke.engines.live.sinks import Sink
from quanke.engines.live.sinks.brokers import KafkaSink, NatsSink, RabbitSink
from quanke.engines.live.sinks.files import JsonLinesSink, ParquetSink
from quanke.engines.live.sources import Source
from quanke.engines.live.sources.files import FileSource
from quanke.engines.live.sources.http import HttpSource
from quanke.engines.live.sources.kafka import KafkaSource
from quanke.engines.live.sources.nats import NatsSource
from quanke.engines.live.sources.rabbitmq import RabbitSource
from quanke.engines.live.sources.replay import ReplaySource
from quanke.engines.store import Night, NightStore
from quanke.kernel.errors import NightError, QuankeError
from quanke.kernel.progress import Progress, SilentProgress
from quanke.night.catalogue import catalogue_of
from quanke.night.live_state import live_engine

FOLDER = "live"
TO_FILES = "files"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be lived: `sources` and `sinks` as addresses or paths (`quanke.engines.live.brokers`);
    `night` the night to begin on (default: the last; one that was begun on goes on); `replay` mended
    quarantine files to take."""

    sources: Sequence[str]
    sinks: Sequence[str] = (TO_FILES,)
    share: Share = field(default_factory=Share)
    night: dt.date | None = None
    settings: Settings = field(default_factory=Settings)
    replay: Path | None = None


@contextmanager
def open_live(home: Home, plan: Plan, progress: Progress | None = None) -> Iterator[Live]:
    """Everything `Live` needs, ready to run. Raises NightError without a night, QuankeError for a plan that
    cannot be."""
    folder = home.path / FOLDER
    night = base_night(home, plan)
    until = max(plan.settings.until or night.day, night.day + dt.timedelta(days=1))
    with (progress or SilentProgress()).step("open", 4) as step:
        customer: Ints = register_of(home).customer
        numbers = numbers_of(home, customer)
        step.advance()
        engine = live_engine(home, night, catalogue_of(home))
        step.advance()
        levels = levels_of(home, _closing(home, night))
        step.advance()
        begun = Checkpoints(folder / str(plan.share)).latest() is not None
        seen = Seen() if begun else known_events(home, night.day)
        step.advance()
    state = State(engine, levels, seen, night.day, plan.share)
    with open_checks(home, numbers, until) as checks:
        live: Live

        def sheet() -> dict[str, object]:
            return live.status.sheet()

        sources = [source_of(text, plan.share, sheet) for text in plan.sources]
        if plan.replay is not None:
            sources.append(ReplaySource(plan.replay, folder / "quarantine"))
        sinks = [sink_of(text, folder, plan.share) for text in plan.sinks]
        live = Live(folder, state, checks, sources, sinks, plan.settings)
        yield live


def base_night(home: Home, plan: Plan) -> Night:
    """The night lived on: the one that was begun on, else the one asked for, else the last."""
    store = NightStore(home.path / "nights")
    begun = Checkpoints(home.path / FOLDER / str(plan.share)).latest()
    if begun is not None:
        day = dt.date.fromisoformat(begun[1].night)
        if plan.night is not None and plan.night != day:
            raise QuankeError(
                f"what was begun goes on from the night of {day}; to begin on another say --restart"
            )
        return store.open(day)
    if plan.night is not None:
        return store.open(plan.night)
    last = store.latest()
    if last is None:
        raise NightError("no night is published yet: `quanke night --on DATE` first")
    return last


def _closing(home: Home, night: Night) -> Path:
    """The closing balances as the night found them, kept beside its openings: a later load replaces them."""
    kept = home.path / FOLDER / "openings" / night.day.isoformat() / "closing.parquet"
    now = home.path / "levels/balances/closing.parquet"
    if not kept.exists() and now.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.hardlink_to(now)
    return kept


def known_events(home: Home, upto: dt.date) -> Seen:
    """Events of the last days that the home holds: sent once more, they are left out."""
    seen = Seen()
    since = upto - dt.timedelta(days=seen.horizon)
    for table, contract in CONTRACTS.items():
        if contract.kind is TableKind.EVENT and home.facts(table):
            rows = ds.dataset([str(file) for file in home.facts(table)], format="parquet")
            found = rows.to_table([contract.key[0]], filter=ds.field(contract.date) > since)
            seen.add(upto + dt.timedelta(days=1), event_hashes(table, found[contract.key[0]]))
    return seen


def source_of(text: str, share: Share, sheet: object) -> Source:
    """The source of an address, or of a path."""
    where = address(text, share.part)
    if where is None:
        return FileSource(Path(text.replace("{share}", str(share.part))))
    if where.scheme == "http":
        if share.of > 1:
            raise QuankeError(
                "events are posted to one process: with shares, let a broker or a folder stand between"
            )
        return HttpSource(where, sheet)  # type: ignore[arg-type]
    if where.scheme == "nats":
        return NatsSource(where, str(share))
    return KafkaSource(where, share) if where.scheme == "kafka" else RabbitSource(where)


def sink_of(text: str, folder: Path, share: Share) -> Sink:
    """The sink of an address, or of a kind of files."""
    where = address(text, share.part)
    decisions = folder / "decisions" / str(share)
    if where is None and text == TO_FILES:
        return JsonLinesSink(decisions)
    if where is None and text == "parquet":
        return ParquetSink(decisions)
    if where is None or where.scheme == "http":
        raise QuankeError(f"decisions go to {TO_FILES}, parquet, nats://, kafka:// or amqp://, not elsewhere")
    return _broker_sink(where, share)


def _broker_sink(where: Address, share: Share) -> Sink:
    if where.scheme == "nats":
        return NatsSink(where, str(share))
    return KafkaSink(where) if where.scheme == "kafka" else RabbitSink(where)
