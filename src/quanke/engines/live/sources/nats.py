"""NATS JetStream: a durable pull consumer whose position is our own.

On a stream that keeps what was read (retention by limits, the usual) the consumer is made anew at every
start, to begin after the last message that was written down: nothing waits for an acknowledgement to time
out. One acknowledgement of the last message stands for all before it. On a stream that drops what was read
(work queue, interest) the durable consumer stays, every message is acknowledged by itself, and what a
killed process had not acknowledged comes again after `ack_wait`.

Messages are asked for ahead and received in a thread of their own while the engine works. (`fetch` of
nats-py asks, waits and counts for every batch anew, and gets a fraction of the messages a second.)
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import deque
from typing import Any

from quanke.engines.live.brokers import Address, NatsConnection, client
from quanke.engines.live.intake.arrivals import read_messages
from quanke.engines.live.intake.reading import Judged
from quanke.engines.live.sources import Reading
from quanke.kernel.errors import QuankeError

EXPIRES = 2.0
"""Seconds after which the server lets go of a request for messages."""
RENEWED = 1.0
"""Seconds after which the next request is made. Between the end of one and the start of another nothing is
delivered, and a server may be some tenths of a second late in saying that one has ended."""

_BROKEN = 0.5
"""Seconds without an answer after which a request is taken for lost."""


class NatsSource:
    """A stream, or the part of it under a subject."""

    def __init__(self, where: Address, share: str) -> None:
        if not where.path:
            raise QuankeError("a NATS source names its stream: nats://HOST:4222/STREAM")
        self.name = f"nats:{where.path}"
        self._where = where
        self._stream = where.path
        self._durable = f"{where.option('durable', 'quanke')}-{share}"
        self._buffer: deque[Any] = deque()
        self._arrived = threading.Event()
        self._asked = 0
        self._asked_at = self._came_at = 0.0
        self._limit = 5_000
        self._position = 0
        self._keeps = True
        self._pending: int | None = None
        self._exhausted = False
        self._connection: NatsConnection | None = None
        self._next = ""
        self._inbox = ""

    def open(self, position: Any) -> None:
        """Make or find the consumer, and ask for the first messages."""
        self._position = int(position or 0)
        self._connection = NatsConnection(self._where, self._reconnected)
        self._connection.call(self._open(), 30)

    async def _open(self) -> None:
        assert self._connection is not None
        nats = self._connection.connection
        api = client("nats.js.api", "nats-py")
        errors = client("nats.js.errors", "nats-py")
        context = nats.jetstream()
        try:
            info = await context.stream_info(self._stream)
        except errors.NotFoundError:
            raise QuankeError(f"NATS has no stream {self._stream}") from None
        self._keeps = str(getattr(info.config.retention, "value", info.config.retention)) == "limits"
        if info.state.last_seq < self._position:
            self._position = 0  # the stream was made anew: events it has are told by their numbers
        config: dict[str, Any] = {
            "durable_name": self._durable,
            "ack_policy": api.AckPolicy.ALL if self._keeps else api.AckPolicy.EXPLICIT,
            "ack_wait": float(self._where.option("ack_wait", "30")),
            "max_ack_pending": 200_000,
            "max_deliver": -1,
        }
        if "subject" in self._where.options:
            config["filter_subject"] = self._where.options["subject"]
        if self._keeps:
            with contextlib.suppress(errors.NotFoundError):
                await context.delete_consumer(self._stream, self._durable)
            config["deliver_policy"] = api.DeliverPolicy.BY_START_SEQUENCE
            config["opt_start_seq"] = self._position + 1
        await context.add_consumer(self._stream, api.ConsumerConfig(**config))
        self._inbox = nats.new_inbox()
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._durable}"
        await nats.subscribe(self._inbox, cb=self._message, pending_msgs_limit=-1, pending_bytes_limit=-1)
        await self._ask()

    async def _message(self, message: Any) -> None:
        """A message of the stream, or word about a request."""
        if message.headers and "Status" in message.headers:
            self._asked = max(0, self._asked - int(message.headers.get("Nats-Pending-Messages", self._asked)))
            if message.headers["Status"] not in ("404", "408"):
                self._asked = 0
            # a request ran its time, and nothing came in it
            self._exhausted = time.monotonic() - self._came_at >= EXPIRES
            self._arrived.set()
        else:
            self._buffer.append(message)
            self._asked -= 1
            self._came_at = time.monotonic()
            self._arrived.set()
        await self._ask()

    async def _ask(self) -> None:
        """Ask for more, unless enough is asked for or waits already, by a request that has time left."""
        assert self._connection is not None
        want = 2 * self._limit - len(self._buffer) - max(self._asked, 0)
        if time.monotonic() - self._asked_at >= RENEWED:
            want = max(want, self._limit - len(self._buffer))
        if want < self._limit // 2:
            return
        self._asked = max(self._asked, 0) + want
        self._asked_at = time.monotonic()
        request = json.dumps({"batch": want, "expires": int(EXPIRES * 1e9)})
        await self._connection.connection.publish(self._next, request.encode(), reply=self._inbox)

    async def _reconnected(self) -> None:
        """Requests of the old connection are gone."""
        self._asked = 0
        if self._next:
            await self._ask()

    def read(self, limit: int, wait: float) -> Reading | None:
        """What has been received."""
        assert self._connection is not None
        self._limit = limit
        if not self._buffer:
            self._arrived.clear()
            if not self._buffer:
                self._arrived.wait(wait)
        if not self._buffer:
            since = time.monotonic() - self._asked_at
            if since > EXPIRES + _BROKEN:
                self._asked = 0
            if self._asked <= 0 or since >= RENEWED:
                self._connection.spawn(self._ask())
            return None
        messages = [self._buffer.popleft() for _ in range(min(limit, len(self._buffer)))]
        if self._asked <= limit // 2:
            self._connection.spawn(self._ask())
        return self._reading(messages)

    def _reading(self, messages: list[Any]) -> Reading | None:
        sequences, published, bodies = [], [], []
        for message in messages:
            tokens = message.reply.split(".")[-5:]
            sequence = int(tokens[1])
            # A broker that comes back may give again what was taken; where the position is ours it tells.
            if self._keeps and sequence <= self._position:
                continue
            sequences.append(sequence)
            published.append(int(tokens[3]) / 1e9)
            bodies.append(message.data)
        if not bodies:
            return None
        self._pending = int(messages[-1].reply.rsplit(".", 1)[1])
        self._exhausted = False
        self._position = max(self._position, sequences[-1])
        arrivals = read_messages(bodies, self.name, sequences)
        replies = [messages[-1].reply] if self._keeps else [message.reply for message in messages]
        return Reading(arrivals, self._position, replies, published)

    def acknowledge(self, reading: Reading, judged: Judged) -> None:
        """Tell the stream."""
        assert self._connection is not None
        self._connection.spawn(self._acknowledge(reading.receipt))

    async def _acknowledge(self, replies: list[str]) -> None:
        assert self._connection is not None
        for reply in replies:
            await self._connection.connection.publish(reply, b"+ACK")

    @property
    def exhausted(self) -> bool:
        """Whether the server said that there is nothing more."""
        return self._exhausted and not self._buffer and not self._pending

    @property
    def lag(self) -> int | None:
        """Messages of the stream that were not read yet."""
        return None if self._pending is None else self._pending + len(self._buffer)

    def close(self) -> None:
        """Disconnect."""
        if self._connection is not None:
            self._connection.call(self._connection.connection.flush(), 5)
            self._connection.close()
            self._connection = None
