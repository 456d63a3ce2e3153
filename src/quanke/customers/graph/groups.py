"""Groups of persons who share a device, an address or a telephone: signs for risk control, never links.

Values themselves (a device, a number, an address) are not kept: a group is a running number. Only purposes of
risk and compliance may read groups, in the graph as in the language (domain.md PI-6).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quanke.customers.graph.rules import GraphRules
from quanke.customers.graph.store import GROUPS_SCHEMA

GROUP_KINDS: dict[str, tuple[str, str]] = {
    "shares_device": ("共用设备", "Shares a device"),
    "shares_address": ("共用地址", "Shares an address"),
    "shares_phone": ("共用电话", "Shares a telephone"),
}
"""What is shared, with its titles."""


@dataclass(frozen=True, slots=True)
class Groups:
    """`table`: kind, group, customer, size, huge; of a group larger than the cap only the first members are
    listed and `huge` is true. `sizes`: by kind, the size of each customer's largest group, 0 for none."""

    table: pa.Table
    sizes: dict[str, NDArray[np.int32]]


def find_groups(
    connection: duckdb.DuckDBPyConnection,
    relations: Mapping[str, str],
    as_of: dt.date,
    rules: GraphRules,
    customers: int,
) -> Groups:
    """Groups as of a day. `relations`: SQL relations `channel_events` and `parties`, "" or absent for none.

    A device counts when two persons used it within `rules.group_days`. Telephones count when they pass
    their check; blanks in an address are passed over.
    """
    tables, sizes = [], {}
    for kind, seen in _seen_sql(relations, as_of, rules).items():
        sizes[kind] = np.zeros(customers, np.int32)
        if not seen:
            continue
        connection.execute(f"CREATE OR REPLACE TEMP TABLE graph_shared AS {_shared_sql(seen)}")
        tables.append(
            connection.sql(_members_sql(kind, rules.group_cap)).to_arrow_table().cast(GROUPS_SCHEMA)
        )
        largest = connection.sql(
            "SELECT customer, CAST(max(size) AS INTEGER) AS size FROM graph_shared GROUP BY customer"
        ).to_arrow_table()
        sizes[kind][largest["customer"].to_numpy()] = largest["size"].to_numpy()
        connection.execute("DROP TABLE graph_shared")
    return Groups(pa.concat_tables([GROUPS_SCHEMA.empty_table(), *tables]), sizes)


def _seen_sql(relations: Mapping[str, str], as_of: dt.date, rules: GraphRules) -> dict[str, str]:
    """What could be shared: SQL with `customer` (persons only) and `value`, "" where nothing is known."""
    parties, events = relations.get("parties", ""), relations.get("channel_events", "")
    first = as_of - dt.timedelta(days=rules.group_days)
    devices = f"""
        SELECT customer, device AS value FROM {events}
        WHERE device <> '' AND date <= DATE '{as_of.isoformat()}' AND date > DATE '{first.isoformat()}'
          AND customer IN (SELECT customer FROM {parties})
    """
    plain = r"regexp_replace(address, '\s', '', 'g')"
    return {
        "shares_device": devices if parties and events else "",
        "shares_address": f"SELECT customer, {plain} AS value FROM {parties} WHERE {plain} <> ''"
        if parties
        else "",
        "shares_phone": f"SELECT customer, phone AS value FROM {parties} WHERE phone_valid"
        if parties
        else "",
    }


def _shared_sql(seen: str) -> str:
    """Members of every group of two or more. Most values belong to one customer: those fall out first."""
    return f"""
        WITH seen AS ({seen}),
        shared AS (SELECT value FROM seen GROUP BY value HAVING min(customer) < max(customer)),
        pairs AS (SELECT DISTINCT seen.value, seen.customer FROM seen SEMI JOIN shared USING (value)),
        groups AS (
          SELECT value, count(*) AS size,
                 row_number() OVER (ORDER BY min(customer), max(customer), count(*), value) AS "group"
          FROM pairs GROUP BY value
        )
        SELECT "group", size, customer FROM pairs JOIN groups USING (value)
    """


def _members_sql(kind: str, cap: int) -> str:
    return f"""
        SELECT '{kind}' AS kind, CAST("group" AS INTEGER) AS "group", customer, CAST(size AS INTEGER) AS size,
               size > {cap} AS huge
        FROM graph_shared QUALIFY row_number() OVER (PARTITION BY "group" ORDER BY customer) <= {cap}
        ORDER BY "group", customer
    """
