"""Rows the load refused: corrected or dropped at the desk by two people, and sent again.

Only fields of class C1 are seen and changed here; what else a row holds stays as it is. Who asks is who keeps
the settings, who decides is another; both, and the values, stand in the approval, the audit has which fields.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop as _noop

from quanke.bank.contracts import CONTRACTS, Field, FieldType
from quanke_desk.foundation import approvals, audit, outbox
from quanke_desk.foundation.approvals import ApprovalKind
from quanke_desk.foundation.jobs import begin
from quanke_desk.foundation.models import Approval, ApprovalState, Outgoing, Person
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May

MEND, DROP = "outbox.mend", "outbox.drop"
DROPPED = "row:dropped"
"""The rule of a refused row two people dropped: it is not sent again."""
LONGEST = 200
NOT_REFUSED = _noop("this row does not wait to be mended")


def refused(number: int) -> Outgoing | None:
    """A row that waits to be mended; null for any other."""
    return Outgoing.objects.filter(pk=number, delivered_at=None).exclude(rule="").first()


def fields_of(row: Outgoing) -> list[tuple[Field, str]]:
    """Fields of a refused row that may be seen and changed, with their values as texts."""
    contract, shown = CONTRACTS[row.table], outbox.told_fields(row.table)
    return [
        (field, _written(row.row.get(field.name)))
        for field in contract
        if field.name in shown and field.name not in contract.key
    ]


def hidden_of(row: Outgoing) -> list[str]:
    """Fields a refused row has that are not shown here."""
    shown = {field.name for field, _value in fields_of(row)}
    return sorted(name for name, value in row.row.items() if value is not None and name not in shown)


def waiting(row: Outgoing) -> list[Approval]:
    """What was asked for a row and is not decided yet."""
    subject, kinds = _subject(row), (MEND, DROP)
    return list(Approval.objects.filter(kind__in=kinds, subject=subject, state=ApprovalState.ASKED))


def ask_mend(number: int, given: Mapping[str, str], *, by: Person, reason: str) -> Approval:
    """Asks that a refused row gets other values (texts by field; empty: none) and is sent again. Raises
    NotAllowed: no such row, nothing changed, a value that is not of the field's kind."""
    row = _held(number)
    changes = {
        field.name: _read(field, given[field.name])
        for field, before in fields_of(row)
        if field.name in given and given[field.name].strip() != before
    }
    if not changes:
        raise NotAllowed("nothing was changed")
    _checked(row, changes)
    _alone(row)
    return approvals.ask(MEND, _subject(row), {"row": row.pk, "changes": changes}, by=by, reason=reason)


def ask_drop(number: int, *, by: Person, reason: str) -> Approval:
    """Asks that a refused row is dropped: it goes into no table. Raises NotAllowed."""
    row = _held(number)
    _alone(row)
    return approvals.ask(DROP, _subject(row), {"row": row.pk}, by=by, reason=reason)


def _alone(row: Outgoing) -> None:
    if waiting(row):
        raise NotAllowed("the same is asked already and not decided yet")


def _held(number: int) -> Outgoing:
    row = refused(number)
    if row is None:
        raise NotAllowed(NOT_REFUSED)
    return row


def _subject(row: Outgoing) -> str:
    return f"outgoing:{row.pk}"


def _checked(row: Outgoing, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The row with its changes. Raises NotAllowed for what the contract does not allow."""
    made = {name: value for name, value in {**row.row, **changes}.items() if value is not None}
    try:
        outbox.check(row.table, made, row.customer)
    except outbox.OutboxError:
        raise NotAllowed("a required field is missing") from None
    return made


def _written(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read(field: Field, given: str) -> Any:
    """A text as the outbox holds it. Raises NotAllowed."""
    text = given.strip()
    if not text:
        return None
    if len(text) > LONGEST:
        raise NotAllowed("a value has at most 200 characters")
    try:
        if field.type is FieldType.BOOLEAN:
            return {"true": True, "false": False}[text.lower()]
        if field.type in (FieldType.INTEGER, FieldType.MONEY):
            return int(text)
        if field.type is FieldType.DATE:
            return dt.date.fromisoformat(text).isoformat()
        if field.type is FieldType.INSTANT:
            return dt.datetime.fromisoformat(text).isoformat(timespec="seconds")
    except (ValueError, KeyError):
        raise NotAllowed("a value is not of its field's kind") from None
    return text


def _mend(asked: Approval, by: Person) -> None:
    row = _held(asked.arguments["row"])
    changes = asked.arguments["changes"]
    outbox.mend(row.pk, _checked(row, changes), by=asked.asked_by, reason=asked.reason, agreed=by)
    transaction.on_commit(lambda: begin("outbox.replay", by=asked.asked_by))


def _drop(asked: Approval, by: Person) -> None:
    row = _held(asked.arguments["row"])
    row.rule, row.delivered_at = DROPPED, timezone.now()
    row.save(update_fields=["rule", "delivered_at"])
    outbox.tell_withdrawn(row)
    detail = {"table": row.table, "key": row.key, "agreed": by.username}
    audit.record(asked.asked_by, DROP, _subject(row), reason=asked.reason, detail=detail)


def title_of(field: Field) -> str:
    """What a field is called in the language of who looks."""
    return field.title_en if (get_language() or "").startswith("en") else field.title_zh


def _described(asked: Approval) -> list[tuple[str, str]]:
    row = Outgoing.objects.filter(pk=asked.arguments["row"]).first()
    if row is None:
        return [(gettext("Row number"), str(asked.arguments["row"]))]
    contract = CONTRACTS[row.table]
    english = (get_language() or "").startswith("en")
    lines = [
        (gettext("Table"), contract.title_en if english else contract.title_zh),
        (gettext("Row number"), row.key),
        (gettext("Rule it breaks"), row.rule),
    ]
    for name, value in asked.arguments.get("changes", {}).items():
        before, after = (_written(v) or "-" for v in (row.row.get(name), value))
        lines.append((title_of(contract[name]), f"{before} → {after}"))
    return lines


for _name, _title, _carry in (
    (MEND, _("Correct a refused row"), _mend),
    (DROP, _("Drop a refused row"), _drop),
):
    approvals.declare(
        ApprovalKind(_name, _title, May.SETTINGS, May.SETTINGS_DECIDE, _carry, described=_described)
    )
