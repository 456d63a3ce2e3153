"""Outgoing rows as events: in order, each at least once under a stable id, nothing of class C2 in them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quanke.kernel.errors import QuankeError
from quanke_desk.foundation import events, mending
from quanke_desk.foundation.events import RedisSink, publish
from quanke_desk.foundation.models import EventCursor, Outgoing, Person
from quanke_desk.foundation.outbox import mend, put, withdraw
from quanke_desk.foundation.redis import command
from quanke_desk.foundation.roles import Role
from quanke_desk.foundation.working import Worker

DAY = "2026-07-01"


@pytest.fixture
def folder(desk: dict[str, Person], tmp_path: Path, settings: Any) -> Path:
    """A home of which only the desk's own folder is used. Rows tell themselves committed."""
    settings.QUANKE_HOME = str(tmp_path)
    return tmp_path


@pytest.fixture
def committed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test is one transaction, and of that PostgreSQL tells nothing before its end: numbers alone here."""

    def after(cursor: EventCursor) -> list[events.Event]:
        rows = Outgoing.objects.filter(pk__gt=cursor.row).order_by("pk")[: events.MOST]
        return [events._event(0, row) for row in rows]

    monkeypatch.setattr(events, "_after", after)


def contacts(first: int, count: int) -> None:
    for n in range(first, first + count):
        put("contacts", f"desk-c{n}", {"date": DAY, "means": "call", "connected": None}, customer=n)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines() if line]


def test_events_in_a_file(folder: Path, committed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST", 3)
    contacts(0, 8)
    path = folder / "events.jsonl"
    assert publish(str(path)) == 8 and publish(str(path)) == 0
    contacts(8, 2)
    assert publish(str(path)) == 2
    told = lines(path)
    assert [e["id"] for e in told] == [f"contacts:desk-c{n}" for n in range(10)]
    first = told[0]
    assert first["customer"] == 0 and first["row"] == {"date": DAY, "means": "call"}


def test_nothing_of_class_c2_is_told(folder: Path, committed: None) -> None:
    sale = {"product_id": "P1", "date": DAY, "amount": 987_654, "channel": "mobile"}
    put("sales", "desk-s1", sale, customer=7)
    put("contacts", "desk-c1", {"date": DAY, "means": "call", "source": "core", "party_id": "C7654321"})
    path = folder / "events.jsonl"
    publish(str(path))
    text = path.read_text()
    assert "987654" not in text and "amount" not in text and "C7654321" not in text and '"customer":7' in text


def test_what_is_taken_back_is_told(folder: Path, committed: None) -> None:
    """A contact undone after it left, and one nobody was told of as nobody follows."""
    contacts(0, 2)
    assert withdraw("contacts", "desk-c1") and not Outgoing.objects.filter(table="withdrawn").exists()
    path = folder / "events.jsonl"
    publish(str(path))
    pk = Outgoing.objects.get(key="desk-c0").pk
    assert withdraw("contacts", "desk-c0") and not withdraw("contacts", "desk-c0")
    publish(str(path))
    first, gone = lines(path)
    assert first["id"] == "contacts:desk-c0"
    assert (gone["id"], gone["table"], gone["customer"]) == (f"withdrawn:{pk}", "withdrawn", 0)
    assert gone["row"].pop("at") and gone["row"] == {"table": "contacts", "key": "desk-c0"}


def test_what_is_mended_or_dropped_is_told_again(
    folder: Path, committed: None, desk: dict[str, Person]
) -> None:
    sale = {"product_id": "P1", "date": DAY, "amount": 987_654, "channel": "mobile"}
    for n in (1, 2):
        put("sales", f"desk-s{n}", sale, customer=7)
    put("owner_choices", "desk-3:1", {"post_id": "P1", "chosen_on": DAY, "source": "core", "party_id": "C1"})
    path = folder / "events.jsonl"
    publish(str(path))
    Outgoing.objects.update(rule="product_id:unknown")
    held, dropped, state = Outgoing.objects.order_by("pk")
    good = {**sale, "product_id": "P2"}
    for _twice in range(2):
        mend(held.pk, good, by=desk[Role.ADMINISTRATOR], reason="renamed")
    for row in (dropped, state):
        asked = mending.ask_drop(row.pk, by=desk[Role.ADMINISTRATOR], reason="made twice")
        mending._drop(asked, desk[Role.COMPLIANCE])
    publish(str(path))
    again, _twice, gone, last = lines(path)[3:]
    assert (again["table"], again["key"], again["customer"]) == ("sales", "desk-s1", 7)
    assert again["row"] == {"product_id": "P2", "date": DAY, "channel": "mobile"}, "nothing of class C2"
    ids = [told["id"] for told in lines(path)]
    assert len(set(ids)) == len(ids) and again["id"].startswith("sales:desk-s1#"), "a stream has each once"
    assert gone["row"]["key"] == "desk-s2" and last["row"]["key"] == "desk-3:1"
    asked_of = Outgoing.objects.get(table="withdrawn", key=str(state.pk))
    assert events._event(0, asked_of).of == events._event(0, state).of == "owner_choices:desk-3"


def test_a_line_that_was_cut_off_is_told_again(folder: Path, committed: None) -> None:
    path = folder / "events.jsonl"
    contacts(0, 1)
    publish(str(path))
    with path.open("ab") as file:
        file.write(b'{"id":"conta')
    contacts(1, 1)
    publish(str(path))
    held = path.read_bytes().splitlines()
    assert [json.loads(held[0])["id"], json.loads(held[2])["id"]] == ["contacts:desk-c0", "contacts:desk-c1"]


def test_a_sink_that_fails_is_told_again_from_there(
    folder: Path, committed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MOST", 2)
    told: list[str] = []

    class Failing:
        def tell(self, given: list[events.Event]) -> None:
            if len(told) == 2:
                told.append("")
                raise QuankeError("gone")
            told.extend(e.id for e in given)

        def close(self) -> None:
            pass

    monkeypatch.setattr(events, "open_sink", lambda where: Failing())
    contacts(0, 5)
    with pytest.raises(QuankeError):
        publish("x")
    assert EventCursor.objects.get().row == Outgoing.objects.get(key="desk-c1").pk
    assert publish("x") == 3
    assert [t for t in told if t] == [f"contacts:desk-c{n}" for n in range(5)]


def test_addresses_nobody_understands() -> None:
    for where, message in (
        ("amqp://127.0.0.1/?queue=x", "takes no events"),
        ("ftp://127.0.0.1/x", "no source or sink"),
        ("nats://127.0.0.1:1", "names its stream"),
        ("redis://127.0.0.1:1", "names its stream"),
        ("redis://:word@127.0.0.1:1/x", "a password does not stand"),
        ("redis://127.0.0.1:1/x", "no Redis answers"),
        ("kafka://127.0.0.1:1", "names its topic"),
    ):
        with pytest.raises(QuankeError, match=message):
            events.open_sink(where)


def test_the_round_tells_the_configured_broker(
    folder: Path, committed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    contacts(0, 1)
    monkeypatch.setattr("quanke_desk.foundation.delivery.something_waits", lambda: False)
    path = folder / "events.jsonl"
    Worker().once()
    assert not path.exists()
    monkeypatch.setenv("QUANKE_DESK_EVENTS", str(path))
    Worker().once()
    assert len(lines(path)) == 1


def test_redis_is_all_or_nothing(folder: Path) -> None:
    """A Redis that refuses one of several: nothing was told, and the error says no value."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def answer() -> None:
            held, _ = server.accept()
            with held:
                held.recv(65_536)
                held.sendall(b"+OK\r\n+QUEUED\r\n-OOM secret\r\n-EXECABORT secret\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        sink = RedisSink(f"redis://127.0.0.1:{port}/x")
        given = [events.Event(0, n, f"contacts:{n}", b"{}") for n in (1, 2)]
        with pytest.raises(QuankeError, match=r"^Redis refused: OOM$"):
            sink.tell(given)
        sink.close()
        thread.join()


def listens(port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False


def ask_redis(*words: str) -> list[bytes]:
    """What Redis answers, raw."""
    with socket.create_connection(("127.0.0.1", 6379), 5) as at:
        at.sendall(command(list(words)))
        at.settimeout(0.5)
        held = b""
        with contextlib.suppress(TimeoutError):
            while part := at.recv(65_536):
                held += part
    return held.split(b"\r\n")


@pytest.fixture
def stream() -> Iterator[str]:
    if not listens(6379):
        pytest.skip("no Redis answers")
    name = f"quanke-test-{uuid.uuid4().hex[:8]}"
    yield name
    ask_redis("DEL", name)


@pytest.mark.service
def test_events_in_a_stream_of_redis(folder: Path, committed: None, stream: str) -> None:
    contacts(0, 3)
    where = f"redis://127.0.0.1:6379/{stream}"
    assert publish(where) == 3
    EventCursor.objects.update(row=0)  # killed before the cursor was saved
    contacts(3, 1)
    assert publish(where) == 4
    held = [line for line in ask_redis("XRANGE", stream, "-", "+") if line.startswith(b"contacts:")]
    assert held == [f"contacts:desk-c{n}".encode() for n in range(4)], "each once"


@pytest.mark.service
def test_events_in_a_stream_of_nats(folder: Path, committed: None) -> None:
    nats = pytest.importorskip("nats")
    if not listens(4222):
        pytest.skip("no NATS answers")
    name = f"QUANKE_TEST_{uuid.uuid4().hex[:8]}"

    async def run(work: str) -> Any:
        connection = await nats.connect("nats://127.0.0.1:4222")
        context = connection.jetstream()
        try:
            if work == "make":
                await context.add_stream(name=name, subjects=[f"{name.lower()}.>"])
            if work == "drop":
                await context.delete_stream(name)
            if work == "read":
                found = []
                info = await context.stream_info(name)
                for n in range(1, info.state.messages + 1):
                    held = await context.get_msg(name, n)
                    found.append(
                        (held.subject, held.headers["Nats-Msg-Id"], json.loads(held.data)["customer"])
                    )
                return found
        finally:
            await connection.close()

    asyncio.run(run("make"))
    try:
        contacts(0, 3)
        where = f"nats://127.0.0.1:4222/{name}"
        assert publish(where) == 3
        EventCursor.objects.update(row=0)
        contacts(3, 1)
        assert publish(where) == 4
        subject = f"{name.lower()}.contacts"
        assert asyncio.run(run("read")) == [(subject, f"contacts:desk-c{n}", n) for n in range(4)]
    finally:
        asyncio.run(run("drop"))


@pytest.mark.service
def test_events_by_kafkas_protocol(folder: Path, committed: None) -> None:
    """librdkafka's own mock cluster: no Kafka can be had here."""
    kafka = pytest.importorskip("confluent_kafka")
    mock = kafka.Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 1})
    brokers = mock.list_topics(timeout=10).brokers
    at = next(iter(brokers.values()))
    contacts(0, 3)
    assert publish(f"kafka://{at.host}:{at.port}/desk") == 3
    consumer = kafka.Consumer(
        {"bootstrap.servers": f"{at.host}:{at.port}", "group.id": "t", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe(["desk"])
    keys: set[tuple[str, str]] = set()
    for _ in range(100):
        held = consumer.poll(0.2)
        if held is not None and not held.error():
            keys.add((held.key().decode(), json.loads(held.value())["id"]))
        if len(keys) == 3:
            break
    consumer.close()
    assert keys == {(str(n), f"contacts:desk-c{n}") for n in range(3)}, "by customer: his events in order"
