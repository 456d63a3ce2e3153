"""The links of a bank as of one day, out of relations, wages and transfers: SQL for DuckDB.

One link per pair, kind and unbroken stretch of time. What several sources say of the same stretch is one
link: it holds from the first day any of them says to the last, is as strong as the strongest, and names
all its evidence. Only what is known on the as-of day counts; a link from a party to itself is none.

A day d lies in a link when from_date <= d and (to_date is null or d < to_date), as everywhere in a home.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quanke.customers.graph.kinds import CODES, KINDS
from quanke.customers.graph.rules import EVIDENCE_STRENGTH, GraphRules
from quanke.customers.survivorship import BANK_SOURCES

OPEN_DAY = dt.date(9999, 12, 31)
"""Stands under the null of a link that is open, so that arrays need no second look."""
OPEN = (OPEN_DAY - dt.date(1970, 1, 1)).days
UNSTATED, PARTNER = "unstated", "partner"
_FALLBACK = "other"
_MOST_EVIDENCES = 60
_BATCH = 500_000


@dataclass(frozen=True, slots=True)
class Links:
    """Links as arrays of one length, sorted by (first, kind, second, since).

    `first`, `second`: customer numbers, int32. `kind`: codes of `KINDS`, uint8. `since`, `until`: days
    since 1970, int32; `until` is exclusive and `OPEN` where the link is open. `strength`: float32 in (0, 1].
    `evidence`: int32 places in `evidences`, each a set such as "declared+payroll". `months` int32 and
    `amount` (fen) int64: what was seen of wages or transfers, -1 where nothing was looked at; `last_seen`:
    day of the last such movement, -1 for none.
    """

    first: NDArray[np.int32]
    second: NDArray[np.int32]
    kind: NDArray[np.uint8]
    since: NDArray[np.int32]
    until: NDArray[np.int32]
    strength: NDArray[np.float32]
    evidence: NDArray[np.int32]
    months: NDArray[np.int32]
    amount: NDArray[np.int64]
    last_seen: NDArray[np.int32]
    evidences: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.first)


COLUMNS: dict[str, type] = {
    "first": np.int32,
    "second": np.int32,
    "kind": np.uint8,
    "since": np.int32,
    "until": np.int32,
    "strength": np.float32,
    "evidence": np.int32,
    "months": np.int32,
    "amount": np.int64,
    "last_seen": np.int32,
}
"""Arrays of `Links` with their types."""


def empty_links() -> Links:
    """No links at all."""
    return Links(**{name: np.zeros(0, of) for name, of in COLUMNS.items()}, evidences=())


def derive_links(
    connection: duckdb.DuckDBPyConnection,
    relations: Mapping[str, str],
    as_of: dt.date,
    rules: GraphRules,
) -> Links:
    """The links known on `as_of`.

    `relations` are SQL relations by table name, "" or absent for what was never handed over: `relations`
    (from_customer, to_customer, kind, from_date, to_date, evidence), `transactions`, `accounts`
    (account_id, customer), `organisations` (customer). Creates and drops temporary tables.
    """
    sources = [s for s in (_given(relations), *_derived(connection, relations, as_of, rules)) if s]
    if not sources:
        return empty_links()
    connection.execute(f"CREATE OR REPLACE TEMP TABLE graph_stated AS {' UNION ALL '.join(sources)}")
    links, names = empty_links(), _evidences(connection)
    if names:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE graph_links AS {_merged_sql(names, as_of, rules)}")
        links = _arrays(connection, names)
        connection.execute("DROP TABLE graph_links")
    connection.execute("DROP TABLE graph_stated")
    connection.execute("DROP TABLE IF EXISTS graph_moves")
    return links


def _day(day: dt.date) -> str:
    return f"DATE '{day.isoformat()}'"


def _given(relations: Mapping[str, str]) -> str:
    """Relations as they were handed over; a symmetric kind with its smaller number first.

    One that does not say where it is known from, about a record of a partner's, is known from the partner.
    """
    relation, parties = relations.get("relations", ""), relations.get("parties", "")
    if not relation:
        return ""
    evidence = f"coalesce(evidence, '{UNSTATED}')"
    if parties:
        own = ", ".join(f"'{source}'" for source in BANK_SOURCES)
        theirs = f"(SELECT party FROM {parties} WHERE source NOT IN ({own}))"
        by_partner = f"from_party IN {theirs} OR to_party IN {theirs}"
        evidence = f"coalesce(evidence, CASE WHEN {by_partner} THEN '{PARTNER}' END, '{UNSTATED}')"
    codes = " ".join(f"WHEN '{kind.name}' THEN {code}" for code, kind in enumerate(KINDS))
    symmetric = ", ".join(f"'{kind.name}'" for kind in KINDS if kind.symmetric)
    swap = f"kind IN ({symmetric}) AND from_customer > to_customer"
    return f"""
        SELECT CASE WHEN {swap} THEN to_customer ELSE from_customer END AS first,
               CASE WHEN {swap} THEN from_customer ELSE to_customer END AS second,
               CAST(CASE kind {codes} END AS TINYINT) AS kind, from_date AS since,
               coalesce(to_date, {_day(OPEN_DAY)}) AS until, {evidence} AS evidence,
               NULL::DOUBLE AS strength, -1 AS months, -1::BIGINT AS amount, NULL::DATE AS last_seen
        FROM {relation} WHERE kind IN ({", ".join(f"'{kind.name}'" for kind in KINDS)})
    """


def _derived(
    connection: duckdb.DuckDBPyConnection, relations: Mapping[str, str], as_of: dt.date, rules: GraphRules
) -> list[str]:
    """Wages and repeated transfers between customers of the bank; one scan over such movements only."""
    if not relations.get("transactions") or not relations.get("accounts"):
        return []
    connection.execute(f"CREATE OR REPLACE TEMP TABLE graph_moves AS {_moves_sql(relations, as_of, rules)}")
    bodies = relations.get("organisations") or "(SELECT NULL::INTEGER AS customer WHERE false)"
    is_body = f"IN (SELECT customer FROM {bodies})"
    return [_wages_sql(is_body, as_of, rules), *_transfers_sql(is_body, as_of, rules)]


def _moves_sql(relations: Mapping[str, str], as_of: dt.date, rules: GraphRules) -> str:
    """One row per account holder, other account, kind and direction: the movements between them added up.

    `mask` has a bit for each calendar month, the month of the as-of day lowest. Rows are added up before
    the other account is looked up, so the texts are joined once per pair and not once per movement.
    """
    first = as_of - dt.timedelta(days=rules.look_back_days)
    age = f"datediff('month', date, {_day(as_of)})"
    return f"""
        WITH seen AS (
          SELECT customer, counterparty_account AS account_id, kind, direction,
                 bit_or(1::BIGINT << {age}) AS mask, count(*) AS times, min(date) AS since,
                 max(date) AS last_seen, CAST(sum(amount) AS BIGINT) AS amount,
                 CAST(sum(CASE WHEN {age} <= {rules.wage_months} THEN amount ELSE 0 END) AS BIGINT) AS recent
          FROM {relations["transactions"]}
          WHERE counterparty_account IS NOT NULL AND date <= {_day(as_of)} AND date > {_day(first)}
            AND ((kind = 'salary' AND direction = 'in')
                 OR (kind = 'transfer' AND counterparty_bank = 'own' AND own_name IS NOT TRUE))
          GROUP BY ALL
        )
        SELECT seen.customer, a.customer AS other, seen.kind, seen.direction, bit_or(mask) AS mask,
               CAST(sum(times) AS BIGINT) AS times, min(since) AS since, max(last_seen) AS last_seen,
               CAST(sum(amount) AS BIGINT) AS amount, CAST(sum(recent) AS BIGINT) AS recent
        FROM seen JOIN {relations["accounts"]} AS a ON a.account_id = seen.account_id
        WHERE a.customer <> seen.customer
        GROUP BY ALL
    """


def _until(stale: int, as_of: dt.date) -> str:
    """A link that has gone quiet ended on the day after it was last seen."""
    quiet = f"last_seen < {_day(as_of - dt.timedelta(days=stale))}"
    return f"CASE WHEN {quiet} THEN last_seen + 1 ELSE {_day(OPEN_DAY)} END"


def _wages_sql(is_body: str, as_of: dt.date, rules: GraphRules) -> str:
    """Wages from an account that a body holds here: the body pays the person."""
    window = (1 << (rules.wage_months + 1)) - 1
    months = f"least({rules.wage_months}, bit_count(mask & {window}))"
    return f"""
        SELECT other AS first, customer AS second, CAST({CODES["pays_wages"]} AS TINYINT) AS kind, since,
               {_until(rules.wage_stale_days, as_of)} AS until, 'payroll' AS evidence,
               greatest(1, {months}) / {float(rules.wage_months)} AS strength,
               CAST({months} AS INTEGER) AS months, recent AS amount, last_seen
        FROM graph_moves WHERE kind = 'salary' AND other {is_body} AND customer NOT {is_body}
    """


def _transfers_sql(is_body: str, as_of: dt.date, rules: GraphRules) -> tuple[str, str]:
    """Repeated transfers inside the bank. Both sides book a movement: the fuller of the two is taken."""
    paid = """
        SELECT CASE WHEN direction = 'out' THEN customer ELSE other END AS payer,
               CASE WHEN direction = 'out' THEN other ELSE customer END AS payee,
               mask, times, since, last_seen, amount
        FROM graph_moves WHERE kind = 'transfer'
        QUALIFY row_number() OVER (
          PARTITION BY payer, payee ORDER BY times DESC, amount DESC, direction DESC) = 1
    """
    strength = (
        f"(least(1.0, times / {float(rules.transfer_full_times)}) "
        f"+ least(1.0, amount / {float(rules.transfer_full_fen)})) / 2"
    )
    rest = f"""
        since, {_until(rules.transfer_stale_days, as_of)} AS until, 'transfers' AS evidence,
        {strength} AS strength, CAST(bit_count(mask) AS INTEGER) AS months, amount, last_seen
        FROM ({paid}) WHERE times >= {rules.transfer_times} AND bit_count(mask) >= {rules.transfer_months}
    """
    return (
        f"SELECT payee AS first, payer AS second, CAST({CODES['supplies']} AS TINYINT) AS kind, {rest} "
        f"AND payer {is_body} AND payee {is_body}",
        f"SELECT payer AS first, payee AS second, CAST({CODES['transfers']} AS TINYINT) AS kind, {rest} "
        f"AND payer NOT {is_body} AND payee NOT {is_body}",
    )


def _evidences(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """Names of evidence that occur, in order; of more than sixty, the rarer ones go under "other"."""
    rows = connection.execute(
        "SELECT evidence, count(*) AS n FROM graph_stated GROUP BY evidence ORDER BY n DESC, evidence"
    ).fetchall()
    names = [str(name) for name, _ in rows[:_MOST_EVIDENCES]]
    return tuple(sorted({*names, _FALLBACK} if len(rows) > _MOST_EVIDENCES else names))


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _merged_sql(names: tuple[str, ...], as_of: dt.date, rules: GraphRules) -> str:
    """Stated links, those of one pair and kind that touch or overlap made one."""
    bits = " ".join(f"WHEN {_text(n)} THEN {1 << i}" for i, n in enumerate(names))
    other = 1 << names.index(_FALLBACK) if _FALLBACK in names else 0
    strengths = " ".join(f"WHEN {_text(n)} THEN {s}" for n, s in EVIDENCE_STRENGTH.items())
    pair = "PARTITION BY first, second, kind ORDER BY since, until"
    return f"""
        WITH known AS (
          SELECT first, second, kind, since, until, months, amount, last_seen,
                 CAST(CASE evidence {bits} ELSE {other} END AS BIGINT) AS evidence,
                 coalesce(strength, CASE evidence {strengths} ELSE {rules.unstated} END) AS strength
          FROM graph_stated
          WHERE first <> second AND since <= {_day(as_of)} AND until > since
        ),
        begun AS (
          SELECT *, coalesce(
            since > max(until) OVER ({pair} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), true) AS begins
          FROM known
        ),
        stretched AS (SELECT *, sum(CAST(begins AS INTEGER)) OVER ({pair}) AS stretch FROM begun)
        SELECT first, second, kind, min(since) AS since, max(until) AS until, max(strength) AS strength,
               bit_or(evidence) AS evidence, max(months) AS months, max(amount) AS amount,
               max(last_seen) AS last_seen
        FROM stretched GROUP BY first, second, kind, stretch
    """


def _arrays(connection: duckdb.DuckDBPyConnection, names: tuple[str, ...]) -> Links:
    """The merged links in order, filled into arrays batch by batch."""
    found = connection.execute(
        "SELECT evidence, count(*) FROM graph_links GROUP BY evidence ORDER BY evidence"
    ).fetchall()
    count, masks = sum(int(n) for _, n in found), [int(mask) for mask, _ in found]
    epoch = "DATE '1970-01-01'"
    query = f"""
        SELECT first, second, CAST(kind AS UTINYINT) AS kind, CAST(since - {epoch} AS INTEGER) AS since,
               CAST(until - {epoch} AS INTEGER) AS until, CAST(strength AS FLOAT) AS strength,
               evidence, months, amount, CAST(coalesce(last_seen - {epoch}, -1) AS INTEGER) AS last_seen
        FROM graph_links ORDER BY first, kind, second, since
    """
    columns: dict[str, Any] = {name: np.empty(count, of) for name, of in COLUMNS.items()}
    places = np.array(masks, np.int64)
    start = 0
    for batch in connection.sql(query).to_arrow_reader(_BATCH):
        stop = start + batch.num_rows
        for name, array in columns.items():
            values = batch.column(batch.schema.get_field_index(name)).to_numpy(zero_copy_only=False)
            array[start:stop] = np.searchsorted(places, values) if name == "evidence" else values
        start = stop
    sets = tuple("+".join(n for i, n in enumerate(names) if mask >> i & 1) for mask in masks)
    return Links(**columns, evidences=sets)


def links_table(links: Links) -> pa.Table:
    """The links as Arrow, without copying: `until` and `last_seen` in days since 1970."""
    return pa.table({name: pa.array(getattr(links, name)) for name in COLUMNS})
