"""The same questions in DuckDB over the same links, and in networkx where the graph is small."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import networkx as nx
import numpy as np
import pyarrow as pa

from benchmarks.graph.synthetic import NOW, Bank
from quanke.bank.contracts import Purpose
from quanke.customers.graph.derive import COLUMNS
from quanke.customers.graph.kinds import KINDS, MEMBER_CODES, allowed_codes
from quanke.customers.graph.store import PERSON_CODE, PIECES

SEEN = allowed_codes(Purpose.SERVICE)
WHOLE = PIECES["account"] | PIECES["card"] | PIECES["mobile"]


class InDuckDB:
    """A database file with the links in the store's order, and an index on either end."""

    def __init__(self, path: Path, bank: Bank) -> None:
        path.unlink(missing_ok=True)
        self.connection = duckdb.connect(str(path), config={"threads": 2})
        table = pa.table({n: pa.array(getattr(bank.links, n)) for n in COLUMNS})
        people = pa.table(
            {
                "customer": pa.array(np.arange(len(bank.people.kind), dtype=np.int32)),
                "flags": pa.array(bank.people.flags),
                "kind": pa.array(bank.people.kind),
            }
        )
        self.connection.register("given", table)
        self.connection.register("everybody", people)
        self.connection.execute("CREATE TABLE links AS FROM given")
        self.connection.execute("CREATE TABLE people AS FROM everybody")
        for name, of, column in (
            ("ahead", "links", "first"),
            ("behind", "links", "second"),
            ("who", "people", "customer"),
        ):
            self.connection.execute(f"CREATE INDEX {name} ON {of} ({column})")

    def reach(self, body: int) -> dict[str, int]:
        """How many people of a body are in each state."""
        ends = {
            side: ", ".join(str(c) for c in MEMBER_CODES if KINDS[c].member == side and c in SEEN)
            for side in (1, 2)
        }
        held = f"since <= {NOW} AND until > {NOW}"
        rows = self.connection.execute(f"""
            WITH members AS (
              SELECT second AS customer FROM links WHERE first = {body} AND kind IN ({ends[2]}) AND {held}
              UNION SELECT first FROM links WHERE second = {body} AND kind IN ({ends[1]}) AND {held}
            )
            SELECT CASE WHEN flags & 1 = 0 THEN 'not_customer' WHEN flags & {WHOLE} = {WHOLE} THEN 'full'
                        ELSE 'partly' END AS state, count(*)
            FROM members JOIN people USING (customer) WHERE people.kind = {PERSON_CODE} GROUP BY state
        """).fetchall()
        return {"full": 0, "partly": 0, "not_customer": 0, **dict(rows)}

    def around(self, customer: int, fan_out: int, limit: int) -> tuple[dict[int, int], int]:
        """Customers within two links with their depth, and the number of links between them."""
        kinds = ", ".join(map(str, SEEN))
        held = f"kind IN ({kinds}) AND since <= {NOW} AND until > {NOW}"

        def step(frontier: str) -> str:
            return f"""
                SELECT first, second, kind, since, near, other, strength FROM (
                  SELECT first, second, kind, since, strength, first AS near, second AS other, 0 AS side
                  FROM links WHERE first IN (SELECT customer FROM {frontier}) AND {held}
                  UNION ALL
                  SELECT first, second, kind, since, strength, second, first, 1
                  FROM links WHERE second IN (SELECT customer FROM {frontier}) AND {held}
                ) QUALIFY row_number() OVER (
                  PARTITION BY near ORDER BY strength DESC, side, kind, other, since) <= {fan_out}
            """

        rows = self.connection.execute(f"""
            WITH begin AS (SELECT {customer}::INTEGER AS customer),
            one AS MATERIALIZED ({step("begin")}),
            near AS MATERIALIZED (
              SELECT other AS customer FROM one WHERE other <> {customer} GROUP BY other
              ORDER BY max(strength) DESC, other LIMIT {limit - 1}),
            two AS MATERIALIZED ({step("near")}),
            known AS (SELECT customer, 0 AS depth FROM begin UNION ALL SELECT customer, 1 FROM near),
            far AS MATERIALIZED (
              SELECT other AS customer FROM two WHERE other NOT IN (SELECT customer FROM known) GROUP BY other
              ORDER BY max(strength) DESC, other LIMIT {limit - 1} - (SELECT count(*) FROM near)),
            nodes AS (FROM known UNION ALL SELECT customer, 2 FROM far),
            kept AS (
              SELECT DISTINCT first, second, kind, since FROM (
                FROM one WHERE other IN (SELECT customer FROM known)
                UNION ALL FROM two WHERE other IN (SELECT customer FROM nodes)))
            SELECT customer, depth, (SELECT count(*) FROM kept) FROM nodes
        """).fetchall()
        return {int(c): int(d) for c, d, _ in rows}, int(rows[0][2])

    def close(self) -> None:
        """Leave the file."""
        self.connection.close()


class InNetworkx:
    """Every link that holds as an edge in memory."""

    def __init__(self, bank: Bank) -> None:
        self.graph: nx.MultiDiGraph = nx.MultiDiGraph()
        self.flags = bank.people.flags.tolist()
        self.person = (bank.people.kind == PERSON_CODE).tolist()
        links = bank.links
        held = (links.since <= NOW) & (links.until > NOW)
        names = ("first", "second", "kind")
        self.graph.add_nodes_from(range(len(self.flags)))
        self.graph.add_edges_from(zip(*(getattr(links, n)[held].tolist() for n in names), strict=True))
        self.plain = nx.Graph(self.graph)

    def reach(self, body: int) -> dict[str, int]:
        """How many people of a body are in each state."""
        members = {o for _, o, k in self.graph.out_edges(body, keys=True) if KINDS[k].member == 2}
        members |= {o for o, _, k in self.graph.in_edges(body, keys=True) if KINDS[k].member == 1}
        found = {"full": 0, "partly": 0, "not_customer": 0}
        for member in members:
            if self.person[member]:
                flags = self.flags[member]
                state = "not_customer" if not flags & 1 else "full" if flags & WHOLE == WHOLE else "partly"
                found[state] += 1
        return found

    def around(self, customer: int) -> dict[int, int]:
        """Customers within two links, without limits."""
        near: Any = nx.single_source_shortest_path_length(self.plain, customer, cutoff=2)
        return dict(near)
