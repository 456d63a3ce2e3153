"""Outgoing rows as events for a broker, by configuration: `QUANKE_DESK_EVENTS` names one address.

    nats://HOST:4222/STREAM?subject=desk     JetStream: what the stream's last message has is not told again;
                                             `Nats-Msg-Id` is the event's id for what is under way yet
    redis://HOST:6379/STREAM                 a Redis stream; an entry's id is the event's place in the order,
                                             and Redis refuses one that is there already: each once
    kafka://HOST:9092/TOPIC                  keyed by the customer, so that his events keep their order
    PATH                                     lines of a file

An event is {"id", "seq", "table", "key", "at", "customer", "row"}: its place in the order (which only rises,
and is the same when it is told again), the customer's number in place of his records, and of the row only
fields that are not of class C2. It is told at least once, in the order in which rows were committed; whoever
takes them drops a place he had (`followed` does, docs/how-to/follow-the-desk.md says how), and so has each
once in effect. The password of a broker is taken from QUANKE_BROKER_PASSWORD.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from django.db import connection
from django.db.models import Q

from quanke.engines.live.brokers import Address, NatsConnection, address, client
from quanke.kernel.errors import QuankeError
from quanke_desk.foundation.analytic import home_path
from quanke_desk.foundation.models import EventCursor, Outgoing
from quanke_desk.foundation.outbox import AGAIN, WITHDRAWN, told_fields
from quanke_desk.foundation.redis import Redis, Refusal

MOST = 500
PLACE = "Quanke-Seq"
"""Header of a message of NATS: the event's place."""


@dataclass(frozen=True)
class Event:
    """One outgoing row as others may know it, and its place in the order."""

    xid: int
    number: int
    id: str
    body: bytes
    of: str = ""
    """Whose events keep their order among each other: the customer, else the row."""

    @property
    def place(self) -> str:
        """Its place in the order, as text."""
        return f"{self.xid}-{self.number}"


class Sink(Protocol):
    """Takes events; when `tell` returns they are where they belong."""

    def tell(self, events: list[Event]) -> None:
        """Takes events in their order; some may come again."""
        ...

    def close(self) -> None:
        """No more comes."""
        ...


def configured() -> str:
    """Where events go; empty: nowhere."""
    return os.environ.get("QUANKE_DESK_EVENTS", "")


def publish(where: str) -> int:
    """Tells what is new; how many events. Raises QuankeError where the broker cannot be reached: the next
    round goes on from where this one ended."""
    name = where.partition("?")[0][-200:]
    told = 0
    with _alone() as alone:
        if not alone:
            return 0
        cursor, _ = EventCursor.objects.get_or_create(sink=name)
        events = _after(cursor)
        if not events:
            cursor.save(update_fields=["at"])
            return 0
        sink = open_sink(where)
        try:
            while events:
                sink.tell(events)
                cursor.xid, cursor.row = events[-1].xid, events[-1].number
                cursor.save(update_fields=["xid", "row", "at"])
                told += len(events)
                events = _after(cursor)
        finally:
            sink.close()
    return told


@contextmanager
def _alone() -> Iterator[bool]:
    """Whether nobody else on this machine is telling; no transaction is held open while a broker answers."""
    folder = home_path() / "desk"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "events.lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def _after(cursor: EventCursor) -> list[Event]:
    """The next events in the order of their transactions. Of PostgreSQL only those before the oldest
    transaction that still runs: a later one could yet put a row before them."""
    if connection.vendor != "postgresql":
        rows = Outgoing.objects.filter(Q(pk__gt=cursor.row)).order_by("pk")[:MOST]
        return [_event(0, row) for row in rows]
    places: dict[int, int] = {}
    with connection.cursor() as asked:
        asked.execute(
            "SELECT id, xid::text FROM foundation_outgoing WHERE (xid, id) > (%s::text::xid8, %s)"
            " AND xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY xid, id LIMIT %s",
            [str(cursor.xid), cursor.row, MOST],
        )
        places = {int(number): int(xid) for number, xid in asked.fetchall()}
    rows_by = Outgoing.objects.in_bulk(list(places))
    return [_event(xid, rows_by[number]) for number, xid in places.items() if number in rows_by]


def _event(xid: int, row: Outgoing) -> Event:
    fields, given = told_fields(row.table), row.row
    table, key = row.table, row.key
    name = f"{table}:{key}"
    about = (table, key)
    if row.table == WITHDRAWN:  # keeps the order of the row it is about
        about = (given["table"], given["key"])
    if row.table == AGAIN:  # an event of that row's table and key; an id of its own, or a stream drops it
        about = (table, key) = given["table"], given["key"]
        name, given = f"{table}:{key}#{row.pk}", given["row"]
        fields = told_fields(table)
    told = {
        "id": name,
        "seq": [xid, row.pk],
        "table": table,
        "key": key,
        "at": row.at.isoformat(),
        "customer": row.customer,
        "row": {n: v for n, v in sorted(given.items()) if n in fields and v is not None},
    }
    body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    of = about[0] + ":" + about[1].partition(":")[0]
    return Event(xid, row.pk, name, body, of if row.customer is None else str(row.customer))


def open_sink(where: str) -> Sink:
    """The sink of an address. Raises QuankeError for one nobody understands, or that does not answer."""
    if where.startswith("redis://"):
        return RedisSink(where)
    at = address(where)
    if at is None:
        return FileSink(Path(where))
    if at.scheme == "nats":
        return NatsSink(at)
    if at.scheme == "kafka":
        return KafkaSink(at)
    raise QuankeError(f"{at.scheme}:// takes no events: there are nats://, redis://, kafka:// and files")


class FileSink:
    """Lines of a file. A line a kill cut off is ended, and told again."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab+")
        if self._file.tell():
            self._file.seek(-1, os.SEEK_END)
            if self._file.read(1) != b"\n":
                self._file.write(b"\n")

    def tell(self, events: list[Event]) -> None:
        """See Sink."""
        self._file.write(b"".join(event.body + b"\n" for event in events))
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """See Sink."""
        self._file.close()


class NatsSink:
    """A subject of a JetStream stream: <subject>.<table>. A kill between telling and noting it leaves events
    that are told again; the stream forgets ids after its window, so its last message is asked for first."""

    def __init__(self, where: Address) -> None:
        if not where.path:
            raise QuankeError("NATS: the address names its stream, nats://HOST:4222/STREAM")
        self._stream, self._asked = where.path, False
        self._subject = where.option("subject", where.path.lower())
        self._connection = NatsConnection(where)

    def tell(self, events: list[Event]) -> None:
        """See Sink."""
        try:
            self._connection.call(self._tell(events), 60)
        except TimeoutError:
            raise QuankeError("NATS does not answer") from None

    async def _tell(self, events: list[Event]) -> None:
        context = self._connection.connection.jetstream()
        try:
            if not self._asked:
                events = _behind(await self._last(context), events)
                self._asked = True
            for event in events:
                subject = f"{self._subject}.{event.id.partition(':')[0]}"
                headers = {"Nats-Msg-Id": event.id, PLACE: event.place}
                # one after the other: the stream's last message then says what is there
                await context.publish(subject, event.body, headers=headers, timeout=5)
        except client("nats.errors", "nats-py").Error as error:
            raise QuankeError(f"NATS did not take an event ({type(error).__name__})") from None

    async def _last(self, context: Any) -> dict[str, str]:
        """Headers of the stream's last message; none where it is empty."""
        try:
            last = await context.get_last_msg(self._stream, f"{self._subject}.>")
        except client("nats.js.errors", "nats-py").NotFoundError:
            return {}
        return last.headers or {}

    def close(self) -> None:
        """See Sink."""
        self._connection.close()


def _behind(last: dict[str, str], events: list[Event]) -> list[Event]:
    """Events behind the one a stream has last; all where that is none of these: it was told and noted, or is
    of another database."""
    for at, event in enumerate(events):
        if (event.id, event.place) == (last.get("Nats-Msg-Id"), last.get(PLACE)):
            return events[at + 1 :]
    return events


class KafkaSink:
    """A topic by an idempotent producer, keyed by the customer: his events keep their order in one part."""

    def __init__(self, where: Address) -> None:
        if not where.path:
            raise QuankeError("Kafka: the address names its topic, kafka://HOST:9092/TOPIC")
        self._topic = where.path
        self._failed = 0
        kafka: Any = client("confluent_kafka", "confluent-kafka")
        self._producer = kafka.Producer(
            {"bootstrap.servers": where.server, "enable.idempotence": True, "linger.ms": 5}
        )

    def tell(self, events: list[Event]) -> None:
        """See Sink."""
        self._failed = 0
        for event in events:
            self._producer.produce(self._topic, event.body, key=event.of, on_delivery=self._told)
        if left := self._producer.flush(30) + self._failed:
            raise QuankeError(f"Kafka did not take {left} events")

    def _told(self, error: Any, _message: Any) -> None:
        self._failed += error is not None

    def close(self) -> None:
        """Waits for what is under way; `tell` left nothing."""
        self._producer.flush(30)


_THERE = b"ERR The ID specified in XADD is equal or smaller"


class RedisSink:
    """A stream of Redis."""

    def __init__(self, where: str) -> None:
        self._redis = Redis(where)

    def tell(self, events: list[Event]) -> None:
        """See Sink. All of them or none: were one left out, its place would be behind those after it."""
        stream = self._redis.stream
        added = [["XADD", stream, e.place, "id", e.id, "event", e.body] for e in events]
        answers = self._redis.ask([["MULTI"], *added, ["EXEC"]])
        answers += answers[-1] if isinstance(answers[-1], list) else []
        refused = [bytes(said) for said in answers if isinstance(said, Refusal)]
        if other := [said for said in refused if not said.startswith(_THERE)]:
            raise QuankeError(f"Redis refused: {other[0].split()[0].decode(errors='replace')}")

    def close(self) -> None:
        """See Sink."""
        self._redis.close()
