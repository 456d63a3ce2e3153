"""Giving customers and accounts their dense numbers.

Numbers count from 0 in order of first appearance: by unit, then by row. They never change and are never
reused. Every record of a source system has a number of its own, `party`; beside it stands the `customer` it
was given. A party that is new gets a customer already given out only by the EXACT rule (domain.md NAM-4):
same kind of document, same number (permits by their first nine characters), same match name, and the number
passes its check; organisations: same valid unified social credit code and same match name. A document
"other" is no evidence. Documents stay known once seen: who renews a passport and comes back with the old one
is the same customer. If a later delivery gives two customers the same document, both keep their numbers: who
is who is seen and recorded elsewhere, reversibly (`quanke.customers.register`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from quanke.bank.arranged import IDENTITY_TABLES
from quanke.bank.home import Counts, Home
from quanke.bank.load.task import copy
from quanke.bank.publication import Publication
from quanke.bank.session import Connection, one_row
from quanke.bank.sql import literal, parquet

KINDS = {"parties": "person", "organisations": "organisation"}


def with_links(table: str, query: str) -> str:
    """`query` (arranged rows of `table`) with `link_low` and `link_high` added for an identity table.

    The two are halves of the MD5 of the EXACT key, null where there is no valid document: documents do not
    stand in a second place, and are 16 bytes to compare.
    """
    if table not in IDENTITY_TABLES:
        return query
    if table == "parties":
        id_type = "id_type::VARCHAR"
        number, name = f"match_id_number({id_type}, id_number)", "match_name(name)"
        text = f"{id_type} || chr(31) || {number} || chr(31) || {name}"
        usable = "id_valid AND id_type <> 'other'"
    else:
        text = "'uscc' || chr(31) || upper(uscc) || chr(31) || match_organisation_name(name)"
        usable = "uscc_valid"
    linked = f"SELECT *, CASE WHEN {usable} THEN {text} END AS link FROM ({query})"
    return (
        "SELECT * EXCLUDE (link), md5_number_lower(link) AS link_low, md5_number_upper(link) AS link_high "
        f"FROM ({linked})"
    )


def number_parties(
    connection: Connection, home: Home, table: str, new: str, counts: Counts, publication: Publication
) -> Counts:
    """Give every row of `new` its party and its customer; how many numbers are given out afterwards.

    `new` is a table (position, source, party_id, link_low, link_high) with one row per party, the first of
    this load. Makes the table `numbered` (position, party, customer), and stages files for the parties and
    documents that are new.
    """
    known = home.numbers("parties")
    join = (
        f"LEFT JOIN {parquet(known)} AS n ON n.source = new.source AND n.party_id = new.party_id"
        if known
        else ""
    )
    numbers = "n.customer, n.party" if known else "NULL::INTEGER AS customer, NULL::INTEGER AS party"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE seen AS SELECT new.*, {numbers} FROM {new} AS new {join}"
    )
    _claim_links(connection, home)
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE leaders AS
        SELECT position, ({counts.customers} + row_number() OVER (ORDER BY position) - 1)::INTEGER AS customer
        FROM (SELECT DISTINCT coalesce(claims.position, seen.position) AS position
              FROM seen LEFT JOIN claims USING (link_low, link_high)
              WHERE seen.customer IS NULL AND claims.customer IS NULL)
        """
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE numbered AS
        SELECT seen.position, seen.source, seen.party_id, seen.customer IS NULL AS fresh,
               coalesce(seen.party, ({counts.parties} - 1 + row_number() OVER (
                   PARTITION BY seen.customer IS NULL ORDER BY seen.position))::INTEGER) AS party,
               coalesce(seen.customer, claims.customer, leaders.customer) AS customer
        FROM seen LEFT JOIN claims USING (link_low, link_high)
        LEFT JOIN leaders ON leaders.position = coalesce(claims.position, seen.position)
        """
    )
    _stage_numbers(connection, home, table, publication)
    return replace(
        counts,
        customers=counts.customers + int(one_row(connection, "SELECT count(*) FROM leaders")[0]),
        parties=counts.parties + int(one_row(connection, "SELECT count(*) FROM numbered WHERE fresh")[0]),
    )


def _claim_links(connection: Connection, home: Home) -> None:
    """The table `claims` (link, position, customer, known): for each document, who has it.

    `customer` is null if the first party with it is itself new: then `position` is that party's.
    """
    links = home.numbers("links")
    known = (
        f"(SELECT link_low, link_high, customer FROM {parquet(links)})"
        if links
        else "(SELECT NULL::UBIGINT AS link_low, NULL::UBIGINT AS link_high, NULL::INTEGER AS customer "
        "WHERE false)"
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE claims AS
        SELECT c.link_low, c.link_high, c.position, coalesce(k.customer, nullif(c.customer, -1)) AS customer,
               k.customer IS NOT NULL AS known
        FROM (SELECT link_low, link_high, min(position) AS position,
                     arg_min(coalesce(customer, -1), position) AS customer
              FROM seen WHERE link_low IS NOT NULL GROUP BY link_low, link_high) AS c
        LEFT JOIN {known} AS k USING (link_low, link_high)
        """
    )


def _stage_numbers(connection: Connection, home: Home, table: str, publication: Publication) -> None:
    """Stage the files of new parties and new documents."""
    parties = (
        f"SELECT source, party_id, party, customer, {literal(KINDS[table])} AS kind "
        "FROM numbered WHERE fresh ORDER BY party"
    )
    links = (
        "SELECT claims.link_low, claims.link_high, numbered.customer FROM claims "
        "JOIN numbered USING (position) WHERE NOT claims.known ORDER BY ALL"
    )
    for kind, query in (("parties", parties), ("links", links)):
        stage_numbers(connection, home, kind, query, publication)


def stage_numbers(
    connection: Connection, home: Home, kind: str, query: str, publication: Publication
) -> None:
    """Stage the next file of numbers of a kind, if there are any new ones."""
    destination = f"numbers/{kind}/{len(home.numbers(kind)) + 1:06d}.parquet"
    if not copy(connection, query, publication.stage(destination)):
        publication.drop(destination)


def number_accounts(
    connection: Connection, home: Home, new: str, next_number: int, publication: Publication
) -> int:
    """Give every row of `new` (position, account_id, customer) its account, in the table `numbered`."""
    known = home.numbers("accounts")
    relation = (
        f"(SELECT account_id, account FROM {parquet(known)})"
        if known
        else "(SELECT NULL::VARCHAR AS account_id, NULL::INTEGER AS account WHERE false)"
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE numbered AS
        SELECT new.position, new.account_id, new.customer, known.account IS NULL AS fresh,
               CASE WHEN known.account IS NOT NULL THEN known.account ELSE
               ({next_number} - 1 + row_number() OVER (
                   PARTITION BY known.account IS NULL ORDER BY new.position))::INTEGER END AS account
        FROM {new} AS new LEFT JOIN {relation} AS known USING (account_id)
        """
    )
    query = "SELECT account_id, account, customer FROM numbered WHERE fresh ORDER BY account"
    stage_numbers(connection, home, "accounts", query, publication)
    return next_number + int(one_row(connection, "SELECT count(*) FROM numbered WHERE fresh")[0])


def other_identity(home: Home, table: str) -> Sequence[Path]:
    """Files of the other identity table: one (source, party_id) is a person or an organisation, not both."""
    return [path for other in IDENTITY_TABLES if other != table for path in home.facts(other)]
