"""Kafka: partitions of a topic, read by position; what was written down is committed, for others to see.

Positions are our own (the journal's), so partitions are assigned, not given by the group: `share` k of N
reads the partitions whose number leaves k when divided by N if the address says `?partitions=share`, else
all of them. The client is Confluent's (librdkafka).
"""

from __future__ import annotations

import contextlib
import logging
from typing import Any

from quanke.engines.live.brokers import Address, client
from quanke.engines.live.intake.arrivals import read_messages
from quanke.engines.live.intake.reading import Judged, Share
from quanke.engines.live.sources import Reading
from quanke.kernel.errors import QuankeError

_STRIDE = 1 << 40
"""What a partition's number is multiplied with to tell rows of different partitions apart in one number."""


class KafkaSource:
    """A topic."""

    def __init__(self, where: Address, share: Share) -> None:
        if not where.path:
            raise QuankeError("a Kafka source names its topic: kafka://HOST:9092/TOPIC")
        self.name = f"kafka:{where.path}"
        self._where = where
        self._share = share
        self._kafka: Any = client("confluent_kafka", "confluent-kafka")
        self._consumer: Any = None
        self._position: dict[str, int] = {}
        self._ends: set[int] = set()
        self._partitions: list[int] = []

    def open(self, position: Any) -> None:
        """Assign the partitions, each after the message that was written down last."""
        self._position = dict(position or {})
        options = {
            "bootstrap.servers": self._where.server,
            "group.id": f"{self._where.option('group', 'quanke')}-{self._share}",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 20,
        }
        if self._where.user:
            options |= {
                "security.protocol": self._where.option("security", "SASL_SSL"),
                "sasl.mechanism": self._where.option("mechanism", "SCRAM-SHA-512"),
                "sasl.username": self._where.user,
                "sasl.password": self._where.password or "",
            }
        self._consumer = self._kafka.Consumer(options, logger=_QUIET)
        try:
            topic = self._consumer.list_topics(self._where.path, timeout=15).topics[self._where.path]
        except self._kafka.KafkaException as error:
            raise QuankeError(f"no Kafka answers at {self._where.server} ({error.args[0].name()})") from None
        if topic.error is not None or not topic.partitions:
            raise QuankeError(f"Kafka has no topic {self._where.path}")
        self._partitions = [
            number
            for number in sorted(topic.partitions)
            if self._where.options.get("partitions") != "share" or number % self._share.of == self._share.part
        ]
        begin = self._kafka.OFFSET_BEGINNING
        self._consumer.assign(
            [
                self._kafka.TopicPartition(self._where.path, number, self._position.get(str(number), begin))
                for number in self._partitions
            ]
        )

    def read(self, limit: int, wait: float) -> Reading | None:
        """A batch of messages."""
        bodies, rows, published = [], [], []
        for message in self._consumer.consume(limit, wait):
            error = message.error()
            if error is not None:
                if error.code() == self._kafka.KafkaError._PARTITION_EOF:
                    self._ends.add(message.partition())
                elif error.fatal():
                    raise QuankeError(f"Kafka gave up: {error.name()}")
                continue
            self._ends.discard(message.partition())
            bodies.append(message.value() or b"")
            rows.append(message.partition() * _STRIDE + message.offset())
            kind, milliseconds = message.timestamp()
            if kind != self._kafka.TIMESTAMP_NOT_AVAILABLE:
                published.append(milliseconds / 1000)
            self._position[str(message.partition())] = message.offset() + 1
        if not bodies:
            return None
        return Reading(read_messages(bodies, self.name, rows), dict(self._position), None, published)

    def acknowledge(self, reading: Reading, judged: Judged) -> None:
        """Commit, so that monitors of the group see how far we are; we ourselves begin at the journal's."""
        offsets = [
            self._kafka.TopicPartition(self._where.path, int(number), offset)
            for number, offset in reading.position.items()
        ]
        self._consumer.commit(offsets=offsets, asynchronous=True)

    @property
    def exhausted(self) -> bool:
        """Whether every partition was read to its end."""
        return self._ends >= set(self._partitions)

    @property
    def lag(self) -> int | None:
        """Messages behind the ends of the partitions, as the client last heard of them."""
        found = 0
        for number in self._partitions:
            partition = self._kafka.TopicPartition(self._where.path, number)
            with contextlib.suppress(self._kafka.KafkaException):
                _, high = self._consumer.get_watermark_offsets(partition, cached=True)
                found += max(0, high - self._position.get(str(number), 0))
        return found

    def close(self) -> None:
        """Disconnect."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None


_QUIET = logging.getLogger("quanke.kafka")
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False
