"""What a night reads: the home's tables, prepared for the engines."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import duckdb

from quanke.bank.contracts import CONTRACTS
from quanke.bank.home import Home
from quanke.customers.register import Register, register_of
from quanke.customers.survivorship import SOURCE_PRIORITY, SURVIVORSHIP
from quanke.engines.duckdb.golden import customers_sql
from quanke.engines.duckdb.relations import (
    balances_sql,
    fact_sql,
    files_sql,
    foreign_balances_sql,
)
from quanke.engines.statements import Sources
from quanke.kernel.money import minor_unit_exponent
from quanke.night.moved import moved_relation

BUCKET = 262_144
"""Customers computed at a time: about 0.4 GB of working memory at 15 movements a customer a year."""


@dataclass(frozen=True)
class Inputs:
    """The tables of a home as they are now. `customers` is how many customer numbers are given; `register`
    says who is who, and `moved` is the folder of rows that are read under another customer than they were
    loaded with (None where nobody asks for it)."""

    home: Home
    customers: int
    bucket: int
    register: Register
    moved: Path | None = None

    @property
    def parts(self) -> int:
        """How many parts the profile has."""
        return max(1, -(-self.customers // self.bucket))

    def reach(self, part: int) -> tuple[int, int]:
        """Customer numbers of a part: first, and one after the last."""
        return part * self.bucket, min(self.customers, (part + 1) * self.bucket)

    def files(self, table: str) -> list[Path]:
        """Accepted files of a table, in a fixed order."""
        return self.home.facts(table)

    def relation(self, table: str) -> str:
        """SQL of a table's rows with the customers of today; empty where nothing was handed over."""
        files = self.files(table)
        if not files:
            return ""
        return files_sql(files) if self.moved is None else moved_relation(table, files, self.moved)

    def fingerprint(self) -> dict[str, str]:
        """Digest of what was loaded, by table."""
        digests = {}
        for table in CONTRACTS:
            units = [
                (u.unit, str(u.business_date), u.fingerprint, u.taken, u.replay_of)
                for u in self.home.book(table)
            ]
            digests[table] = hashlib.sha256(json.dumps(units).encode()).hexdigest()[:16]
        return digests

    def sources(
        self,
        part: int,
        golden: Path,
        foreign: Path | None,
        models: str = "",
        profile: str = "",
        before: str = "",
        ranks: str = "",
        graph: str = "",
        scores: str = "",
    ) -> Sources:
        """SQL relations of one part for the planner."""
        low, high = self.reach(part)
        facts = {t: fact_sql(t, self.relation(t), low, high) for t in CONTRACTS if t not in NOT_FACTS}
        facts["balances"] = balances_sql(self.relation("balances"), foreign, self.home.currency, low, high)
        return Sources(facts, files_sql([golden]), models, profile, before, ranks, graph, scores)


NOT_FACTS = frozenset(
    [
        "branches",
        "staff",
        "posts",
        "tenures",
        "owner_choices",
        "products",
        "product_values",
        "fx_rates",
        "parties",
        "organisations",
        "identity_decisions",
        "relations",
        "balances",
        # what advice is made of: read by the step of proposals, and by no definition
        "risk_assessments",
        "sales",
        "advice_answers",
    ]
)


def inputs_of(home: Home, bucket: int = BUCKET) -> Inputs:
    """The home's tables as they are now."""
    return Inputs(home, home.counts().customers, bucket, register_of(home))


def write_golden(
    inputs: Inputs,
    part: int,
    fields: Collection[str],
    connection: duckdb.DuckDBPyConnection,
    target: Path,
) -> None:
    """One golden row per customer of a part, with the `fields` that are asked for."""
    parties, organisations = inputs.relation("parties"), inputs.relation("organisations")
    sql = customers_sql(parties, organisations, SURVIVORSHIP, SOURCE_PRIORITY, *inputs.reach(part), fields)
    _copy(connection, sql, target)


def write_foreign(inputs: Inputs, as_of: str, connection: duckdb.DuckDBPyConnection, target: Path) -> bool:
    """Valued changes of foreign accounts; False (and no file) where there are none."""
    balances = inputs.relation("balances")
    if not balances:
        return False
    own = inputs.home.currency
    found = connection.execute(
        f"SELECT DISTINCT currency FROM {balances} WHERE currency <> '{own}' ORDER BY currency"
    ).fetchall()
    if not found:
        return False
    exponents = {c: minor_unit_exponent(c) for (c,) in found}
    _copy(connection, foreign_balances_sql(balances, inputs.files("fx_rates"), own, as_of, exponents), target)
    return True


def _copy(connection: duckdb.DuckDBPyConnection, sql: str, target: Path) -> None:
    beside = target.with_name(target.name + ".part")
    connection.execute(f"COPY ({sql}) TO '{beside}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 32768)")
    beside.replace(target)
