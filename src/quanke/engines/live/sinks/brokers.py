"""Decisions as messages, one each: JSON as in the line files, with the decision's identity beside it.

* NATS JetStream: `Nats-Msg-Id` is the identity, so the stream drops what it has within its window; and each
  message says its step and its place in it, so that after any crash only what follows the stream's last
  message is sent. Exactly once.
* RabbitMQ and Kafka: the identity is `message_id`, or the key. Steps after the last checkpoint may be sent
  again after a crash: who consumes them drops identities he has, as with every queue without memory.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from quanke.engines.live.brokers import Address, NatsConnection, client
from quanke.engines.live.sinks import decision_id
from quanke.engines.live.sinks.files import lines
from quanke.engines.live.sources.rabbitmq import connect
from quanke.kernel.errors import QuankeError

_STEP, _PLACE = "Quanke-Step", "Quanke-Place"


class NatsSink:
    """A subject of a JetStream stream. Each share of the customers has a subject below it."""

    def __init__(self, where: Address, share: str) -> None:
        if not where.path:
            raise QuankeError("a NATS sink names its stream: nats://HOST:4222/STREAM")
        self.name = f"nats:{where.path}"
        self._where = where
        self._stream = where.path
        self._subject = f"{where.option('subject', where.path.lower())}.{share}"
        self._connection: NatsConnection | None = None
        self._step = 0
        self._last = (0, -1)

    def open(self, state: dict[str, Any] | None) -> None:
        """Connect, and find the last decision that is in the stream."""
        self._step = state["step"] if state else 0
        self._connection = NatsConnection(self._where)
        self._connection.call(self._open(), 30)

    async def _open(self) -> None:
        assert self._connection is not None
        context = self._connection.connection.jetstream()
        errors = client("nats.js.errors", "nats-py")
        try:
            await context.stream_info(self._stream)
        except errors.NotFoundError:
            raise QuankeError(f"NATS has no stream {self._stream}") from None
        try:
            last = await context.get_last_msg(self._stream, self._subject)
        except errors.NotFoundError:
            return
        headers = last.headers or {}
        if _STEP in headers:
            self._last = int(headers[_STEP]), int(headers[_PLACE])

    def write(self, step: int, decisions: pa.Table) -> None:
        """Publish the decisions of a step and wait until the stream has them."""
        self._step = step
        if not decisions.num_rows or step < self._last[0]:
            return
        assert self._connection is not None
        begin = self._last[1] + 1 if step == self._last[0] else 0
        rows = decisions.to_pylist()
        bodies = lines(step, decisions)
        messages = [
            (body.rstrip(), {"Nats-Msg-Id": decision_id(row), _STEP: str(step), _PLACE: str(place)})
            for place, (row, body) in enumerate(zip(rows, bodies, strict=True))
        ]
        self._connection.call(self._publish(messages[begin:]))

    async def _publish(self, messages: list[tuple[bytes, dict[str, str]]]) -> None:
        assert self._connection is not None
        context = self._connection.connection.jetstream(publish_async_max_pending=1_000, timeout=30)
        for body, headers in messages:
            # One after the other: the last message of the stream then says what is there.
            while True:
                try:
                    await context.publish(self._subject, body, headers=headers, timeout=5)
                    break
                except client("nats.errors", "nats-py").Error:
                    if self._connection.connection.is_closed:
                        raise QuankeError("NATS is gone, and decisions wait to be published") from None

    def state(self) -> dict[str, Any]:
        """Everything written is in the stream already."""
        return {"step": self._step}

    def close(self) -> None:
        """Disconnect."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class RabbitSink:
    """A queue, or an exchange with `?exchange=X&key=K`, with publisher confirms."""

    def __init__(self, where: Address) -> None:
        self._exchange = where.option("exchange", "")
        self._key = where.option("key", where.option("queue", ""))
        if not self._exchange and not self._key:
            raise QuankeError("a RabbitMQ sink names its queue: amqp://HOST:5672/?queue=NAME")
        self.name = f"amqp:{self._exchange or self._key}"
        self._where = where
        self._pika = client("pika", "pika")
        self._connection: Any = None
        self._channel: Any = None
        self._step = 0

    def open(self, state: dict[str, Any] | None) -> None:
        """Connect."""
        self._step = state["step"] if state else 0
        self._begin()

    def _begin(self) -> None:
        self._connection = connect(self._where)
        self._channel = self._connection.channel()
        self._channel.confirm_delivery()

    def write(self, step: int, decisions: pa.Table) -> None:
        """Publish the decisions of a step, each confirmed."""
        self._step = step
        for row, body in zip(decisions.to_pylist(), lines(step, decisions), strict=True):
            properties = self._pika.BasicProperties(
                message_id=decision_id(row), content_type="application/json", delivery_mode=2
            )
            self._publish(body.rstrip(), properties)

    def _publish(self, body: bytes, properties: Any) -> None:
        for attempt in (1, 2):
            try:
                self._channel.basic_publish(self._exchange, self._key, body, properties, mandatory=True)
                return
            except self._pika.exceptions.UnroutableError:
                raise QuankeError(f"RabbitMQ has no queue for {self.name}") from None
            except self._pika.exceptions.AMQPError as error:
                if attempt == 2:
                    raise QuankeError(f"RabbitMQ is gone ({type(error).__name__})") from None
                self._begin()

    def state(self) -> dict[str, Any]:
        """Everything written is confirmed already."""
        return {"step": self._step}

    def close(self) -> None:
        """Disconnect."""
        if self._connection is not None and self._connection.is_open:
            self._connection.close()


class KafkaSink:
    """A topic, keyed by the identity of the decision."""

    def __init__(self, where: Address) -> None:
        if not where.path:
            raise QuankeError("a Kafka sink names its topic: kafka://HOST:9092/TOPIC")
        self.name = f"kafka:{where.path}"
        self._where = where
        self._kafka: Any = client("confluent_kafka", "confluent-kafka")
        self._producer: Any = None
        self._failed: list[str] = []
        self._step = 0

    def open(self, state: dict[str, Any] | None) -> None:
        """Make the producer: idempotent, so that its own attempts leave nothing twice."""
        self._step = state["step"] if state else 0
        self._producer = self._kafka.Producer(
            {"bootstrap.servers": self._where.server, "enable.idempotence": True, "linger.ms": 1}
        )

    def write(self, step: int, decisions: pa.Table) -> None:
        """Produce the decisions of a step and wait until they are acknowledged."""
        self._step = step
        for row, body in zip(decisions.to_pylist(), lines(step, decisions), strict=True):
            self._producer.produce(
                self._where.path, body.rstrip(), key=decision_id(row), on_delivery=self._delivered
            )
        left = self._producer.flush(60)
        if left or self._failed:
            raise QuankeError(f"Kafka did not take {left + len(self._failed)} decisions of {self.name}")

    def _delivered(self, error: Any, _message: Any) -> None:
        if error is not None:
            self._failed.append(error.name())

    def state(self) -> dict[str, Any]:
        """Everything written is acknowledged already."""
        return {"step": self._step}

    def close(self) -> None:
        """Nothing is left to send."""
        self._producer = None
