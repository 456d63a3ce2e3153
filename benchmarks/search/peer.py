"""The same questions in SQL over the same Parquet: what one would use who has DuckDB at hand."""

from __future__ import annotations

from pathlib import Path

import duckdb

LISTED = 20


class InDuckDB:
    """Two threads, views over the files. Numbers are compared as they stand: nothing is folded or keyed."""

    def __init__(self, folder: Path) -> None:
        self.connection = duckdb.connect(config={"threads": 2})
        for name in ("parties", "organisations", "accounts", "cards", "scope"):
            self.connection.execute(
                f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{folder / name}.parquet')"
            )
        self.connection.execute(
            f"CREATE TABLE who AS SELECT customer, party FROM parties UNION ALL "
            f"SELECT customer, party FROM organisations; "
            f"CREATE VIEW names AS SELECT p.customer, p.name, r.reading, r.initials FROM parties AS p "
            f"JOIN read_parquet('{folder / 'readings'}.parquet') AS r USING (name)"
        )

    def ask(self, question: str, text: str) -> tuple[int, list[int]]:
        """How many customers, and the first of them."""
        sql = f"""
            WITH f AS MATERIALIZED (SELECT DISTINCT customer FROM ({QUESTIONS[question]}))
            SELECT (SELECT count(*) FROM f),
                   (SELECT list(customer ORDER BY customer) FROM (FROM f ORDER BY customer LIMIT {LISTED}))
        """
        given = {"t": text}
        if question == "tail":
            given["t"], _, given["tail"] = text.partition(" ")
        row = self.connection.execute(sql, given).fetchall()[0]
        return int(row[0]), list(row[1] or [])

    def close(self) -> None:
        """Let go of the files."""
        self.connection.close()


_HELD = "SELECT w.customer FROM {table} AS t JOIN who AS w USING (party) WHERE t.{column} = $t"
QUESTIONS = {
    "phone": "SELECT customer FROM parties WHERE phone = $t",
    "document": "SELECT customer FROM parties WHERE id_number = $t",
    "party": "SELECT customer FROM parties WHERE party_id = $t",
    "code": "SELECT customer FROM organisations WHERE uscc = $t",
    "account": _HELD.format(table="accounts", column="account_id"),
    "card": _HELD.format(table="cards", column="card_id"),
    "tail": "SELECT customer FROM parties WHERE starts_with(name, $t) AND right(phone, 4) = $tail",
    "name": "SELECT customer FROM parties WHERE name = $t",
    "common_name": "SELECT customer FROM parties WHERE name = $t",
    "surname": "SELECT customer FROM parties WHERE starts_with(name, $t)",
    "prefix": "SELECT customer FROM parties WHERE starts_with(name, $t)",
    "pinyin": "SELECT customer FROM names WHERE starts_with(reading, $t)",
    "initials": "SELECT customer FROM names WHERE initials = $t",
    "organisation": "SELECT customer FROM organisations WHERE contains(name, $t)",
    "trade": "SELECT customer FROM organisations WHERE contains(name, $t)",
    "in_scope": "SELECT customer FROM parties SEMI JOIN scope USING (customer) WHERE starts_with(name, $t)",
}
"""By question: what customers have what is asked."""
