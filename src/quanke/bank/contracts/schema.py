"""The vocabulary in which a contract is written: `Field` and `Contract`.

A contract describes one table a bank hands over: what one row is, which fields it has, what each
field means, which class of personal data it is and who may use it. Readers, quarantine, the sample
bank, adapters, the language and the reference manual are all driven by it, so nothing about a table
is said twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum


class FieldType(StrEnum):
    """What a field holds once it has been read.

    `MONEY` is integer minor units (fen for CNY) of the row's currency; `RATE` is a decimal with six
    places; `INSTANT` is wall-clock time in Asia/Shanghai without a zone; `CODE` is short text out
    of a closed or slowly growing list.
    """

    TEXT = "text"
    CODE = "code"
    INTEGER = "integer"
    MONEY = "money"
    RATE = "rate"
    BOOLEAN = "boolean"
    DATE = "date"
    INSTANT = "instant"


class Sensitivity(StrEnum):
    """Classes of personal financial data (JR/T 0171-2020). C3 is never stored by Quanke."""

    C1 = "C1"
    C2 = "C2"
    C3 = "C3"


class Purpose(StrEnum):
    """What data may be used for. A definition states one; a field may wall some of them off."""

    SERVICE = "service"
    MARKETING = "marketing"
    RISK = "risk"
    COMPLIANCE = "compliance"
    STATISTICS = "statistics"


class TableKind(StrEnum):
    """How rows of a table come and stay.

    * `SNAPSHOT`: one row per key; a later delivery of the same key replaces the earlier one.
    * `EVENT`: things that happened; rows add up, a key that was already taken is a duplicate.
    * `LEVEL`: the state of something at the end of a day, given on the days it changed (or daily;
      days without change are thinned away).
    """

    SNAPSHOT = "snapshot"
    EVENT = "event"
    LEVEL = "level"


ALL_PURPOSES = frozenset(Purpose)
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a contract.

    `required` means the column and a value in every row; an optional column may be absent.
    `values` closes a `CODE`; `references` is `"table.field"` that must exist (checked at load).
    `purposes` are the only purposes that may read the field (the walls of domain.md PI-6).
    `check` names an identifier rule: `id_number`, `uscc`, `mobile`, `card_number`, `currency`,
    `not_negative`, `positive`. `required_where` is (another field, codes): where that field holds one of the
    codes, a value is required.
    """

    name: str
    type: FieldType
    title_zh: str
    title_en: str
    required: bool = False
    values: tuple[str, ...] = ()
    references: str = ""
    sensitivity: Sensitivity = Sensitivity.C1
    purposes: frozenset[Purpose] = ALL_PURPOSES
    check: str = ""
    required_where: tuple[str, tuple[str, ...]] = ("", ())
    since: int = 1

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise ValueError(f"field name {self.name!r} is not lower_snake_case")
        if self.values and self.type is not FieldType.CODE:
            raise ValueError(f"{self.name}: only a code has a closed list of values")


@dataclass(frozen=True, slots=True)
class Contract:
    """One table of the hand-over. `row` finishes the sentence "one row per ..."."""

    name: str
    title_zh: str
    title_en: str
    row: str
    kind: TableKind
    key: tuple[str, ...]
    fields: tuple[Field, ...]
    date: str = ""
    version: int = 1
    by_name: dict[str, Field] = field(init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        names = [f.name for f in self.fields]
        if len(set(names)) != len(names):
            raise ValueError(f"contract {self.name}: a field name stands twice")
        object.__setattr__(self, "by_name", {f.name: f for f in self.fields})
        asked = [f.required_where[0] for f in self.fields if f.required_where[0]]
        for name in (*self.key, *([self.date] if self.date else []), *asked):
            if name not in self.by_name:
                raise ValueError(f"contract {self.name}: {name} is not one of its fields")

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def __getitem__(self, name: str) -> Field:
        return self.by_name[name]

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns that must be there."""
        return tuple(f.name for f in self.fields if f.required)


def text(name: str, zh: str, en: str, **options: object) -> Field:
    """A free text field."""
    return Field(name, FieldType.TEXT, zh, en, **options)  # type: ignore[arg-type]


def code(name: str, zh: str, en: str, *values: str, **options: object) -> Field:
    """A code; with `values`, only those are accepted."""
    return Field(name, FieldType.CODE, zh, en, values=values, **options)  # type: ignore[arg-type]


def integer(name: str, zh: str, en: str, **options: object) -> Field:
    """A whole number."""
    return Field(name, FieldType.INTEGER, zh, en, **options)  # type: ignore[arg-type]


def money(name: str, zh: str, en: str, **options: object) -> Field:
    """An amount, read as decimal major units, or as integer minor units from `<name>_fen`."""
    options.setdefault("sensitivity", Sensitivity.C2)
    return Field(name, FieldType.MONEY, zh, en, **options)  # type: ignore[arg-type]


def rate(name: str, zh: str, en: str, **options: object) -> Field:
    """A decimal rate with six places."""
    return Field(name, FieldType.RATE, zh, en, **options)  # type: ignore[arg-type]


def boolean(name: str, zh: str, en: str, **options: object) -> Field:
    """Yes or no."""
    return Field(name, FieldType.BOOLEAN, zh, en, **options)  # type: ignore[arg-type]


def date(name: str, zh: str, en: str, **options: object) -> Field:
    """A natural day."""
    return Field(name, FieldType.DATE, zh, en, **options)  # type: ignore[arg-type]


def instant(name: str, zh: str, en: str, **options: object) -> Field:
    """A moment, in Asia/Shanghai wall-clock time."""
    return Field(name, FieldType.INSTANT, zh, en, **options)  # type: ignore[arg-type]


REQUIRED: dict[str, bool] = {"required": True}
C2: dict[str, Sensitivity] = {"sensitivity": Sensitivity.C2}
PUBLIC: dict[str, Sensitivity] = {"sensitivity": Sensitivity.C1}
"""For an amount that is nobody's: a price, a smallest purchase."""
RISK_ONLY: dict[str, frozenset[Purpose]] = {"purposes": frozenset({Purpose.RISK, Purpose.COMPLIANCE})}
