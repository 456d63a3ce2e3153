"""Golden customers in DuckDB: one row per customer number out of the records of all systems, by rules of
survivorship.

Every rule becomes a *place*: a whole number per record, smaller for the record that is asked first, into
which the steps of its order are packed one after the other, with the record's place by source last. A
rule's fields are then `arg_min` over its place, so that one grouping serves all rules. Most customers have
a single record, which no rule can choose from: those rows are passed on as they are, which saves more than
the rules cost.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

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
from quanke.engines.duckdb.relations import SQL_TYPES
from quanke.language.facts import customers as customers_table

_NTH_BITS, _DAY_BITS, _SECOND_BITS, _WORD_BITS = 20, 23, 40, 63
_BEGINNING = 62_135_596_800
"""Seconds from year 1 to 1970: a place is never negative."""
_TOLD = {"birth_date": "told_birth_date", "sex": "told_sex"}


def customers_sql(
    parties: str,
    organisations: str,
    rules: Rules,
    priority: Sequence[str],
    low: int,
    high: int,
    fields: Collection[str],
) -> str:
    """One golden row per customer number `low <= customer < high`, with the `fields` that are asked for.

    `parties` and `organisations` are relations of arranged records, empty for none. A customer who is a
    person takes what both kinds of customer have from his records as a person.
    """
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
            value = f'CASE WHEN p.customer IS NOT NULL THEN p."{name}" ELSE o."{name}" END'
        else:
            value = f'{"p" if person else "o"}."{name}"'
        columns.append(f'CAST({value} AS {SQL_TYPES[field.type]}) AS "{name}"')
    sides = {
        alias: _Side(table, relation, rules[table], priority, f"customer >= {low} AND customer < {high}")
        for alias, table, relation in (("p", "parties", parties), ("o", "organisations", organisations))
    }
    views = ", ".join(view for alias, side in sides.items() for view in side.views(alias, held[side.table]))
    return f"""
        WITH {views},
        n AS (SELECT CAST(range AS INTEGER) AS customer FROM range({low}, {high}))
        SELECT {", ".join(columns)}
        FROM n LEFT JOIN p ON p.customer = n.customer LEFT JOIN o ON o.customer = n.customer
        ORDER BY n.customer
    """


class _Side:
    """The records of one table within reach."""

    def __init__(
        self, table: str, relation: str, rules: Sequence[Survivorship], priority: Sequence[str], reach: str
    ) -> None:
        self.table, self.relation, self.rules, self.reach = table, relation, rules, reach
        whens = " ".join(f"WHEN {_text(source)} THEN {i}" for i, source in enumerate(priority))
        self.by_source = f"CASE source {whens} ELSE {len(priority)} END, source, party_id"

    def views(self, name: str, fields: Sequence[str]) -> Iterator[str]:
        """Common table expressions that end with `name`: (customer, sources, the fields)."""
        if not self.relation:
            typed = [f'CAST(NULL AS {SQL_TYPES[CONTRACTS[self.table][f].type]}) AS "{f}"' for f in fields]
            columns = ", ".join(["CAST(NULL AS INTEGER) AS customer", "0 AS sources", *typed])
            yield f"{name} AS (SELECT {columns} WHERE false)"
            return
        asked = [rule for rule in self.rules if not set(rule.fields).isdisjoint(fields)]
        told = [step.field for rule in asked for step in rule.order if step.by is Prefer.DOCUMENT]
        yield (
            f"{name}_many AS MATERIALIZED (SELECT customer FROM {self.relation} WHERE {self.reach} "
            "GROUP BY customer HAVING count(*) > 1)"
        )
        yield f"{name}_placed AS ({self._placed(f'{name}_many', asked, told)})"
        yield f"{name}_chosen AS ({self._chosen(f'{name}_placed', asked, told, fields)})"
        plain = "".join(f', "{field}"' for field in fields)
        said = "".join(f', {_survivor(f, told)} AS "{f}"' for f in fields)
        yield (
            f"{name} AS (SELECT customer, sources{said} FROM {name}_chosen UNION ALL "
            f"SELECT customer, 1 AS sources{plain} FROM {self.relation} "
            f"ANTI JOIN {name}_many USING (customer) WHERE {self.reach})"
        )

    def _placed(self, many: str, asked: Sequence[Survivorship], told: Sequence[str]) -> str:
        """Records of customers with several, each with its place by every rule that chooses."""
        places = [f"{self._place(rule)} AS {_place_name(rule)}" for rule in asked if _chooses(rule)]
        if told:
            document = rule_of(self.rules, "id_number")
            places += [f"{self._place(document)} AS place_told"]
            places += [f"{_NUMBER_TELLS[field]} AS {_TOLD[field]}" for field in told]
        nth = f"row_number() OVER (PARTITION BY customer ORDER BY {self.by_source}) AS nth"
        return f"""
            SELECT {", ".join(["*", *places])}
            FROM (SELECT *, {nth} FROM {self.relation} SEMI JOIN {many} USING (customer) WHERE {self.reach})
        """

    def _chosen(
        self, placed: str, asked: Sequence[Survivorship], told: Sequence[str], fields: Sequence[str]
    ) -> str:
        columns = ["customer", "count(DISTINCT source) AS sources"]
        columns += [f'{_value(rule, f)} AS "{f}"' for rule in asked for f in rule.fields if f in fields]
        for field in told:
            columns += [
                f"arg_min_null({_TOLD[field]}, place_told) AS {_TOLD[field]}",
                f'list("{field}") AS all_{field}',
            ]
        return f"SELECT {', '.join(columns)} FROM {placed} GROUP BY customer"

    def _place(self, rule: Survivorship) -> str:
        """A record's place by a rule, null for a record that the rule does not ask."""
        steps = [self._step(step) for step in rule.order if step.by is not Prefer.DOCUMENT]
        wide = sum(bits for _, bits in steps) + _NTH_BITS > _WORD_BITS
        place = f"CAST(0 AS {'HUGEINT' if wide else 'BIGINT'})"
        for sql, bits in [*steps, ("nth", _NTH_BITS)]:
            place = f"({place} * {2**bits} + {sql})"
        known = " OR ".join(_known(field) for field in rule.fields)
        return f"CASE WHEN {known} THEN {place} END"

    def _step(self, step: Preference) -> tuple[str, int]:
        """One step as a whole number, smaller first, and how many bits it needs."""
        if step.by is Prefer.TRUE:
            return f'(CASE WHEN "{step.field}" THEN 0 ELSE 1 END)', 1
        if step.by is Prefer.GIVEN:
            return f"(CASE WHEN {_known(step.field)} THEN 0 ELSE 1 END)", 1
        if step.by is Prefer.SOURCES:
            return f"(CASE WHEN source IN ({', '.join(map(_text, step.sources))}) THEN 0 ELSE 1 END)", 1
        if CONTRACTS[self.table][step.field].type is FieldType.DATE:
            passed, bits = f"(\"{step.field}\" - DATE '0001-01-01')", _DAY_BITS
        else:
            passed, bits = f'(epoch_us("{step.field}") + {_BEGINNING}000000) // 1000000', _SECOND_BITS
        last = 2**bits - 1
        return f"(coalesce({f'{last - 1} - ' if step.by is Prefer.LATEST else ''}{passed}, {last}))", bits


def _known(field: str) -> str:
    # The flag beside an identifier is null where the identifier is, and a bit instead of a text to read.
    return f'"{FLAGS.get(field, field)}" IS NOT NULL'


def _place_name(rule: Survivorship) -> str:
    return f"place_{rule.name}"


def _chooses(rule: Survivorship) -> bool:
    """Whether a rule needs a place of its own: not where it is a plain extreme, or first by source."""
    return rule.own_extreme is None and (len(rule.fields) > 1 or bool(rule.order))


def _value(rule: Survivorship, field: str) -> str:
    """The aggregate that gives a field, before a document's number is heard."""
    if rule.closes:
        return _ending(rule)
    if rule.own_extreme is not None:
        return f'{_EXTREMES[rule.own_extreme]}("{field}")'
    if not _chooses(rule):
        return f'arg_min("{field}", nth)'
    # Alone, a field that is unknown is passed over; in company it goes with the record that was chosen.
    aggregate = "arg_min" if len(rule.fields) == 1 else "arg_min_null"
    return f'{aggregate}("{field}", {_place_name(rule)})'


def _ending(rule: Survivorship) -> str:
    """The extreme of a field where every record that counts knows it."""
    (field,), extreme = rule.fields, _EXTREMES[rule.own_extreme or Prefer.LATEST]
    counts = f"source IN ({', '.join(map(_text, rule.closes))})"
    return (
        f"CASE WHEN bool_or({counts}) THEN "
        f'CASE WHEN count(*) FILTER (WHERE {counts} AND "{field}" IS NULL) = 0 '
        f'THEN {extreme}("{field}") FILTER (WHERE {counts}) END '
        f'WHEN count("{field}") = count(*) THEN {extreme}("{field}") END'
    )


def _survivor(field: str, told: Sequence[str]) -> str:
    """The golden value: what the document's number tells, where a record says the same."""
    if field not in told:
        return f'"{field}"'
    value = f"CAST(try_strptime({_TOLD[field]}, '%Y%m%d') AS DATE)" if field == "birth_date" else _TOLD[field]
    return f'CASE WHEN list_contains(all_{field}, {value}) THEN {value} ELSE "{field}" END'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


_EXTREMES = {Prefer.TRUE: "bool_or", Prefer.LATEST: "max", Prefer.EARLIEST: "min"}
_RESIDENT = f"id_valid AND id_type IN ({', '.join(map(_text, RESIDENT_DOCUMENTS))})"
_LONG = "length(id_number) = 18"
_NUMBER_TELLS = {
    "birth_date": (
        f"CASE WHEN {_RESIDENT} THEN "
        f"CASE WHEN {_LONG} THEN substr(id_number, 7, 8) ELSE '19' || substr(id_number, 7, 6) END END"
    ),
    "sex": (
        f"CASE WHEN {_RESIDENT} THEN CASE WHEN substr(id_number, CASE WHEN {_LONG} THEN 17 ELSE 15 END, 1) "
        "IN ('1', '3', '5', '7', '9') THEN 'male' ELSE 'female' END END"
    ),
}
