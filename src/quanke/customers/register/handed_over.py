"""The identity fields of a home's records, as they were handed over, and people's decisions."""

from __future__ import annotations

import pyarrow as pa

from quanke.bank.arranged import facts_sql
from quanke.bank.home import Home
from quanke.bank.session import Connection
from quanke.customers.register.numbers import Ints

_SHARED = ("source", "name", "address", "city", "district")
_PERSON = (
    "id_type", "id_number", "birth_date", "sex", "phone", "email", "nationality", "employer_name",
)  # fmt: skip
_ORGANISATION = ("uscc", "kind")


def _rows(home: Home) -> str:
    """SQL of one row per record: `party` and all identity fields, null where its table has none."""
    persons = ", ".join(
        ["party", *_SHARED, *_PERSON, "NULL::VARCHAR AS uscc", "'person' AS kind"]
    )  # an organisation's kind is never "person"
    absent = [f"NULL::{'DATE' if name == 'birth_date' else 'VARCHAR'} AS {name}" for name in _PERSON]
    bodies = ", ".join(["party", *_SHARED, *absent, *_ORGANISATION])
    return (
        f"(SELECT {persons} FROM ({facts_sql(home, 'parties')}) UNION ALL BY NAME "
        f"SELECT {bodies} FROM ({facts_sql(home, 'organisations')}))"
    )


def digests_of(connection: Connection, home: Home) -> pa.Table:
    """`party`, rising, and `handed_over`: a digest (64 bits) of the identity fields of its record."""
    fields = (*_SHARED, *_PERSON, *_ORGANISATION)
    text = " || chr(31) || ".join(f"coalesce({name}::VARCHAR, chr(30))" for name in fields)
    sql = f"SELECT party, md5_number_lower({text}) AS handed_over FROM {_rows(home)} ORDER BY party"
    table: pa.Table = connection.sql(sql).to_arrow_table()
    return table.combine_chunks()


def records_of(connection: Connection, home: Home, parties: Ints) -> pa.Table:
    """Records of some parties as `identity.normalise` takes them; `record_id` is the party."""
    connection.register("wanted_parties", pa.table({"party": pa.array(parties)}))
    fields = ", ".join((*_SHARED, *_PERSON, *_ORGANISATION))
    sql = (
        f"SELECT party AS record_id, {fields} FROM {_rows(home)} "
        "SEMI JOIN wanted_parties USING (party) ORDER BY party"
    )
    table: pa.Table = connection.sql(sql).to_arrow_table()
    connection.unregister("wanted_parties")
    return table.combine_chunks()


def decisions_of(connection: Connection, home: Home) -> pa.Table:
    """People's decisions, oldest first: `one_party`, `other_party`, `decision`, `decision_id`, `reason`,
    `decided_by`, `date`."""
    sql = (
        "SELECT one_party, other_party, decision, decision_id, reason, decided_by, date "
        f'FROM ({facts_sql(home, "identity_decisions")}) ORDER BY date, "at" NULLS FIRST, decision_id'
    )
    table: pa.Table = connection.sql(sql).to_arrow_table()
    return table.combine_chunks()
