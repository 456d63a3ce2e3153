"""Whoever follows the desk's events has each once in effect: `follow` reads a broker into lines of a file.

    {"position": "17", "event": {"id": ..., "seq": [0, 912], ...}}

A line is the effect here, and has in it where the broker is read on from and the event's place in the order:
what is written together cannot come apart, whenever a kill comes. What was told twice is known by its place.
A consumer with tables of its own does the same in one transaction (docs/how-to/follow-the-desk.md).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from quanke.engines.live.brokers import Address, NatsConnection, address, client
from quanke.kernel.errors import QuankeError
from quanke_desk.foundation.redis import Redis, Refusal

AT_ONCE = 500
WAIT = 1.0
"""Seconds after which a broker is taken to have nothing more."""
Told = tuple[str, bytes]
"""A position, and an event as it was told."""


class Source(Protocol):
    """Where events are read from."""

    def read(self, after: str) -> list[Told]:
        """The next events after a position, in their order; none where there is nothing yet. Empty position:
        from the beginning."""
        ...

    def close(self) -> None:
        """No more is read."""
        ...


class Kept:
    """The lines of what was taken. A line that a kill cut off was never there."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab+")
        whole, last = 0, b""
        self._file.seek(0)
        for line in self._file:
            if line.endswith(b"\n"):
                whole, last = whole + len(line), line
        self._file.truncate(whole)
        held: dict[str, Any] = json.loads(last) if last else {"position": "", "event": {"seq": [-1, -1]}}
        self.position: str = held["position"]
        self.place: tuple[int, ...] = tuple(held["event"]["seq"])

    def take(self, told: list[Told]) -> int:
        """Writes those that are new; how many. They are on disk when it returns."""
        lines = []
        for position, body in told:
            try:
                event = json.loads(body)
            except ValueError:
                continue  # cut off by a kill, in a file: it is told again behind
            if "seq" not in event:
                raise QuankeError("events of an older desk have no place in the order: follow a new stream")
            place = tuple(event["seq"])
            if place > self.place:
                lines.append(json.dumps({"position": position, "event": event}, ensure_ascii=False))
                self.place = place
            self.position = position
        if lines:
            self._file.write("".join(f"{line}\n" for line in lines).encode())
            self._file.flush()
            os.fsync(self._file.fileno())
        return len(lines)

    def close(self) -> None:
        """No more is taken."""
        self._file.close()


def follow(where: str, path: Path) -> Iterator[int]:
    """Reads events of an address into a file for ever, a round at a time: how many were new, 0 where there is
    nothing more yet. Raises QuankeError where the broker cannot be reached."""
    kept = Kept(path)
    source = open_source(where)
    try:
        while True:
            told = source.read(kept.position)
            yield kept.take(told) if told else 0
    finally:
        source.close()
        kept.close()


def open_source(where: str) -> Source:
    """The source of an address of `events`. Raises QuankeError for one that cannot be followed."""
    if where.startswith("redis://"):
        return RedisSource(where)
    at = address(where)
    if at is None:
        return FileSource(Path(where))
    if at.scheme == "nats":
        return NatsSource(at)
    raise QuankeError(f"{at.scheme}:// is not followed: there are nats://, redis:// and files")


class FileSource:
    """Lines of a file; a position is the byte behind a line."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO | None = None
        self._path = path

    def read(self, after: str) -> list[Told]:
        """See Source."""
        if self._file is None:
            if not self._path.exists():
                return []
            self._file = self._path.open("rb")
        told: list[Told] = []
        at = int(after or 0)
        self._file.seek(at)
        while len(told) < AT_ONCE and (line := self._file.readline()).endswith(b"\n"):
            at += len(line)
            told.append((str(at), line))
        return told

    def close(self) -> None:
        """See Source."""
        if self._file is not None:
            self._file.close()


class RedisSource:
    """A stream of Redis; a position is an entry's id."""

    def __init__(self, where: str) -> None:
        self._redis = Redis(where)

    def read(self, after: str) -> list[Told]:
        """See Source."""
        begin = f"({after}" if after else "-"
        [found] = self._redis.ask([["XRANGE", self._redis.stream, begin, "+", "COUNT", AT_ONCE]])
        if isinstance(found, Refusal):
            raise QuankeError(f"Redis refused: {found.split()[0].decode(errors='replace')}")
        return [
            (at.decode(), dict(zip(parts[::2], parts[1::2], strict=True))[b"event"]) for at, parts in found
        ]

    def close(self) -> None:
        """See Source."""
        self._redis.close()


class NatsSource:
    """A subject of a JetStream stream; a position is a number of the stream. Nothing is acknowledged: what a
    consumer of NATS has not acknowledged comes again behind what came later, which would be out of order."""

    def __init__(self, where: Address) -> None:
        if not where.path:
            raise QuankeError("NATS: the address names its stream, nats://HOST:4222/STREAM")
        self._stream = where.path
        self._subject = where.option("subject", where.path.lower())
        self._connection = NatsConnection(where)
        self._subscribed: Any = None

    def read(self, after: str) -> list[Told]:
        """See Source."""
        try:
            return self._connection.call(self._read(int(after or 0)), 60)
        except TimeoutError:
            raise QuankeError("NATS does not answer") from None

    async def _read(self, after: int) -> list[Told]:
        errors = client("nats.errors", "nats-py")
        try:
            if self._subscribed is None:
                self._subscribed = await self._subscribe(after)
            found = await self._subscribed.fetch(AT_ONCE, timeout=WAIT)
        except errors.TimeoutError:
            return []
        except errors.Error as error:
            raise QuankeError(f"NATS gave no events ({type(error).__name__})") from None
        return [(str(message.metadata.sequence.stream), message.data) for message in found]

    async def _subscribe(self, after: int) -> Any:
        context = self._connection.connection.jetstream()
        api = client("nats.js.api", "nats-py")
        info = await context.stream_info(self._stream)
        begin = after + 1 if after <= info.state.last_seq else 1  # the stream was made anew
        made = await context.add_consumer(
            self._stream,
            api.ConsumerConfig(
                ack_policy=api.AckPolicy.NONE,
                deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=begin,
                filter_subject=f"{self._subject}.>",
                inactive_threshold=60.0,
            ),
        )
        return await context.pull_subscribe_bind(consumer=made.name, stream=self._stream)

    def close(self) -> None:
        """See Source."""
        self._connection.close()
