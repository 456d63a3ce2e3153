"""kill -9 between telling a broker and noting it, and of who follows: each event once in effect, in order."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quanke_desk.foundation.redis import Redis
from tests.faults.desk_at import in_desk

KILLS, EACH, CUSTOMERS = 50, 4, 3
TOLD = """
import nats, nats.js.api, nats.js.errors
from pathlib import Path
from quanke_desk.foundation import events
from quanke_desk.foundation.followed import follow
from quanke_desk.foundation.models import EventCursor
from quanke_desk.foundation.outbox import put

where, out = %(where)r, Path(os.environ["QUANKE_HOME"]) / "followed.jsonl"
moments = random.Random(20_260_630)

def tell_and_die():
    # told, and never noted
    EventCursor.save = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
    events.publish(where)

def take():
    for new in follow(where, out):
        if not new:
            break

events.publish(where)  # the cursor is there
killed = given = 0
while killed < %(kills)s and given < 200:
    with transaction.atomic():
        for n in range(given * %(each)s, (given + 1) * %(each)s):
            row = {"date": "2026-07-01", "means": "call"}
            put("contacts", f"desk-c{n}", row, customer=n %% %(customers)s)
    given += 1
    killed += os.WIFSIGNALED(os.waitpid(fork(tell_and_die), 0)[1])
    if given %% 3 == 0:  # and once somewhere on the way
        child = fork(lambda: events.publish(where))
        time.sleep(moments.uniform(0, 0.2))
        kill(child)
    if given %% 5 == 0:
        os.waitpid(fork(lambda: events.publish(where)), 0)
    if given %% 2 == 0:
        child = fork(take)
        time.sleep(moments.uniform(0, 0.3))
        kill(child)
os.waitpid(fork(lambda: events.publish(where)), 0)
os.waitpid(fork(take), 0)
tell([killed, given])
"""


def listens(port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False


class InNats:
    """A stream that forgets ids at once: its window is not what keeps an event from being there twice."""

    def __init__(self, name: str) -> None:
        if not listens(4222):
            pytest.skip("no NATS answers")
        self.name, self.where = name, f"nats://127.0.0.1:4222/{name}?subject={name}"
        asyncio.run(self._run("make"))

    async def _run(self, work: str) -> Any:
        nats = pytest.importorskip("nats")
        connection = await nats.connect("nats://127.0.0.1:4222")
        context = connection.jetstream()
        try:
            if work == "make":
                await context.add_stream(name=self.name, subjects=[f"{self.name}.>"], duplicate_window=0.1)
            if work == "drop":
                await context.delete_stream(self.name)
            if work == "read":
                count = (await context.stream_info(self.name)).state.messages
                return [(await context.get_msg(self.name, n)).data for n in range(1, count + 1)]
        finally:
            await connection.close()

    def held(self) -> list[bytes]:
        """What stands in the stream."""
        return list(asyncio.run(self._run("read")))

    def drop(self) -> None:
        """Removes it."""
        asyncio.run(self._run("drop"))


class InRedis:
    """A stream of Redis."""

    def __init__(self, name: str) -> None:
        if not listens(6379):
            pytest.skip("no Redis answers")
        self.where = f"redis://127.0.0.1:6379/{name}"
        self._redis = Redis(self.where)

    def held(self) -> list[bytes]:
        """What stands in the stream."""
        [found] = self._redis.ask([["XRANGE", self._redis.stream, "-", "+"]])
        return [parts[3] for _, parts in found]

    def drop(self) -> None:
        """Removes it."""
        self._redis.ask([["DEL", self._redis.stream]])
        self._redis.close()


@pytest.fixture(params=["nats", "redis"])
def stream(request: pytest.FixtureRequest) -> Iterator[Any]:
    kind = {"nats": InNats, "redis": InRedis}[request.param]
    held = kind(f"quanke-test-{uuid.uuid4().hex[:8]}")
    yield held
    held.drop()


def told(home: Path, where: str) -> tuple[list[str], list[str]]:
    """Ids that were put, and those that were followed, after all kills."""
    (home / "desk").mkdir()
    given = {"where": where, "kills": KILLS, "each": EACH, "customers": CUSTOMERS}
    killed, rounds = in_desk(home, TOLD % given)
    assert killed >= KILLS
    taken = [json.loads(line)["event"] for line in (home / "followed.jsonl").read_bytes().splitlines()]
    assert all(e["customer"] == int(e["key"].removeprefix("desk-c")) % CUSTOMERS for e in taken)
    return [f"contacts:desk-c{n}" for n in range(rounds * EACH)], [e["id"] for e in taken]


@pytest.mark.service
@pytest.mark.timeout(240)
def test_each_event_once_in_a_stream_and_with_who_follows_it(stream: Any, tmp_path: Path) -> None:
    put, followed = told(tmp_path, stream.where)
    assert [json.loads(body)["id"] for body in stream.held()] == put, "once in the stream, in order"
    assert followed == put


@pytest.mark.timeout(240)
def test_lines_come_again_and_who_follows_them_drops_them(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    put, followed = told(tmp_path, str(path))
    assert len(path.read_bytes().splitlines()) > len(put), "else nothing was told twice"
    assert followed == put
