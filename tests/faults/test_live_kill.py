"""kill -9 of the live engine and of its broker at random moments: the decisions are an undisturbed run's."""

from __future__ import annotations

import asyncio
import collections
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.homes import Bank
from tests.live.busy_days import LAST, decisions

KILLS = 4
BROKER_KILLS = 2
SOURCE = str(Path(__file__).resolve().parents[2] / "src")


def start(home: Path, *options: str) -> subprocess.Popen[bytes]:
    """`quanke live` in a process of its own; its status lines go to a file beside the home."""
    command = [sys.executable, "-c", "from quanke.cli import main; main()", "live", "--home", str(home)]
    with open(home.with_suffix(".status"), "ab") as told, open(home.with_suffix(".errors"), "ab") as errors:
        return subprocess.Popen(
            [*command, "--json", "--status-every", "0.1", "--checkpoint-every", "0.2", *options],
            env={**os.environ, "PYTHONPATH": SOURCE},
            stdout=told,
            stderr=errors,
        )


def kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


def status(home: Path) -> dict[str, Any]:
    """The last status line that is whole."""
    told = home.with_suffix(".status").read_bytes().splitlines()
    for line in reversed(told):
        try:
            found: dict[str, Any] = json.loads(line)
            return found
        except ValueError:
            continue
    return {"events": 0}


def wait_for(what: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not come to an end"
        time.sleep(0.02)


@pytest.mark.slow
def test_killed_engine_tells_every_decision_once(
    busy: Bank, fresh: Any, stream: Path, wanted: list[Any]
) -> None:
    assert len(wanted) > 300

    home = fresh("killed")
    draw = random.Random(20_260_630)
    options = ("--from", str(stream), "--once", "--until", LAST.isoformat(), "--batch", "6")
    struck = 0
    steps = []
    while struck < KILLS:
        process = start(home, *options)
        told = len(home.with_suffix(".status").read_bytes())
        if struck % 4 != 3:  # every fourth strikes while it begins, the others while it lives
            wait_for(
                lambda told=told, process=process: (
                    process.poll() is not None or len(home.with_suffix(".status").read_bytes()) > told
                ),
                60,
            )
        try:
            process.wait(timeout=draw.uniform(0.1, 1.2))
            break
        except subprocess.TimeoutExpired:
            kill(process)
            struck += 1
            steps.append(status(home).get("steps", 0))
    assert struck >= 2, "the kills came too late to prove anything"
    assert start(home, *options).wait(timeout=120) == 0
    assert status(home)["events"] == len(busy[1])
    assert decisions(home) == wanted


# --- the broker


class Broker:
    """A NATS server of the test's own, with its own store."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder = folder
        self.start()

    def start(self) -> None:
        command = ["nats-server", "-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", str(self.folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.answers, 20)

    def answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        kill(self.process)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    if shutil.which("nats-server") is None:
        pytest.skip("no nats-server is installed")
    running = Broker(tmp_path / "nats")
    yield running
    if running.process.poll() is None:
        kill(running.process)


async def publish(port: int, events: list[bytes], pace: float, done: threading.Event) -> None:
    """Publish one after the other until each is acknowledged; every seventh twice, as senders do."""
    import nats
    import nats.errors

    connection = await nats.connect(
        f"nats://127.0.0.1:{port}", max_reconnect_attempts=-1, reconnect_time_wait=0.05, error_cb=_quiet
    )
    stream = connection.jetstream()
    for name in ("BANK", "DECISIONS"):
        await stream.add_stream(name=name, subjects=[f"{name.lower()}.>"], storage="file")
    for number, event in enumerate(events):
        for _ in range(2 if number % 7 == 0 else 1):
            while True:
                try:
                    await stream.publish("bank.events", event, timeout=0.5)
                    break
                except (nats.errors.Error, TimeoutError):
                    await asyncio.sleep(0.05)
        await asyncio.sleep(pace)
    await connection.close()
    done.set()


async def _quiet(_: Exception) -> None:
    pass


async def published(port: int) -> list[dict[str, Any]]:
    """Every message of the stream of decisions."""
    import nats

    connection = await nats.connect(f"nats://127.0.0.1:{port}")
    stream = connection.jetstream()
    count = (await stream.stream_info("DECISIONS")).state.messages
    subscription = await stream.subscribe("decisions.>", ordered_consumer=True)
    found = [json.loads((await subscription.next_msg(timeout=5)).data) for _ in range(count)]
    await connection.close()
    return found


@pytest.mark.slow
@pytest.mark.service
def test_killed_engine_and_killed_broker(fresh: Any, stream: Path, wanted: list[Any], broker: Broker) -> None:
    events = stream.read_bytes().splitlines(keepends=True)
    done = threading.Event()
    sender = threading.Thread(target=lambda: asyncio.run(publish(broker.port, events, 0.01, done)))
    sender.start()
    home = fresh("killed")
    address = f"nats://127.0.0.1:{broker.port}"
    options = ("--from", f"{address}/BANK", "--to", "files", "--to", f"{address}/DECISIONS?subject=decisions")
    options += ("--day-by", "events", "--batch", "50")
    draw = random.Random(7)
    time.sleep(0.5)
    process = start(home, *options)
    blows = ["engine"] * (KILLS // 2) + ["broker"] * BROKER_KILLS
    draw.shuffle(blows)
    for blow in blows:
        seen = status(home)["events"] if home.with_suffix(".status").exists() else 0
        wait_for(lambda seen=seen: done.is_set() or _events(home) > seen, 60)
        time.sleep(draw.uniform(0.0, 0.5))
        if blow == "engine":
            kill(process)
            process = start(home, *options)
        else:
            broker.kill()
            time.sleep(0.2)
            broker.start()
    sender.join(120)
    assert done.is_set()
    wait_for(lambda: _events(home) >= len(events) or process.poll() is not None, 60)
    process.terminate()
    assert process.wait(timeout=60) == 0, home.with_suffix(".errors").read_text()
    assert status(home)["events"] == len(events)
    assert decisions(home) == wanted
    told = asyncio.run(published(broker.port))
    counts = collections.Counter(row["id"] for row in told)
    assert set(counts.values()) == {1}
    assert sorted(counts) == sorted(":".join(map(str, row[:3])) for row in wanted)


def _events(home: Path) -> int:
    return int(status(home)["events"]) if home.with_suffix(".status").exists() else 0
