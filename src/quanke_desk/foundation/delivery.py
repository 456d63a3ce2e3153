"""Delivery: what was put into the outbox is handed over to the loader, in batches that never change.

    waiting rows -> batch (one transaction) -> desk/outgoing/<batch>/<table>/*.parquet -> load -> marked

Killed anywhere, the next run goes on: a batch keeps its rows and its file, and the loader skips a file it
knows. So each row is in the home's tables once, however often it was handed over.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from quanke.bank.contracts import CONTRACTS, FieldType, TableKind
from quanke.bank.home import Home
from quanke.bank.load import load
from quanke.bank.load import replay as replay_rows
from quanke.customers.register import Register, register_of
from quanke.customers.register.asking import party_names
from quanke.kernel.errors import HomeError
from quanke.kernel.progress import SilentProgress
from quanke_desk.foundation.analytic import home_path
from quanke_desk.foundation.mending import DROPPED
from quanke_desk.foundation.models import Batch, EventCursor, Outgoing, Relation
from quanke_desk.foundation.outbox import PARTY, number_of
from quanke_desk.foundation.parameters import value

MOST = 20_000
"""Rows of one batch."""
NOBODY = "customer:unknown"
"""The rule of a row whose customer the register does not know: it is in no file and waits."""
SUPERSEDED = "key:superseded"
"""The rule of a refused state of a row of which a later state was taken: it is not sent again."""


@dataclass
class Delivery:
    """What one run did. `again`: batches that were given once more, with rows amended since. `waits`: why it
    stopped before the end, empty where it did not."""

    batches: list[int] = field(default_factory=list)
    again: list[int] = field(default_factory=list)
    taken: int = 0
    refused: int = 0
    waits: str = ""


def deliver() -> Delivery:
    """Delivers what waits. Where another delivery runs, or a night writes the home, it says so and the next
    run goes on. Raises HomeError for what is no home."""
    done = Delivery()
    home = Home.open(home_path())
    with _alone(home) as alone:
        if not alone:
            done.waits = "another delivery is running"
            return done
        _sweep(home)
        while batch := _next():
            if not _carry(home, batch, done):
                break
            done.batches.append(batch.pk)
        if not done.waits:
            _give_again(home, done)
    return done


def something_waits() -> bool:
    """Whether there is anything to deliver, or a folder a kill left."""
    folder = home_path() / "desk" / "outgoing"
    if Outgoing.objects.filter(delivered_at=None, rule="").exists() or _amended().exists():
        return True
    return Batch.objects.filter(delivered_at=None).exists() or (folder.exists() and any(folder.iterdir()))


def replay(numbers: list[int] | None = None) -> Delivery:
    """Sends rows that were refused again, with their values of now (see `outbox.mend`); default: all. What is
    right now is taken, the rest stays refused with its rule of now."""
    done = Delivery()
    home = Home.open(home_path())
    with _alone(home) as alone:
        if not alone:
            done.waits = "another delivery is running"
            return done
        refused = Outgoing.objects.exclude(rule="").filter(delivered_at=None)
        if numbers is not None:
            refused = refused.filter(pk__in=numbers)
        numbered = refused.order_by("batch").values_list("batch", flat=True).distinct()
        for batch in Batch.objects.filter(pk__in=list(numbered)).exclude(delivered_at=None).order_by("id"):
            if not _carry_again(home, batch, refused, done):
                break
    return done


def refused_counts() -> dict[str, int]:
    """How many rows wait to be mended, by "table field:rule"."""
    rows = Outgoing.objects.exclude(rule="").filter(delivered_at=None)
    counted = rows.values_list("table", "rule").annotate(count=Count("id")).order_by("table", "rule")
    return {f"{table} {rule}": count for table, rule, count in counted}


@contextmanager
def _alone(home: Home) -> Iterator[bool]:
    """Whether this is the only delivery; the system lets go of the lock of a process that was killed."""
    folder = home.path / "desk" / "outgoing"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (home.path / "desk" / "delivery.lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def _next() -> Batch | None:
    """The oldest batch that is not loaded; else a new one of what waits; null where nothing does."""
    held = Batch.objects.filter(delivered_at=None).order_by("id").first()
    if held is not None:
        return held
    with transaction.atomic():
        waiting = Outgoing.objects.filter(batch=None, delivered_at=None).order_by("id")
        rows = list(waiting.values_list("pk", flat=True)[:MOST])
        if not rows:
            return None
        mark = secrets.token_hex(4)
        batch = Batch.objects.create(made_on=timezone.localdate(), mark=mark, rows=len(rows))
        # by range: SQLite takes no list of thousands; what was put meanwhile has a higher number
        Outgoing.objects.filter(batch=None, delivered_at=None, pk__gte=rows[0], pk__lte=rows[-1]).update(
            batch=batch.pk
        )
        return batch


def _unit(batch: Batch) -> str:
    return f"desk-{batch.pk:06}-{batch.mark}-{batch.made_on.isoformat()}"


def _folder(home: Home, batch: Batch) -> Path:
    return home.path / "desk" / "outgoing" / f"{batch.pk:06}-{batch.mark}"


def _carry(home: Home, batch: Batch, done: Delivery) -> bool:
    """Hands one batch over and marks what became of its rows; False where it has to wait."""
    tables = sent(batch)
    folder = _folder(home, batch)
    unknown = _write(home, batch, tables, folder) if not folder.exists() else _unknown(home, batch, tables)
    error = ""
    try:
        report = load(home, folder, progress=SilentProgress(), only=list(tables))
        error = "; ".join(report.errors)
    except HomeError as held:
        error = held.message
    if not error:
        error = _missing(home, batch, folder)
    if error:
        Batch.objects.filter(pk=batch.pk).update(error=error[:300])
        done.waits = error
        return False
    refused: dict[int, tuple[str, int | None]] = dict.fromkeys(unknown, (NOBODY, None))
    for table, rows in tables.items():
        written = [row for row in rows if row.pk not in unknown]
        for place, rule in _quarantined(home, batch, table).items():
            refused[written[place - 1].pk] = (rule, place)
    _mark(batch, refused)
    done.taken += batch.rows - len(refused)
    done.refused += len(refused)
    _remove(folder)
    return True


def _amended() -> QuerySet[Outgoing]:
    """Rows that stand in the tables with other values than they have now."""
    return Outgoing.objects.filter(again=True, delivered_at__isnull=False)


def _give_again(home: Home, done: Delivery) -> None:
    """Gives the files of batches again that have rows amended since: the loader puts a file of the same name
    and day in the place of the first, whose rows are in no table any more."""
    for batch in list(Batch.objects.filter(pk__in=_amended().order_by().values("batch")).order_by("id")):
        for table, rows in sent(batch).items():
            amended = {row.pk: row.row for row in rows if row.again and row.delivered_at is not None}
            if amended and not _file_again(home, batch, table, rows, done):
                return
            _stand_as_given(amended)
        done.again.append(batch.pk)


def _stand_as_given(given: dict[int, dict[str, Any]]) -> None:
    """Rows stand in the tables as they were given; one that was amended meanwhile is given once more."""
    with transaction.atomic():
        held = Outgoing.objects.select_for_update().filter(pk__in=given)
        same = [row.pk for row in held if row.row == given[row.pk]]
        Outgoing.objects.filter(pk__in=same).update(again=False)


def _file_again(home: Home, batch: Batch, table: str, rows: list[Outgoing], done: Delivery) -> bool:
    """Gives one file of a batch again; False where the home is being written. Where rows of it were cleared
    away since, the first file stays: it must not lose a row."""
    written = [row for row in rows if row.rule not in (NOBODY, DROPPED)]
    dropped = sum(row.rule == DROPPED for row in rows)  # it was in the first file, and is in no later one
    if _rows_of_unit(home, batch, table) not in (len(written), len(written) + dropped):
        return True
    folder = _folder(home, batch)
    shutil.rmtree(folder, ignore_errors=True)
    if _write(home, batch, {table: written}, folder):
        _remove(folder)  # a customer the register does not know any more
        return True
    error = ""
    try:
        report = load(home, folder, progress=SilentProgress(), only=[table])
        error = "; ".join(report.errors) or _missing(home, batch, folder)
    except HomeError as held:
        error = held.message
    _remove(folder)
    if error:
        done.waits = error
        return False
    left, now = _quarantined(home, batch, table), timezone.now()
    with transaction.atomic():
        for place, row in enumerate(written, 1):
            if row.rule or place in left:  # what was refused may be right by now, and the other way round
                row.rule, row.place = left.get(place, ""), place
                row.delivered_at = None if row.rule else now
                row.save(update_fields=["rule", "place", "delivered_at"])
    return True


def _rows_of_unit(home: Home, batch: Batch, table: str) -> int:
    """How many rows the file of a batch had in a table, replayed and refused ones among them."""
    units = [u for u in home.book(table).standing if _unit(batch) in (u.unit, u.replay_of)]
    return sum(u.taken + u.quarantined for u in units)


def sent(batch: Batch) -> dict[str, list[Outgoing]]:
    """Rows of a batch as its files have them, by table in the order they were put: of several states of one
    row only the last, which stands for those before it."""
    tables: dict[str, dict[str, Outgoing]] = {}
    for row in Outgoing.objects.filter(batch=batch.pk).order_by("id"):
        kept = tables.setdefault(row.table, {})
        number = number_of(row.table, row.key)
        kept.pop(number, None)
        kept[number] = row
    return {table: list(rows.values()) for table, rows in sorted(tables.items())}


def _write(home: Home, batch: Batch, tables: dict[str, list[Outgoing]], folder: Path) -> set[int]:
    """Writes the hand-over, whole or not at all; the rows whose customer nobody knows, which are left out."""
    beside = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    unknown: set[int] = set()
    parties = _parties(register_of(home), [r.customer for rows in tables.values() for r in rows])
    for table, rows in tables.items():
        lines = []
        for row in rows:
            if row.customer is not None and row.customer not in parties:
                unknown.add(row.pk)
                continue
            lines.append(_line(row, parties.get(row.customer) if row.customer is not None else None))
        if lines:
            (beside / table).mkdir(parents=True, mode=0o700)
            names = [
                n for f in CONTRACTS[table] for n in (f.name, f"{f.name}_fen") if any(n in x for x in lines)
            ]
            columns = {n: pa.array([line.get(n) for line in lines], pa.string()) for n in names}
            pq.write_table(pa.table(columns), beside / table / f"{_unit(batch)}.parquet", compression="none")
    beside.mkdir(exist_ok=True, mode=0o700)
    for path in sorted(beside.rglob("*.parquet")):
        with path.open("rb") as file:
            os.fsync(file.fileno())
    beside.rename(folder)
    return unknown


def _unknown(home: Home, batch: Batch, tables: dict[str, list[Outgoing]]) -> set[int]:
    """Rows that a hand-over already written has left out."""
    left_out: set[int] = set()
    for table, rows in tables.items():
        path = _folder(home, batch) / table / f"{_unit(batch)}.parquet"
        key = CONTRACTS[table].key[0]
        there = set(pq.read_table(path, columns=[key])[key].to_pylist()) if path.exists() else set()
        left_out |= {row.pk for row in rows if number_of(table, row.key) not in there}
    return left_out


def _line(row: Outgoing, party: tuple[str, str] | None) -> dict[str, str]:
    """A row as texts, by the columns a hand-over has."""
    contract = CONTRACTS[row.table]
    held: dict[str, Any] = {**row.row, contract.key[0]: number_of(row.table, row.key)}
    if party is not None:
        held |= dict(zip(PARTY, party, strict=True))
    line = {}
    for name, given in held.items():
        if given is None:
            continue
        money = contract[name].type is FieldType.MONEY
        text = str(given).lower() if isinstance(given, bool) else str(given)
        line[f"{name}_fen" if money else name] = text
    return line


def _parties(register: Register, customers: list[int | None]) -> dict[int, tuple[str, str]]:
    """A record of each customer as of today's register, merged numbers followed: the one that was numbered
    first. Who is not known is left out."""
    asked = sorted({c for c in customers if c is not None and 0 <= c < register.count})
    if not asked:
        return {}
    today = {c: int(register.goes_by[c]) for c in asked}
    wanted = np.array(sorted(set(today.values())), dtype=register.customer.dtype)
    held = np.flatnonzero(np.isin(register.customer, wanted))
    first: dict[int, int] = {}
    for party in held[::-1]:
        first[int(register.customer[party])] = int(party)
    names = party_names(register.home, np.array(sorted(first.values()), dtype=np.int32))
    return {c: names[first[t]] for c, t in today.items() if t in first}


def _missing(home: Home, batch: Batch, folder: Path) -> str:
    """Which file of a batch does not stand in the books of the home with all its rows; empty: none."""
    for path in sorted(folder.rglob("*.parquet")):
        rows = pq.ParquetFile(path).metadata.num_rows
        units = [u for u in home.book(path.parent.name).standing if u.unit == _unit(batch)]
        # rows replayed since are units of their own, and are missing from both counts here
        standing = home.book(path.parent.name).standing
        replayed = sum(u.taken for u in standing if u.replay_of == _unit(batch))
        if not units or units[0].taken + units[0].quarantined + replayed != rows:
            return f"{path.parent.name}: not loaded whole"
    return ""


def _quarantined(home: Home, batch: Batch, table: str) -> dict[int, str]:
    """Rows of a batch's file that wait in quarantine: "field:rule" by their place in it."""
    path = home.path / "quarantine" / table / f"{_unit(batch)}.parquet"
    if not path.exists():
        return {}
    rows = pq.read_table(path, columns=["row", "field", "rule"]).to_pylist()
    return {int(r["row"]): f"{r['field']}:{r['rule']}"[:120] for r in rows}


def _mark(batch: Batch, refused: dict[int, tuple[str, int | None]]) -> None:
    """Marks the batch and what became of its rows, in one transaction."""
    now = timezone.now()
    with transaction.atomic():
        rows = Outgoing.objects.filter(batch=batch.pk, delivered_at=None)
        numbers = sorted(refused)
        for at in range(0, len(numbers), 500):
            for held in rows.filter(pk__in=numbers[at : at + 500]):
                held.rule, held.place = refused[held.pk]
                held.save(update_fields=["rule", "place"])
        rows.filter(rule="").update(delivered_at=now)
        Batch.objects.filter(pk=batch.pk).update(delivered_at=now, error="")
        _relations(batch, now)


def _relations(batch: Batch, now: dt.datetime) -> None:
    """Relations whose row of ownership is in the home's tables now, with nothing newer on its way: from the
    next night on, the night says what they said."""
    keys = Outgoing.objects.filter(batch=batch.pk, table="ownership", delivered_at=now)
    told = [
        m for key in keys.values_list("key", flat=True) if (m := re.fullmatch(r"desk-(\d+)(?::\d+)?", key))
    ]
    waiting = Outgoing.objects.filter(table="ownership", delivered_at=None).values_list("key", flat=True)
    newer = {number_of("ownership", key) for key in waiting}
    numbers = sorted({int(m[1]) for m in told if f"desk-{m[1]}" not in newer})
    for at in range(0, len(numbers), 500):
        Relation.objects.filter(pk__in=numbers[at : at + 500]).update(delivered_on=timezone.localdate(now))


def _carry_again(home: Home, batch: Batch, refused: QuerySet[Outgoing], done: Delivery) -> bool:
    """Replays the refused rows of one batch; False where the home is being written."""
    rows = list(refused.filter(batch=batch.pk).order_by("id"))
    parties = _parties(register_of(home), [row.customer for row in rows])
    late = [row.pk for row in rows if _later(row)]
    Outgoing.objects.filter(pk__in=late).update(rule=SUPERSEDED, delivered_at=timezone.now())
    rows = [row for row in rows if row.pk not in late]
    # who was unknown is in no file and in no quarantine: he goes out with the next batch
    known = [row.pk for row in rows if row.place is None and row.customer in parties]
    Outgoing.objects.filter(pk__in=known).update(batch=None, rule="")
    for table in sorted({row.table for row in rows}):
        mended = [row for row in rows if row.table == table and row.place is not None]
        try:
            _replay(home, batch, table, mended, parties)
        except HomeError as held:
            done.waits = held.message
            return False
        left, now = _quarantined(home, batch, table), timezone.now()
        with transaction.atomic():
            for row in mended:
                row.rule = left.get(row.place or 0, "")
                row.delivered_at = None if row.rule else now
                row.save(update_fields=["rule", "delivered_at"])
                done.taken += not row.rule
                done.refused += bool(row.rule)
            _relations(batch, now)
    return True


def _later(row: Outgoing) -> bool:
    """Whether a later state of the same row was taken."""
    if CONTRACTS[row.table].kind is not TableKind.SNAPSHOT:
        return False
    number = number_of(row.table, row.key)
    later = Outgoing.objects.filter(table=row.table, pk__gt=row.pk, key__startswith=number)
    taken = later.exclude(delivered_at=None).values_list("key", flat=True)
    return any(number_of(row.table, key) == number for key in taken)


def _replay(
    home: Home, batch: Batch, table: str, rows: list[Outgoing], parties: dict[int, tuple[str, str]]
) -> None:
    """Replays rows of one table from the quarantine of their batch, with their values of now."""
    if not rows:
        return
    lines = []
    for row in rows:
        party = parties.get(row.customer) if row.customer is not None else None
        lines.append({**_line(row, party), "unit": _unit(batch), "row": str(row.place)})
    names = sorted({name for line in lines for name in line})
    path = home.path / "desk" / "outgoing" / ".mended" / table / "mended.parquet"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    pq.write_table(pa.table({n: pa.array([x.get(n) for x in lines], pa.string()) for n in names}), path)
    replay_rows(home, files=[path], progress=SilentProgress())
    shutil.rmtree(path.parents[1])


def _sweep(home: Home) -> None:
    """Removes folders of batches that are loaded (a kill left them), and rows delivered long ago; a broker
    that was not told for long keeps them."""
    for folder in sorted((home.path / "desk" / "outgoing").iterdir()):
        loaded = Batch.objects.exclude(delivered_at=None)
        number, _, mark = folder.name.partition("-")
        known = number.isdecimal() and loaded.filter(pk=int(number), mark=mark).exists()
        if known or folder.name.startswith(".gone"):
            shutil.rmtree(folder)
    before = timezone.now() - dt.timedelta(days=value("outbox.keep"))
    told = EventCursor.objects.order_by("at").values_list("at", flat=True).first()
    old = Outgoing.objects.filter(delivered_at__lt=min(before, told) if told else before).order_by("id")
    if last := list(old.values_list("pk", flat=True)[:5_000])[-1:]:
        old.filter(pk__lte=last[0]).delete()


def _remove(folder: Path) -> None:
    gone = folder.with_name(f".gone-{folder.name}")
    folder.rename(gone)
    shutil.rmtree(gone)
