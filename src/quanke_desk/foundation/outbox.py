"""The way home: rows the desk recorded, on their way into the library's tables (`delivery` carries them); and
what only others are to know, which goes to the broker as an event (`events`) and into no table."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from quanke.bank.contracts import CONTRACTS, Contract, TableKind
from quanke.bank.contracts.schema import Sensitivity
from quanke_desk.foundation import audit
from quanke_desk.foundation.analytic import Base
from quanke_desk.foundation.models import EventCursor, Outgoing, Person

PARTY = ("source", "party_id")
_STATE = re.compile(r"(.+):(\d+)\Z")
_only_told: dict[str, frozenset[str]] = {}


class OutboxError(ValueError):
    """A row that is not one of the library's tables'. The text names table and field, never a value."""


def put(table: str, key: str, row: dict[str, Any], *, customer: int | None = None) -> Outgoing:
    """Puts a row on its way, in the transaction of the change it tells of: it leaves if that stays.

    `key` is its number in the table (the contract's key field, set here), `row` its other fields as JSON
    values (days and moments as ISO texts, amounts as whole fen); a row about a customer gives `customer` in
    place of `source` and `party_id`. A key put again is a new state of the same row only in tables that are
    snapshots, and then needs a key of its own here: give "number:state". Raises OutboxError for what the
    contract does not have, and for what it requires and is not given.
    """
    contract = CONTRACTS.get(table)
    if contract is None:
        raise OutboxError(f"no table {table}")
    _check(contract, row, customer)
    return Outgoing.objects.create(table=table, key=key, row=row, customer=customer)


def put_all(table: str, rows: Sequence[tuple[str, dict[str, Any], int]]) -> int:
    """Puts many rows about customers on their way at once, each as key, row, customer: all or none. Answers
    how many. Raises OutboxError as `put`."""
    contract = CONTRACTS.get(table)
    if contract is None:
        raise OutboxError(f"no table {table}")
    for _key, row, customer in rows:
        _check(contract, row, customer)
    made = [Outgoing(table=table, key=key, row=row, customer=customer) for key, row, customer in rows]
    return len(Outgoing.objects.bulk_create(made))


def only_told(table: str, *fields: str) -> str:
    """Declares rows that are in none of the library's tables, with their fields: no value of a customer is
    among them. Answers the name."""
    if table in CONTRACTS:
        raise OutboxError(f"{table} is a table of the library")
    _only_told[table] = frozenset(fields)
    return table


def tell(table: str, key: str, row: dict[str, Any], *, customer: int | None) -> Outgoing:
    """Puts a row on its way to whoever follows the events, in the transaction of the change it tells of, as
    `put` does; no delivery takes it. Raises OutboxError for a table or a field nobody declared."""
    if table not in _only_told:
        raise OutboxError(f"no table {table}")
    if unknown := sorted(set(row) - _only_told[table]):
        raise OutboxError(f"{table} has no field {unknown[0]}")
    now = timezone.now()
    return Outgoing.objects.create(table=table, key=key, row=row, customer=customer, delivered_at=now)


WITHDRAWN = only_told("withdrawn", "table", "key", "at")
AGAIN = only_told("told_again", "table", "key", "row")
"""What became of a row that may have been told: it is in no table, or is there with other values (those an
event tells). The events say it of the row's own table and key (`events`)."""


def tell_withdrawn(held: Outgoing) -> None:
    """Tells that a row is in no table, in the transaction that takes it back, if it may have been told."""
    if _may_be_told():
        at = timezone.now().isoformat(timespec="seconds")
        row = {"table": held.table, "key": held.key, "at": at}
        tell(WITHDRAWN, str(held.pk), row, customer=held.customer)


def _tell_again(held: Outgoing) -> None:
    if _may_be_told():
        shown = told_fields(held.table)
        values = {name: value for name, value in held.row.items() if name in shown and value is not None}
        row = {"table": held.table, "key": held.key, "row": values}
        tell(AGAIN, f"{held.pk}:{timezone.now():%Y%m%d%H%M%S%f}", row, customer=held.customer)


def _may_be_told() -> bool:
    """Whether a row that is there may have been told. A broker has a cursor before it is told anything; where
    that stands does not say, since what is being told at this moment is noted only afterwards."""
    return EventCursor.objects.exists()


def told_fields(table: str) -> frozenset[str]:
    """Fields of a row an event tells: of the library's tables those of class C1, but not of which system."""
    if table in _only_told:
        return _only_told[table]
    return frozenset(f.name for f in CONTRACTS[table] if f.sensitivity is Sensitivity.C1) - {"source"}


def check(table: str, row: dict[str, Any], customer: int | None) -> None:
    """Raises OutboxError for a row its table's contract does not have."""
    _check(CONTRACTS[table], row, customer)


def mend(
    number: int, row: dict[str, Any], *, by: Person, reason: str, agreed: Person | None = None
) -> Outgoing:
    """Gives a row that was refused other values; `delivery.replay` sends it again. Raises OutboxError,
    Outgoing.DoesNotExist for a row that is not waiting to be mended. At the desk a second person agrees
    (`mending`)."""
    with transaction.atomic():
        held = Outgoing.objects.select_for_update().exclude(rule="").get(pk=number, delivered_at=None)
        _check(CONTRACTS[held.table], row, held.customer)
        changed = sorted(n for n in {*held.row, *row} if held.row.get(n) != row.get(n))
        held.row = row
        held.save(update_fields=["row"])
        detail = {"table": held.table, "fields": changed} | ({"agreed": agreed.username} if agreed else {})
        audit.record(by, "outbox.mend", f"outgoing:{held.pk}", reason=reason, detail=detail)
        _tell_again(held)
        return held


def _check(contract: Contract, row: dict[str, Any], customer: int | None) -> None:
    if len(contract.key) != 1:
        raise OutboxError(f"{contract.name} has no single number")
    if unknown := sorted(set(row) - set(contract.by_name)):
        raise OutboxError(f"{contract.name} has no field {unknown[0]}")
    given = {name for name, value in row.items() if value is not None} | {contract.key[0]}
    if customer is not None:
        if twice := [name for name in PARTY if name in given or name not in contract.by_name]:
            raise OutboxError(f"{contract.name}: customer, not {twice[0]}")
        given |= set(PARTY)
    if missing := [name for name in contract.required if name not in given]:
        raise OutboxError(f"{contract.name}: {missing[0]} is required")


def number_of(table: str, key: str) -> str:
    """The row's number in its table: the key, without the state in tables that are snapshots."""
    state = _STATE.match(key) if CONTRACTS[table].kind is TableKind.SNAPSHOT else None
    return state[1] if state else key


@dataclass(frozen=True)
class Pending:
    """A row the desk recorded that no night has taken in yet. `number` is its number in the table;
    `delivered`: it stands in the home's tables already. `rule`: it was refused there, by this rule."""

    number: str
    row: dict[str, Any]
    at: dt.datetime
    delivered: bool
    rule: str


def pending(customer: int, table: str, of: Base) -> list[Pending]:
    """What was recorded about a customer (and under numbers that were taken into his) and is in no night yet,
    oldest first; of several states of one row the last."""
    found: dict[str, Pending] = {}
    for held in Outgoing.objects.filter(table=table, customer__in=of.numbers(customer)).order_by("id"):
        if held.delivered_at is None or timezone.localdate(held.delivered_at) >= of.day:
            number = number_of(table, held.key)
            found.pop(number, None)
            found[number] = Pending(number, held.row, held.at, held.delivered_at is not None, held.rule)
    return list(found.values())


def amend(table: str, key: str, row: dict[str, Any]) -> bool:
    """Gives a row of a table of events other values (what the systems prove comes after the record). One that
    has left stands in the library's tables: its hand-over is given again, in place of the first, so that it
    counts once. False where the outbox has it no more: it left too long ago. Raises OutboxError."""
    contract = CONTRACTS[table]
    if contract.kind is not TableKind.EVENT:
        raise OutboxError(f"{table} is no table of events: put a later state")
    with transaction.atomic():
        held = Outgoing.objects.select_for_update().filter(table=table, key=key).first()
        if held is None:
            return False
        _check(contract, row, held.customer)
        held.row, held.again = row, held.batch is not None
        held.save(update_fields=["row", "again"])
        return True


def withdraw(table: str, key: str) -> bool:
    """Takes back a row that has not left yet; whoever follows the events and may have it is told. False: it
    left."""
    with transaction.atomic():
        waiting = Outgoing.objects.filter(table=table, key=key, batch=None, delivered_at=None)
        held = waiting.select_for_update().first()
        if held is None:
            return False
        tell_withdrawn(held)
        held.delete()
        return True
