"""Real brokers as sources and sinks: RabbitMQ and NATS of the machine; Kafka's protocol by librdkafka's own
mock cluster, since no Kafka can be had here."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from quanke.kernel.errors import QuankeError
from tests.homes import Bank
from tests.live.busy_days import decisions, lines, live_once


def listens(port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False


@pytest.fixture
def rabbit() -> Iterator[Any]:
    pika = pytest.importorskip("pika")
    if not listens(5672):
        pytest.skip("no RabbitMQ answers")
    connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1"))
    channel = connection.channel()
    made: list[str] = []

    def queue() -> str:
        made.append(f"quanke-test-{uuid.uuid4().hex[:8]}")
        channel.queue_declare(made[-1], durable=True)
        return made[-1]

    channel.new_queue = queue
    yield channel
    for name in made:
        channel.queue_delete(name)
    connection.close()


@pytest.mark.service
def test_rabbitmq(fresh: Any, busy: Bank, wanted: list[Any], rabbit: Any) -> None:
    events, told = rabbit.new_queue(), rabbit.new_queue()
    half = len(busy[1]) // 2
    home = fresh()
    source = f"amqp://127.0.0.1/?queue={events}"
    sinks = ("files", f"amqp://127.0.0.1/?queue={told}")
    for part in (busy[1][:half], busy[1][half - 3 :]):  # three come twice
        for event in part:
            rabbit.basic_publish("", events, json.dumps(event).encode())
        figures = live_once(home, [source], sinks=sinks, batch=200, wait=0.3)
    assert (figures["events"], figures["again"]) == (len(busy[1]), 3)
    assert decisions(home) == wanted
    found = []
    while True:
        method, properties, body = rabbit.basic_get(told, auto_ack=True)
        if method is None:
            break
        found.append(properties.message_id)
        assert json.loads(body)["id"] == properties.message_id
    assert sorted(found) == sorted(":".join(map(str, w[:3])) for w in wanted)
    # What was acknowledged is gone.
    assert rabbit.queue_declare(events, passive=True).method.message_count == 0
    with pytest.raises(QuankeError, match="no queue"):
        live_once(fresh("other"), ["amqp://127.0.0.1/?queue=no-such-queue-at-all"])


@pytest.mark.service
def test_nats_streams_that_keep_and_that_drop(
    fresh: Any, busy: Bank, wanted: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("nats")
    if not listens(4222):
        pytest.skip("no NATS answers")
    # how long nothing has to come for a stream to be at its end
    monkeypatch.setattr("quanke.engines.live.sources.nats.EXPIRES", 0.6)
    monkeypatch.setattr("quanke.engines.live.sources.nats.RENEWED", 0.4)
    for retention in ("limits", "workqueue"):
        name = f"QUANKE_TEST_{uuid.uuid4().hex[:8]}"
        home = fresh(retention)
        half = len(busy[1]) // 2
        for part in (busy[1][:half], busy[1][half:]):
            asyncio.run(_publish(name, retention, part))
            source = f"nats://127.0.0.1:4222/{name}?subject={name}.a.>"
            figures = live_once(home, [source], batch=200, wait=0.3)
        assert (figures["events"], figures["again"]) == (len(busy[1]), 0)
        assert decisions(home) == wanted
        assert asyncio.run(_drop(name)) == (len(busy[1]) if retention == "limits" else 0)


async def _publish(name: str, retention: str, events: list[dict[str, Any]]) -> None:
    import nats

    connection = await nats.connect("nats://127.0.0.1:4222")
    stream = connection.jetstream()
    await stream.add_stream(name=name, subjects=[f"{name}.>"], retention=retention)
    for event in events:
        await stream.publish_async(f"{name}.a.events", json.dumps(event).encode())
    await stream.publish_async_completed()
    await connection.close()


async def _drop(name: str) -> int:
    import nats

    connection = await nats.connect("nats://127.0.0.1:4222")
    stream = connection.jetstream()
    left = int((await stream.stream_info(name)).state.messages)
    await stream.delete_stream(name)
    await connection.close()
    return left


@pytest.fixture(scope="module")
def kafka() -> Iterator[tuple[Any, str]]:
    """A producer whose process holds a mock cluster that speaks Kafka's protocol on a port."""
    library = pytest.importorskip("confluent_kafka")
    producer = library.Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "none"})
    metadata = producer.list_topics("events", timeout=10)
    for topic in ("events", "decisions"):
        producer.list_topics(topic, timeout=10)
    broker = next(iter(metadata.brokers.values()))
    yield producer, f"{broker.host}:{broker.port}"


def test_kafka_protocol(
    fresh: Any,
    busy: Bank,
    wanted: list[Any],
    kafka: tuple[Any, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    producer, server = kafka
    home = fresh()
    half = len(busy[1]) // 2
    for part in (busy[1][:half], busy[1][half:]):
        for line in lines(part).splitlines():
            producer.produce("events", line, partition=0)
        assert producer.flush(20) == 0
        sinks = ("files", f"kafka://{server}/decisions")
        figures = live_once(home, [f"kafka://{server}/events"], sinks=sinks, batch=200, wait=0.5)
    assert (figures["events"], figures["again"]) == (len(busy[1]), 0)
    assert decisions(home) == wanted
    library = pytest.importorskip("confluent_kafka")

    class Hasty(library.Consumer):  # type: ignore[misc,name-defined]
        """Asks for a second where a bank's would ask for fifteen."""

        def list_topics(self, topic: str, timeout: float) -> Any:
            return super().list_topics(topic, timeout=min(timeout, 1))

    monkeypatch.setattr(library, "Consumer", Hasty)
    with pytest.raises(QuankeError, match="no Kafka answers"):
        live_once(fresh("other"), ["kafka://127.0.0.1:1/events"])
