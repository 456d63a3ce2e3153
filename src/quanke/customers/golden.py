"""The golden record of one customer: each field with the record it comes from and the rule that chose it.

The values are those of the night, which gets them from the same rules; tests hold the two together.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import pyarrow as pa

from quanke.bank.contracts import CONTRACTS, Sensitivity
from quanke.bank.survivorship import (
    RESIDENT_DOCUMENTS,
    Prefer,
    Preference,
    Rules,
    Survivorship,
    rule_of,
)
from quanke.customers.survivorship import SOURCE_PRIORITY, SURVIVORSHIP
from quanke.kernel.identifiers import masks
from quanke.kernel.identifiers.resident import birth_date_of, sex_of

Record: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class GoldenField:
    """One field of a golden record.

    `source` and `party` name the record the value was taken from; both are empty where no record could
    give one. `others` is how many records know the field and say something else. `party` is a number of
    class C2, like the values of most fields: show `masked(...)` of it to whoever may not see the whole.
    """

    name: str
    title_zh: str
    title_en: str
    value: Any
    source: str
    party: str
    rule: Survivorship
    others: int
    sensitivity: Sensitivity


def golden_record(
    parties: pa.Table | None,
    organisations: pa.Table | None = None,
    *,
    rules: Rules = SURVIVORSHIP,
    priority: Sequence[str] = SOURCE_PRIORITY,
) -> list[GoldenField]:
    """The golden record out of one customer's records, field by field in the order of the contracts.

    `parties` and `organisations` hold the arranged rows of the customer and of nobody else (columns that
    are missing count as unknown); None or no rows where he has none of the kind. Of a customer of both
    kinds, what a person has is taken from the person, and the rest from the organisation.
    """
    parts = [[] if rows is None else rows.to_pylist() for rows in (parties, organisations)]
    return golden_of(*parts, rules=rules, priority=priority)


def golden_of(
    parties: Sequence[Record],
    organisations: Sequence[Record] = (),
    *,
    rules: Rules = SURVIVORSHIP,
    priority: Sequence[str] = SOURCE_PRIORITY,
) -> list[GoldenField]:
    """`golden_record` of rows as plain data; by a part of the rules, of the fields those tell."""
    fields: list[GoldenField] = []
    for table, rows in (("parties", parties), ("organisations", organisations)):
        if not rows:
            continue
        there = {field.name for field in fields}
        made = _of_records(table, rows, rules[table], priority)
        # A person who is a business as well is a person: the kind of his business is not his.
        fields += [f for f in made if f.name not in there and not (there and f.name == "kind")]
    return fields


def masked(field: GoldenField) -> GoldenField:
    """The field as somebody sees it who may not see the whole: values of class C2 and party numbers hidden
    by the masks of domain.md section 3."""
    party = masks.mask_account(field.party)
    if field.value is None or field.sensitivity is Sensitivity.C1:
        return replace(field, party=party)
    mask = _MASKS.get(field.name, _hidden)
    return replace(field, party=party, value=mask(str(field.value)))


def _of_records(
    table: str, records: Sequence[Record], rules: Sequence[Survivorship], priority: Sequence[str]
) -> list[GoldenField]:
    ordered = sorted(records, key=lambda record: _by_source(record, priority))
    chosen = {rule.name: _choose(rule, rules, ordered) for rule in rules}
    fields = []
    for field in CONTRACTS[table]:
        if not any(field.name in rule.fields for rule in rules):
            continue
        rule = rule_of(rules, field.name)
        record = chosen[rule.name]
        value = None if record is None else record.get(field.name)
        fields.append(
            GoldenField(
                field.name,
                field.title_zh,
                field.title_en,
                value,
                "" if record is None else record["source"],
                "" if record is None else record["party_id"],
                rule,
                sum(1 for r in ordered if r.get(field.name) not in (None, value)),
                field.sensitivity,
            )
        )
    return fields


def _by_source(record: Record, priority: Sequence[str]) -> tuple[int, str, str]:
    source = record["source"]
    return (priority.index(source) if source in priority else len(priority), source, record["party_id"])


def _choose(rule: Survivorship, rules: Sequence[Survivorship], ordered: Sequence[Record]) -> Record | None:
    """The record that gives the fields of a rule; None where no record may."""
    asked = [record for record in ordered if any(record.get(name) is not None for name in rule.fields)]
    if rule.closes:
        counted = [record for record in ordered if record["source"] in rule.closes] or list(ordered)
        asked = [record for record in counted if record.get(rule.fields[0]) is not None]
        if len(asked) < len(counted):
            return None
    told = None
    if rule.order and rule.order[0].by is Prefer.DOCUMENT:
        told = _told(rule.fields[0], _choose(rule_of(rules, "id_number"), rules, ordered))
    # min keeps the first of equals, and records stand in order of sources.
    return min(asked, key=lambda r: [_place(step, r, told) for step in rule.order], default=None)


def _place(step: Preference, record: Record, told: Any) -> int:
    """A record's place by one step: smaller is asked first."""
    if step.by is Prefer.SOURCES:
        return 0 if record["source"] in step.sources else 1
    value = record.get(step.field)
    if step.by is Prefer.TRUE:
        return 0 if value else 1
    if step.by is Prefer.GIVEN:
        return 0 if value is not None else 1
    if step.by is Prefer.DOCUMENT:
        return 0 if told is not None and value == told else 1
    if value is None:
        return _LAST
    passed = _seconds(value) if isinstance(value, dt.datetime) else value.toordinal()
    return -passed if step.by is Prefer.LATEST else passed


def _told(field: str, document: Record | None) -> Any:
    """What the number of a document tells; None where it is not valid or not of a resident."""
    if document is None or not document.get("id_valid") or document.get("id_type") not in RESIDENT_DOCUMENTS:
        return None
    number = document["id_number"]
    return birth_date_of(number) if field == "birth_date" else sex_of(number)


def _seconds(moment: dt.datetime) -> int:
    return (moment - _BEGINNING) // dt.timedelta(seconds=1)


def _hidden(value: str) -> str:
    return masks.STAR * 3


def _email(value: str) -> str:
    name, at, host = value.rpartition("@")
    return f"{name[:1]}{masks.STAR * 3}{at}{host}" if name else _hidden(value)


_BEGINNING = dt.datetime(1, 1, 1)
_LAST = 10**12
_MASKS: Mapping[str, Callable[[str], str]] = {
    "name": masks.mask_name,
    "id_number": masks.mask_id,
    "phone": masks.mask_phone,
    "address": masks.mask_address,
    "email": _email,
    "birth_date": lambda value: f"{value[:4]}-**-**",
}
