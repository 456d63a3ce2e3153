"""The live engine behind a broker: NATS JetStream on loopback, from the published message to the decision.

A server of the benchmark's own, with its store in a scratch folder. Events are JSON, one a message, of
accounts of a real home; the engine has 200 triggers and a profile of as many customers as the home has
(`bank`). What is timed is everything `quanke live` does: receive, parse, check the contract, find the
customer, drop what came before, evaluate, write the step down, write decisions, acknowledge.

* rate: so many events wait in the stream; how fast they are taken, beside how fast the same client takes
  the same messages and does nothing with them: by `fetch` of nats-py (the way its manual shows), and by the
  pull loop of our own source.
* delay: a publisher in a process of its own sends 1,000 and 10,000 events a second; from the moment the
  server stamped a message to the moment its decisions were out.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from benchmarks.live import bank
from quanke.bank.home import Home
from quanke.bank.load import load
from quanke.bank.sample import write_sample
from quanke.customers.register import register_of
from quanke.engines.live.brokers import address
from quanke.engines.live.engine import LiveEngine
from quanke.engines.live.intake.checks import Checks, open_checks
from quanke.engines.live.intake.levels import levels_of
from quanke.engines.live.intake.numbers import numbers_of
from quanke.engines.live.intake.seen import Seen
from quanke.engines.live.running.live import Live, Settings, State
from quanke.engines.live.running.status import Status
from quanke.engines.live.sinks.files import JsonLinesSink
from quanke.engines.live.sources.nats import NatsSource
from quanke.kernel.progress import SilentProgress

MILLION = Path(__file__).resolve().parents[1] / "data" / "night-1000000" / "home"
NIGHT = bank.DAY - dt.timedelta(days=1)
STREAM, SUBJECT = "QUANKE_BENCH", "quanke.bench"
RATES = (1_000, 10_000)

PUBLISHER = """
import asyncio, sys, time
import nats
async def main(port, rate, seconds, path):
    lines = open(path, "rb").read().splitlines()
    connection = await nats.connect(f"nats://127.0.0.1:{port}")
    begin, sent, total = time.perf_counter(), 0, int(rate * seconds)
    while sent < total:
        due = min(total, int((time.perf_counter() - begin) * rate) + 1)
        while sent < due:
            await connection.publish("quanke.bench", lines[sent])
            sent += 1
        await connection.flush()
        await asyncio.sleep(0.002)
    print(sent / (time.perf_counter() - begin))
    await connection.close()
asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), sys.argv[4]))
"""


def broker_figures(quick: bool = False) -> dict[str, Any]:
    """All figures: {"figures": {...}, "ratios": {...}}. Raises RuntimeError without a nats-server."""
    if shutil.which("nats-server") is None:
        raise RuntimeError("no nats-server is installed")
    waiting = 20_000 if quick else 200_000
    seconds = 3.0 if quick else 15.0
    with tempfile.TemporaryDirectory(prefix="quanke-bench-") as scratch, _server(Path(scratch)) as port:
        home = _home(Path(scratch), quick)
        engine = _engine(home)
        events = _events(home, waiting)
        # Every step waits for the disk: what it gave alone, on this machine, at this moment.
        sync = np.percentile(_syncs(Path(scratch)), [50, 99])
        found: dict[str, float] = {
            "disk_sync_p50_ms": round(sync[0], 1),
            "disk_sync_p99_ms": round(sync[1], 1),
        }
        _fill(port, events)
        found["broker_raw_fetch_per_s"] = round(asyncio.run(_raw_fetch(port, waiting)), 0)
        found["broker_raw_pull_per_s"] = round(_raw_pull(port, waiting), 0)
        with open_checks(home, numbers_of(home, register_of(home).customer), bank.DAY) as checks:
            found["broker_end_to_end_per_s"] = round(
                _rate(port, Path(scratch), home, engine(), checks, waiting), 0
            )
            for rate in RATES:
                label = f"at_{rate // 1000}k"
                delays = _delays(port, Path(scratch), home, engine(), checks, events, rate, seconds)
                p50, p99 = np.percentile(np.array(delays) * 1000, [50, 99])
                found |= {f"p50_ms_{label}": round(float(p50), 1), f"p99_ms_{label}": round(float(p99), 1)}
                found[f"measured_{label}"] = len(delays)
    ratios = {
        "of_broker_raw": round(found["broker_end_to_end_per_s"] / found["broker_raw_fetch_per_s"], 2),
        "of_own_pull_raw": round(found["broker_end_to_end_per_s"] / found["broker_raw_pull_per_s"], 2),
    }
    return {"figures": found, "ratios": ratios}


@contextmanager
def _server(scratch: Path) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = ["nats-server", "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(scratch / "nats")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


def _home(scratch: Path, quick: bool) -> Home:
    """The home of a million customers if it was prepared (`benchmarks/night`), else a small one."""
    if not quick and (MILLION / "home.json").exists():
        return Home.open(MILLION)
    write_sample(scratch / "files", customers=3_000, seed=7, last_day=NIGHT, progress=SilentProgress())
    home = Home.create(scratch / "home")
    load(home, scratch / "files", progress=SilentProgress())
    return home


def _syncs(scratch: Path, count: int = 100) -> list[float]:
    """Milliseconds of a sync after 30 kB, as a step at 10,000 events a second writes."""
    found = []
    with open(scratch / "sync", "wb") as file:
        for _ in range(count):
            file.write(b"x" * 30_000)
            file.flush()
            begin = time.perf_counter()
            os.fdatasync(file.fileno())
            found.append((time.perf_counter() - begin) * 1000)
            time.sleep(0.01)
    return found


def _engine(home: Home) -> Any:
    """Makes engines of one bank: their openings and profile are drawn once."""
    rules = bank.rules()
    customers = home.counts().customers
    openings, profile = bank.Arrays(customers), bank.profile(customers)
    return lambda: LiveEngine(rules.catalogue, rules.triggers, profile, openings, bank.DAY)


def _events(home: Home, count: int) -> list[bytes]:
    """So many movements of accounts of the home, as a bank would send them."""
    accounts = pq.read_table(home.facts("accounts")[0], columns=["account_id", "currency"])
    names = [
        a
        for a, c in zip(*(accounts[n].to_pylist() for n in ("account_id", "currency")), strict=True)
        if c == "CNY"
    ]
    rows = bank.events(count, len(names), seed=5).to_pylist()
    return [
        json.dumps(
            {
                "table": "transactions",
                "transaction_id": f"T{number:012d}",
                "account_id": names[row["customer"]],
                "date": str(row["date"]),
                "at": str(row["at"]),
                "direction": row["direction"],
                "amount_fen": row["amount"],
                "kind": row["kind"],
                "channel": row["channel"],
                "initiated": True,
                "counterparty_bank": "other",
            }
        ).encode()
        for number, row in enumerate(rows)
    ]


def _fill(port: int, events: list[bytes]) -> None:
    async def main() -> None:
        import nats

        connection = await nats.connect(f"nats://127.0.0.1:{port}")
        stream = connection.jetstream()
        await stream.add_stream(name=STREAM, subjects=[SUBJECT], storage="file")
        for begin in range(0, len(events), 500):
            for event in events[begin : begin + 500]:
                await connection.publish(SUBJECT, event)
            await connection.flush()
        while (await stream.stream_info(STREAM)).state.messages < len(events):
            await asyncio.sleep(0.05)
        await connection.close()

    asyncio.run(main())


async def _raw_fetch(port: int, count: int) -> float:
    """Messages a second of nats-py's own `fetch`, one acknowledgement a batch."""
    import nats
    from nats.js.api import AckPolicy, ConsumerConfig

    connection = await nats.connect(f"nats://127.0.0.1:{port}")
    config = ConsumerConfig(ack_policy=AckPolicy.ALL, max_ack_pending=200_000)
    subscription = await connection.jetstream().pull_subscribe(
        SUBJECT, "raw", STREAM, config, pending_msgs_limit=-1, pending_bytes_limit=-1
    )
    begin, taken = time.perf_counter(), 0
    while taken < count:
        messages = await subscription.fetch(5_000, timeout=5)
        taken += len(messages)
        await messages[-1].ack()
    rate = taken / (time.perf_counter() - begin)
    await connection.close()
    return rate


class _Untouched(NatsSource):
    """Our source without reading what it received."""

    def take(self, limit: int) -> int:
        """How many messages were received; they are acknowledged and dropped."""
        while not self._buffer:
            self._arrived.clear()
            if not self._buffer:
                self._arrived.wait(1)
        messages = [self._buffer.popleft() for _ in range(min(limit, len(self._buffer)))]
        assert self._connection is not None
        self._connection.spawn(self._acknowledge([messages[-1].reply]))
        self._connection.spawn(self._ask())
        return len(messages)


def _raw_pull(port: int, count: int) -> float:
    """Messages a second of our own pull loop, likewise acknowledged."""
    where = address(f"nats://127.0.0.1:{port}/{STREAM}?durable=pull")
    assert where is not None
    source = _Untouched(where, "raw")
    source.open(None)
    begin, taken = time.perf_counter(), 0
    while taken < count:
        taken += source.take(5_000)
    rate = taken / (time.perf_counter() - begin)
    source.close()
    return rate


def _live(
    port: int, folder: Path, home: Home, engine: LiveEngine, checks: Checks, once: bool, kept: int
) -> Live:
    where = address(f"nats://127.0.0.1:{port}/{STREAM}?durable={folder.name}")
    assert where is not None
    state = State(engine, levels_of(home, home.path / "levels/balances/closing.parquet"), Seen(), NIGHT)
    settings = Settings(follow_clock=False, once=once, checkpoint_seconds=1e9)
    sinks = [JsonLinesSink(folder / "decisions")]
    live = Live(folder, state, checks, [NatsSource(where, "1-of-1")], sinks, settings)
    live.status = Status(kept)
    return live


def _rate(port: int, scratch: Path, home: Home, engine: LiveEngine, checks: Checks, count: int) -> float:
    """Events a second from the stream to decisions, all waiting at the beginning."""
    live = _live(port, scratch / "rate", home, engine, checks, True, 1)
    live.run()
    assert live.status.events == count, f"{live.status.events:,} of {count:,} events were taken"
    return live.status.average


def _delays(
    port: int,
    scratch: Path,
    home: Home,
    engine: LiveEngine,
    checks: Checks,
    events: list[bytes],
    rate: int,
    seconds: float,
) -> list[float]:
    """Seconds from publishing to decision, of every event sent at a rate; the first second is left out."""

    async def empty() -> None:
        import nats

        connection = await nats.connect(f"nats://127.0.0.1:{port}")
        await connection.jetstream().purge_stream(STREAM)
        await connection.close()

    asyncio.run(empty())
    count = int(rate * seconds)
    folder = scratch / f"delay-{rate}"
    folder.mkdir()
    while len(events) < count:
        events = events + [e.replace(b'"T', b'"U' * (len(events) // 100_000 + 1)) for e in events]
    (folder / "events").write_bytes(b"\n".join(events[:count]))
    live = _live(port, folder, home, engine, checks, False, count - rate)
    thread = threading.Thread(target=live.run)
    thread.start()
    time.sleep(1.0)
    command = [sys.executable, "-c", PUBLISHER, str(port), str(rate), str(seconds), str(folder / "events")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while live.status.events < count and time.monotonic() < until:
        time.sleep(0.05)
    live.stop()
    thread.join()
    assert live.status.events == count, f"{live.status.events:,} of {count:,} events were taken"
    return live.status.delays


if __name__ == "__main__":
    print(json.dumps(broker_figures("--quick" in sys.argv), indent=2))
