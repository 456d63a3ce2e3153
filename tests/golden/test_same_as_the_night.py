"""What is read of one customer is what the night computes for everybody."""

from __future__ import annotations

from typing import Any

import pytest

from quanke.bank.survivorship import rule_of
from quanke.customers.golden import golden_record
from quanke.customers.survivorship import SURVIVORSHIP
from quanke.language.facts import customers as customers_table
from tests.golden.records import GOLDEN_FIELDS, golden_by_sql, random_records, table_of

CUSTOMERS = 120
ALL = frozenset(customers_table.fields)


def of(rows: list[dict[str, Any]], customer: int) -> list[dict[str, Any]]:
    return [row for row in rows if row["customer"] == customer]


@pytest.mark.parametrize("seed", range(8))
def test_every_field_of_every_customer(seed: int) -> None:
    persons = random_records("parties", seed, CUSTOMERS, largest=2 + seed)
    bodies = [row for row in random_records("organisations", seed, CUSTOMERS) if row["customer"] % 3 == 0]
    night = golden_by_sql(table_of(persons), table_of(bodies, "organisations"), CUSTOMERS, ALL)
    assert [row["customer"] for row in night] == list(range(CUSTOMERS))
    for row in night:
        own = of(persons, row["customer"]), of(bodies, row["customer"])
        read = golden_record(table_of(own[0]), table_of(own[1], "organisations"))
        values = {field.name: field.value for field in read}
        if own[0]:
            values["kind"] = "person"
        expected = {name: values.get(name) for name in ALL - {"sources"}}
        assert {name: row[name] for name in expected} == expected
        assert row["sources"] == len({r["source"] for r in (own[0] or own[1])})


@pytest.mark.parametrize("table", ["parties", "organisations"])
def test_a_group_comes_from_one_record(table: str) -> None:
    rows = random_records(table, 77, CUSTOMERS, largest=6)
    for customer in range(CUSTOMERS):
        own = of(rows, customer)
        tables = (table_of(own), None) if table == "parties" else (None, table_of(own, table))
        read = {field.name: field for field in golden_record(*tables)}
        assert set(read) == (set(GOLDEN_FIELDS[table]) if own else set())
        for field in read.values():
            record = next(
                (r for r in own if (r["source"], r["party_id"]) == (field.source, field.party)), None
            )
            assert record is not None or field.value is None
            for name in field.rule.fields:
                assert (read[name].source, read[name].party) == (field.source, field.party)
                assert read[name].value == (record[name] if record else None)
            assert field.others == sum(r[field.name] not in (None, field.value) for r in own)
            assert field.rule is rule_of(SURVIVORSHIP[table], field.name)


def test_asking_for_fewer_fields_changes_none() -> None:
    persons = table_of(random_records("parties", 5, CUSTOMERS, largest=5))
    bodies = table_of(random_records("organisations", 6, CUSTOMERS), "organisations")
    whole = golden_by_sql(persons, bodies, CUSTOMERS, ALL)
    for name in sorted(ALL):
        alone = golden_by_sql(persons, bodies, CUSTOMERS, {name})
        assert [row[name] for row in alone] == [row[name] for row in whole], name


@pytest.mark.parametrize("missing", ["persons", "bodies", "both"])
def test_tables_that_were_never_handed_over(missing: str) -> None:
    persons = None if missing != "bodies" else table_of(random_records("parties", 8, 20))
    bodies = (
        None if missing != "persons" else table_of(random_records("organisations", 8, 20), "organisations")
    )
    rows = golden_by_sql(persons, bodies, 20, ALL)
    assert len(rows) == 20
    if missing == "both":
        assert all(row["sources"] == 0 and row["kind"] is None for row in rows)
