"""RabbitMQ: a queue, consumed with manual acknowledgement of all messages up to the last one written down.

A queue has no positions: what was not acknowledged comes again, and the numbers of events tell what came
before. The queue has to exist; it is never made here, so that a wrong name is told. The client is pika.
"""

from __future__ import annotations

import time
from typing import Any

from quanke.engines.live.brokers import Address, client
from quanke.engines.live.intake.arrivals import read_messages
from quanke.engines.live.intake.reading import Judged
from quanke.engines.live.sources import Reading
from quanke.kernel.errors import QuankeError

_AGAIN = 0.5
"""Seconds between attempts to connect again."""


def connect(where: Address) -> Any:
    """A connection. Raises QuankeError where nobody answers."""
    pika = client("pika", "pika")
    credentials = pika.PlainCredentials(where.user or "guest", where.password or "guest")
    parameters = pika.ConnectionParameters(
        where.host, where.port, where.path or "/", credentials, heartbeat=60, blocked_connection_timeout=300
    )
    try:
        return pika.BlockingConnection(parameters)
    except pika.exceptions.AMQPError as error:
        raise QuankeError(f"no RabbitMQ answers at {where.server} ({type(error).__name__})") from None


class RabbitSource:
    """A queue."""

    def __init__(self, where: Address) -> None:
        self._queue = where.option("queue", "")
        if not self._queue:
            raise QuankeError("a RabbitMQ source names its queue: amqp://HOST:5672/?queue=NAME")
        self.name = f"amqp:{self._queue}"
        self._where = where
        self._pika = client("pika", "pika")
        self._connection: Any = None
        self._channel: Any = None
        self._received: list[tuple[int, bytes, float | None]] = []
        self._count = 0
        self._idle = False

    def open(self, position: Any) -> None:
        """Connect and begin to consume; the position counts messages, for the quarantine."""
        self._count = int(position or 0)
        self._begin()

    def _begin(self) -> None:
        self._connection = connect(self._where)
        self._channel = self._connection.channel()
        self._channel.basic_qos(prefetch_count=int(self._where.option("prefetch", "20000")))
        try:
            self._channel.queue_declare(self._queue, passive=True)
        except self._pika.exceptions.ChannelClosedByBroker:
            raise QuankeError(f"RabbitMQ has no queue {self._queue}") from None
        self._received = []
        self._channel.basic_consume(self._queue, self._message)

    def _message(self, _channel: Any, method: Any, properties: Any, body: bytes) -> None:
        published = properties.timestamp
        self._received.append((method.delivery_tag, body, float(published) if published else None))

    def read(self, limit: int, wait: float) -> Reading | None:
        """What was delivered."""
        try:
            if not self._received:
                self._connection.process_data_events(time_limit=wait)
            elif len(self._received) < limit:
                self._connection.process_data_events(time_limit=0)
        except self._pika.exceptions.AMQPError:
            self._mend()
        taken, self._received = self._received[:limit], self._received[limit:]
        self._idle = not taken
        if not taken:
            return None
        rows = range(self._count + 1, self._count + 1 + len(taken))
        self._count += len(taken)
        arrivals = read_messages([body for _, body, _ in taken], self.name, rows)
        published = [moment for *_, moment in taken if moment is not None]
        return Reading(arrivals, self._count, (self._channel, taken[-1][0]), published)

    def _mend(self) -> None:
        """Connect again. What was not acknowledged comes again on the new channel."""
        self._received = []
        try:
            self._begin()
        except QuankeError:
            time.sleep(_AGAIN)

    def acknowledge(self, reading: Reading, judged: Judged) -> None:
        """Acknowledge everything up to the last message of the reading, if its channel still stands."""
        channel, tag = reading.receipt
        try:
            channel.basic_ack(tag, multiple=True)
        except self._pika.exceptions.AMQPError:
            self._mend()

    @property
    def exhausted(self) -> bool:
        """Whether nothing came for as long as was waited."""
        return self._idle

    @property
    def lag(self) -> int | None:
        """Messages delivered and not taken yet; RabbitMQ tells no more to a consumer."""
        return len(self._received)

    def close(self) -> None:
        """Disconnect."""
        if self._connection is not None and self._connection.is_open:
            self._connection.close()
