"""How one value survives where several records of a customer give different ones.

A `Survivorship` is one rule: fields that travel together, and in which order records are asked for them.
The record that comes first gives all the fields of the rule, those it does not know included, so that a
golden record never mixes two addresses or two documents. Rules are plain data: the engine reads them to
write its statement, `quanke.customers` to explain one customer, the reference manual to print them.

Only records that know at least one of the rule's fields are asked. Where the rule leaves a choice, the
source that stands first in the priority of sources is asked first (unlisted ones after it, by name), and
among records of one source the one with the smallest party number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from quanke.bank.contracts import CONTRACTS, FieldType

RESIDENT_DOCUMENTS = ("resident_id", "household_register", "residence_permit_hmt")
"""Documents whose number tells birth date and sex (GB 11643)."""
TOLD_BY_NUMBER = ("birth_date", "sex")
"""Fields that a resident number tells."""


class Prefer(StrEnum):
    """What puts one record before another.

    * `TRUE`: the flag is true, before false and unknown.
    * `GIVEN`: the field is known, before unknown.
    * `LATEST`, `EARLIEST`: by day or, for a moment, by second; unknown last.
    * `SOURCES`: it comes from one of the sources, before all others.
    * `DOCUMENT`: its value is the one told by the number of the golden document, where that is valid and
      of a resident.
    """

    TRUE = "true"
    GIVEN = "given"
    LATEST = "latest"
    EARLIEST = "earliest"
    SOURCES = "sources"
    DOCUMENT = "document"


BY_TIME = (Prefer.LATEST, Prefer.EARLIEST)
MOST_STEPS, MOST_TIMES = 8, 3
"""What an order may hold at most, so that a record's place by it is one whole number."""


@dataclass(frozen=True, slots=True)
class Preference:
    """One step of an order: by what, and of which field (or of which sources)."""

    by: Prefer
    field: str = ""
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.by is Prefer.SOURCES) != bool(self.sources) or bool(self.sources) == bool(self.field):
            raise ValueError(f"{self.by} is of a field, or it is of sources")
        if self.by is Prefer.DOCUMENT and self.field not in TOLD_BY_NUMBER:
            raise ValueError(f"a document's number does not tell {self.field}")


@dataclass(frozen=True, slots=True)
class Survivorship:
    """One rule. `fields` travel together; `order` says which record gives them.

    `closes` makes it a rule of ending: the value stands only where every record of these sources knows it
    (of a customer without such a record: every record), and only those records are asked.
    """

    name: str
    fields: tuple[str, ...]
    title_zh: str
    title_en: str
    order: tuple[Preference, ...] = ()
    closes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.fields:
            raise ValueError(f"the rule {self.name} is of no field")
        for place, step in enumerate(self.order):
            if step.by is Prefer.DOCUMENT and (place or self.fields != (step.field,)):
                raise ValueError(f"the rule {self.name}: what a document tells comes first and alone")
        stepped = [step.field for step in self.order if step.field]
        timed = [step for step in self.order if step.by in BY_TIME]
        if len(set(stepped)) < len(stepped) or len(self.order) > MOST_STEPS or len(timed) > MOST_TIMES:
            raise ValueError(
                f"the rule {self.name}: an order asks for a field once, and has at most {MOST_STEPS} steps, "
                f"{MOST_TIMES} of them by time"
            )
        if self.closes and self.own_extreme not in BY_TIME:
            raise ValueError(f"the rule {self.name}: an ending is the latest or earliest of one field")

    @property
    def own_extreme(self) -> Prefer | None:
        """Of a single field that is ordered by itself alone: how. Its value is then a plain extreme."""
        if len(self.fields) == 1 and len(self.order) == 1 and self.order[0].field == self.fields[0]:
            by = self.order[0].by
            return by if by in (Prefer.TRUE, Prefer.LATEST, Prefer.EARLIEST) else None
        return None


Rules: TypeAlias = Mapping[str, Sequence[Survivorship]]
"""The rules of `parties` and of `organisations`, by table."""

NOT_GOLDEN = frozenset({"source", "party_id", "updated_at"})
"""Fields that say something about a record, not about the customer."""


def check_rules(rules: Rules) -> None:
    """Raises ValueError unless every field of a customer stands in exactly one rule of its table, every
    step fits the type of its field, and there is one document where birth date and sex ask for it."""
    for table in ("parties", "organisations"):
        contract = CONTRACTS[table]
        named = [field for rule in rules[table] for field in rule.fields]
        wanted = [field.name for field in contract if field.name not in NOT_GOLDEN]
        if sorted(named) != sorted(wanted):
            raise ValueError(f"{table}: without a rule or with two: {sorted(set(named) ^ set(wanted))}")
        for rule in rules[table]:
            for step in rule.order:
                if step.by in BY_TIME and contract[step.field].type not in (
                    FieldType.DATE,
                    FieldType.INSTANT,
                ):
                    raise ValueError(f"the rule {rule.name}: {step.field} is no day and no moment")


def fingerprint(rules: Rules) -> str:
    """A digest that changes when what the rules do changes; titles and names do not count."""
    said = {
        table: sorted(
            (rule.fields, rule.closes, [(str(step.by), step.field, step.sources) for step in rule.order])
            for rule in rules[table]
        )
        for table in sorted(rules)
    }
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


def rule_of(rules: Sequence[Survivorship], field: str) -> Survivorship:
    """The rule a field stands in. Raises KeyError for a field without one."""
    for rule in rules:
        if field in rule.fields:
            return rule
    raise KeyError(field)
