"""Golden customers as one SQL statement: one row per customer number out of the records of all systems, by
rules of survivorship. `engines/duckdb` and `engines/spark` say how their SQL writes it.

Every rule becomes a *place*: a whole number per record, smaller for the record that is asked first, into
which the steps of its order are packed one after the other, with the record's place by source last. A
rule's fields are then `arg_min` over its place, so that one grouping serves all rules. Most customers have
a single record, which no rule can choose from: those rows are passed on as they are, which saves more than
the rules cost.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from quanke.bank.arranged import FLAGS
from quanke.bank.contracts import CONTRACTS, FieldType
from quanke.bank.survivorship import (
    NOT_GOLDEN,
    RESIDENT_DOCUMENTS,
    Prefer,
    Preference,
    Rules,
    Survivorship,
    rule_of,
)
from quanke.language.facts import customers as customers_table

_NTH_BITS, _DAY_BITS, _SECOND_BITS, _WORD_BITS = 20, 23, 40, 63
BEGINNING = 62_135_596_800
"""Seconds from year 1 to 1970: counted from there, a place is never negative."""
_TOLD = {"birth_date": "told_birth_date", "sex": "told_sex"}


class RecordDialect(Protocol):
    """How one engine writes what golden customers ask of it."""

    def quote(self, name: str) -> str:
        """An identifier that may be a key word."""

    def text(self, value: str) -> str:
        """A text constant."""

    def type_of(self, field: FieldType) -> str:
        """SQL type of a field."""

    @property
    def integer(self) -> str:
        """Type of a customer number."""

    @property
    def wide(self) -> str:
        """Type of whole numbers of up to 125 bits."""

    @property
    def kept_once(self) -> str:
        """Between AS and the query of a table expression that is to be computed once; may be empty."""

    @property
    def semi(self) -> str:
        """The join that keeps rows with a match."""

    @property
    def anti(self) -> str:
        """The join that keeps rows without one."""

    def numbers(self, low: int, high: int) -> str:
        """A SELECT of `customer` from `low` to `high - 1`."""

    def first_known(self, value: str, place: str) -> str:
        """SQL aggregate: the value with the smallest place, among rows that have both."""

    def first(self, value: str, place: str) -> str:
        """SQL aggregate: the value with the smallest place, known or not, among rows that have a place."""

    def all_of(self, value: str) -> str:
        """SQL aggregate: a list of all values."""

    def among(self, values: str, value: str) -> str:
        """Whether a list holds a value."""

    def days(self, day: str) -> str:
        """A date as days since year 1."""

    def seconds(self, moment: str) -> str:
        """A moment as seconds since year 1."""

    def day_of(self, digits: str) -> str:
        """The date of a text YYYYMMDD; null where that is none."""


@dataclass(frozen=True)
class Records:
    """Where golden customers come from: SQL relations of arranged records (empty for none), the rules, and
    which source is asked first."""

    parties: str
    organisations: str
    rules: Rules
    priority: Sequence[str]


def golden_statement(
    records: Records,
    low: int,
    high: int,
    fields: Collection[str],
    dialect: RecordDialect,
    ordered: bool = True,
) -> str:
    """One golden row per customer number `low <= customer < high`, with the `fields` that are asked for.

    A customer who is a person takes what both kinds of customer have from his records as a person.
    """
    rules, quote = records.rules, dialect.quote
    kept = set(fields) - NOT_GOLDEN
    # The kind of an organisation is always read: it also says that a customer is no person.
    held = {table: [f.name for f in CONTRACTS[table] if f.name in kept | {"kind"}] for table in rules}
    columns = ["n.customer"]
    for name, field in customers_table.fields.items():
        if name not in kept:
            continue
        person, body = name in held["parties"], name in held["organisations"]
        if name == "sources":
            value = "coalesce(p.sources, o.sources, 0)"
        elif name == "kind":
            value = "CASE WHEN p.customer IS NOT NULL THEN 'person' ELSE o.kind END"
        elif person and body:
            value = f"CASE WHEN p.customer IS NOT NULL THEN p.{quote(name)} ELSE o.{quote(name)} END"
        else:
            value = f"{'p' if person else 'o'}.{quote(name)}"
        columns.append(f"CAST({value} AS {dialect.type_of(field.type)}) AS {quote(name)}")
    reach = f"customer >= {low} AND customer < {high}"
    sides = {
        alias: _Side(table, relation, rules[table], records.priority, reach, dialect)
        for alias, table, relation in (
            ("p", "parties", records.parties),
            ("o", "organisations", records.organisations),
        )
    }
    views = ", ".join(view for alias, side in sides.items() for view in side.views(alias, held[side.table]))
    return f"""
        WITH {views},
        n AS ({dialect.numbers(low, high)})
        SELECT {", ".join(columns)}
        FROM n LEFT JOIN p ON p.customer = n.customer LEFT JOIN o ON o.customer = n.customer
        {"ORDER BY n.customer" if ordered else ""}
    """


class _Side:
    """The records of one table within reach."""

    def __init__(
        self,
        table: str,
        relation: str,
        rules: Sequence[Survivorship],
        priority: Sequence[str],
        reach: str,
        dialect: RecordDialect,
    ) -> None:
        self.table, self.relation, self.rules, self.reach = table, relation, rules, reach
        self.dialect, self.quote = dialect, dialect.quote
        whens = " ".join(f"WHEN {dialect.text(source)} THEN {i}" for i, source in enumerate(priority))
        self.by_source = f"CASE source {whens} ELSE {len(priority)} END, source, party_id"

    def views(self, name: str, fields: Sequence[str]) -> Iterator[str]:
        """Common table expressions that end with `name`: (customer, sources, the fields)."""
        if not self.relation:
            contract = CONTRACTS[self.table]
            typed = [
                f"CAST(NULL AS {self.dialect.type_of(contract[f].type)}) AS {self.quote(f)}" for f in fields
            ]
            number = f"CAST(NULL AS {self.dialect.integer}) AS customer"
            columns = ", ".join([number, "0 AS sources", *typed])
            yield f"{name} AS (SELECT {columns} WHERE false)"
            return
        asked = [rule for rule in self.rules if not set(rule.fields).isdisjoint(fields)]
        told = [step.field for rule in asked for step in rule.order if step.by is Prefer.DOCUMENT]
        once = self.dialect.kept_once
        yield (
            f"{name}_many AS {once}(SELECT customer FROM {self.relation} WHERE {self.reach} "
            "GROUP BY customer HAVING count(*) > 1)"
        )
        yield f"{name}_placed AS ({self._placed(f'{name}_many', asked, told)})"
        yield f"{name}_chosen AS ({self._chosen(f'{name}_placed', asked, told, fields)})"
        plain = "".join(f", {self.quote(field)}" for field in fields)
        said = "".join(f", {self._survivor(f, told)} AS {self.quote(f)}" for f in fields)
        yield (
            f"{name} AS (SELECT customer, sources{said} FROM {name}_chosen UNION ALL "
            f"SELECT customer, 1 AS sources{plain} FROM {self.relation} "
            f"{self.dialect.anti} {name}_many USING (customer) WHERE {self.reach})"
        )

    def _placed(self, many: str, asked: Sequence[Survivorship], told: Sequence[str]) -> str:
        """Records of customers with several, each with its place by every rule that chooses."""
        places = [f"{self._place(rule)} AS {_place_name(rule)}" for rule in asked if _chooses(rule)]
        if told:
            document = rule_of(self.rules, "id_number")
            places += [f"{self._place(document)} AS place_told"]
            places += [f"{self._number_tells(field)} AS {_TOLD[field]}" for field in told]
        nth = f"row_number() OVER (PARTITION BY customer ORDER BY {self.by_source}) AS nth"
        semi = f"{self.dialect.semi} {many} USING (customer)"
        return f"""
            SELECT {", ".join(["*", *places])}
            FROM (SELECT *, {nth} FROM {self.relation} {semi} WHERE {self.reach})
        """

    def _chosen(
        self, placed: str, asked: Sequence[Survivorship], told: Sequence[str], fields: Sequence[str]
    ) -> str:
        columns = ["customer", "count(DISTINCT source) AS sources"]
        columns += [
            f"{self._value(rule, f)} AS {self.quote(f)}" for rule in asked for f in rule.fields if f in fields
        ]
        for field in told:
            columns += [
                f"{self.dialect.first(_TOLD[field], 'place_told')} AS {_TOLD[field]}",
                f"{self.dialect.all_of(self.quote(field))} AS all_{field}",
            ]
        return f"SELECT {', '.join(columns)} FROM {placed} GROUP BY customer"

    def _place(self, rule: Survivorship) -> str:
        """A record's place by a rule, null for a record that the rule does not ask."""
        steps = [self._step(step) for step in rule.order if step.by is not Prefer.DOCUMENT]
        wide = sum(bits for _, bits in steps) + _NTH_BITS > _WORD_BITS
        place = f"CAST(0 AS {self.dialect.wide if wide else 'BIGINT'})"
        for sql, bits in [*steps, ("nth", _NTH_BITS)]:
            place = f"({place} * {2**bits} + {sql})"
        known = " OR ".join(self._known(field) for field in rule.fields)
        return f"CASE WHEN {known} THEN {place} END"

    def _step(self, step: Preference) -> tuple[str, int]:
        """One step as a whole number, smaller first, and how many bits it needs."""
        if step.by is Prefer.TRUE:
            return f"(CASE WHEN {self.quote(step.field)} THEN 0 ELSE 1 END)", 1
        if step.by is Prefer.GIVEN:
            return f"(CASE WHEN {self._known(step.field)} THEN 0 ELSE 1 END)", 1
        if step.by is Prefer.SOURCES:
            return f"(CASE WHEN source IN ({self._texts(step.sources)}) THEN 0 ELSE 1 END)", 1
        if CONTRACTS[self.table][step.field].type is FieldType.DATE:
            passed, bits = self.dialect.days(self.quote(step.field)), _DAY_BITS
        else:
            passed, bits = self.dialect.seconds(self.quote(step.field)), _SECOND_BITS
        last = 2**bits - 1
        return f"(coalesce({f'{last - 1} - ' if step.by is Prefer.LATEST else ''}{passed}, {last}))", bits

    def _known(self, field: str) -> str:
        # The flag beside an identifier is null where the identifier is, and a bit instead of a text to read.
        return f"{self.quote(FLAGS.get(field, field))} IS NOT NULL"

    def _value(self, rule: Survivorship, field: str) -> str:
        """The aggregate that gives a field, before a document's number is heard."""
        if rule.closes:
            return self._ending(rule)
        if rule.own_extreme is not None:
            return f"{_EXTREMES[rule.own_extreme]}({self.quote(field)})"
        if not _chooses(rule):
            return self.dialect.first_known(self.quote(field), "nth")
        # Alone, a field that is unknown is passed over; in company it goes with the record that was chosen.
        aggregate = self.dialect.first_known if len(rule.fields) == 1 else self.dialect.first
        return aggregate(self.quote(field), _place_name(rule))

    def _ending(self, rule: Survivorship) -> str:
        """The extreme of a field where every record that counts knows it."""
        field, extreme = self.quote(rule.fields[0]), _EXTREMES[rule.own_extreme or Prefer.LATEST]
        counts = f"source IN ({self._texts(rule.closes)})"
        return (
            f"CASE WHEN bool_or({counts}) THEN "
            f"CASE WHEN count(*) FILTER (WHERE {counts} AND {field} IS NULL) = 0 "
            f"THEN {extreme}({field}) FILTER (WHERE {counts}) END "
            f"WHEN count({field}) = count(*) THEN {extreme}({field}) END"
        )

    def _survivor(self, field: str, told: Sequence[str]) -> str:
        """The golden value: what the document's number tells, where a record says the same."""
        if field not in told:
            return self.quote(field)
        value = self.dialect.day_of(_TOLD[field]) if field == "birth_date" else _TOLD[field]
        agreed = self.dialect.among(f"all_{field}", value)
        return f"CASE WHEN {agreed} THEN {value} ELSE {self.quote(field)} END"

    def _number_tells(self, field: str) -> str:
        """What a valid resident number says of a field."""
        resident = f"id_valid AND id_type IN ({self._texts(RESIDENT_DOCUMENTS)})"
        if field == "birth_date":
            digits = (
                f"CASE WHEN {_LONG} THEN substr(id_number, 7, 8) ELSE '19' || substr(id_number, 7, 6) END"
            )
            return f"CASE WHEN {resident} THEN {digits} END"
        digit = f"substr(id_number, CASE WHEN {_LONG} THEN 17 ELSE 15 END, 1)"
        sex = f"CASE WHEN {digit} IN ('1', '3', '5', '7', '9') THEN 'male' ELSE 'female' END"
        return f"CASE WHEN {resident} THEN {sex} END"

    def _texts(self, values: Sequence[str]) -> str:
        return ", ".join(map(self.dialect.text, values))


def _place_name(rule: Survivorship) -> str:
    return f"place_{rule.name}"


def _chooses(rule: Survivorship) -> bool:
    """Whether a rule needs a place of its own: not where it is a plain extreme, or first by source."""
    return rule.own_extreme is None and (len(rule.fields) > 1 or bool(rule.order))


_EXTREMES = {Prefer.TRUE: "bool_or", Prefer.LATEST: "max", Prefer.EARLIEST: "min"}
_LONG = "length(id_number) = 18"
