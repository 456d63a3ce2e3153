"""What a night reads, as Spark's views: the home's tables under the customers of today, groups of the profile
that are made, values of the earlier night."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from quanke.bank.contracts import CONTRACTS
from quanke.engines.duckdb.relations import arrow_type
from quanke.engines.spark.engine import DIALECT
from quanke.engines.spark.relations import (
    arranged_columns,
    balances_sql,
    fact_sql,
    foreign_balances_sql,
    make_view,
    stored_columns,
    write_rows,
)
from quanke.engines.store import Night
from quanke.engines.store.files import write_parquet
from quanke.kernel.money import minor_unit_exponent
from quanke.language import Catalogue
from quanke.night.inputs import NOT_FACTS
from quanke.night.moved import LISTED, by_account, by_party
from quanke.night.steps import Run, reaching

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class SparkInputs:
    """Views of one night. They name files; nothing is read before a statement asks."""

    def __init__(self, session: SparkSession, run: Run) -> None:
        self.session, self.run = session, run
        self._relations: dict[str, str] = {}

    def write_moved(self) -> None:
        """Copy the rows of moved records under the customer they belong to today, as on DuckDB."""
        run, folder = self.run, self.run.working.file("moved")
        register = run.inputs.register
        moved = register.moved
        if len(moved) == 0:
            return
        folder.mkdir(exist_ok=True)
        numbers = pa.table({"party": pa.array(moved), "customer": pa.array(register.customer[moved])})
        write_parquet(folder / "parties.parquet", numbers)
        parties = self.stored("q_moved_parties", [folder / "parties.parquet"])
        loaded = sorted({int(number) for number in register.loaded[moved]})
        among = f"t.customer IN ({', '.join(map(str, loaded))})" if len(loaded) <= LISTED else "true"
        accounts = self._moved_accounts(folder / "accounts.parquet", parties, among)
        for table in CONTRACTS:
            if by_party(table):
                self._copy_rows(table, "party", parties, among, folder)
            elif by_account(table) and accounts:
                self._copy_rows(table, "account", accounts, "true", folder)

    def _moved_accounts(self, target: Path, parties: str, among: str) -> str:
        """A view (account, customer) of the accounts of moved records; "" where there are none."""
        if not target.exists():
            view = self._loaded("accounts")
            if not view:
                return ""
            held = self.session.sql(
                f"SELECT t.account, m.customer FROM {view} AS t JOIN {parties} AS m ON m.party = t.party "
                f"WHERE {among} ORDER BY t.account"
            ).toArrow()
            if not held.num_rows:
                return ""
            write_parquet(target, held.cast(pa.schema([("account", pa.int32()), ("customer", pa.int32())])))
        return self.stored("q_moved_accounts", [target])

    def _copy_rows(self, table: str, key: str, known: str, among: str, folder: Path) -> None:
        target, view = folder / f"rows-{table}.parquet", self._loaded(table)
        if not view or target.exists():
            return
        columns = ", ".join("m.customer" if c == "customer" else f"t.`{c}`" for c in arranged_columns(table))
        rows = self.session.sql(
            f"SELECT {columns} FROM {view} AS t JOIN {known} AS m ON m.{key} = t.{key} WHERE {among}"
        )
        write_rows(rows, target)
        if not any(pq.read_metadata(file).num_rows for file in target.glob("*.parquet")):
            shutil.rmtree(target)

    def relation(self, table: str) -> str:
        """A view of a table's rows with the customers of today; "" where nothing was handed over."""
        if table not in self._relations:
            self._relations[table] = self._with_moved(table)
        return self._relations[table]

    def _with_moved(self, table: str) -> str:
        view, folder = self._loaded(table), self.run.working.file("moved")
        rows = folder / f"rows-{table}.parquet"
        if not view or not rows.exists():
            return view
        key, known = ("party", "parties") if by_party(table) else ("account", "accounts")
        gone = self.stored(f"q_moved_{known}", [folder / f"{known}.parquet"])
        here = make_view(
            self.session, f"q_moved_{table}", sorted(rows.glob("*.parquet")), arranged_columns(table)
        )
        columns = ", ".join(f"t.`{c}`" for c in arranged_columns(table))
        self.session.sql(
            f"SELECT {columns} FROM {view} AS t LEFT ANTI JOIN {gone} AS k ON k.{key} = t.{key} "
            f"UNION ALL SELECT {columns} FROM {here} AS t"
        ).createOrReplaceTempView(f"q_now_{table}")
        return f"q_now_{table}"

    def _loaded(self, table: str) -> str:
        files = self.run.inputs.files(table)
        return make_view(self.session, f"q_{table}", files, arranged_columns(table)) if files else ""

    def stored(self, name: str, files: Sequence[Path]) -> str:
        """A view over files that a night wrote."""
        return make_view(self.session, name, files, stored_columns(pq.read_schema(files[0])))

    def write_foreign(self, target: Path) -> None:
        """Valued changes of foreign accounts; no file where there are none."""
        balances, own = self.relation("balances"), self.run.inputs.home.currency
        if not balances:
            return
        found = self.session.sql(
            f"SELECT DISTINCT currency FROM {balances} WHERE currency <> '{own}' ORDER BY currency"
        ).toArrow()["currency"]
        if not len(found):
            return
        exponents = {c: minor_unit_exponent(c) for c in found.to_pylist()}
        day = self.run.day.isoformat()
        sql = foreign_balances_sql(balances, self._loaded("fx_rates"), own, day, exponents)
        write_rows(self.session.sql(sql), target)

    def facts(self, low: int, high: int) -> dict[str, str]:
        """The fact tables for customers `low <= customer < high`."""
        target, foreign = self.run.working.file("foreign.parquet"), ""
        if target.exists():
            columns = {"customer": "INT", "account": "INT", "date": "DATE", "delta": "BIGINT"}
            more = {"category": "STRING", "currency": "STRING"}
            foreign = make_view(self.session, "q_foreign", [target], {**columns, **more})
        facts = {t: fact_sql(t, self.relation(t), low, high) for t in CONTRACTS if t not in NOT_FACTS}
        own = self.run.inputs.home.currency
        facts["balances"] = balances_sql(self.relation("balances"), foreign, own, low, high)
        return facts

    def made(self, group: str, parts: range) -> str:
        """A view of a group of the profile that is made."""
        files = [self.run.working.part(group, part) for part in parts]
        return self.stored(f"q_made_{group}", files)

    def columns(self, done: Mapping[str, Sequence[str]], names: Iterable[str], parts: range) -> str:
        """The columns `names` out of the groups of `done` as one relation with `customer`; "" for none."""
        wanted = set(names)
        held = {g: [n for n in columns if n in wanted] for g, columns in done.items()}
        return _joined({self.made(g, parts): columns for g, columns in held.items() if columns})

    def before(self, night: Night | None, catalogue: Catalogue, names: Sequence[str], parts: range) -> str:
        """Values of an earlier night for the customers of parts. What that night did not hold, or held as
        another type, is unknown; "" without a night."""
        if night is None or not names:
            return ""
        low, high = self.run.inputs.reach(parts[0])[0], self.run.inputs.reach(parts[-1])[1]
        held: dict[str, list[str]] = {}
        for group, columns in night.groups.items():
            schema = pq.read_schema(night.parts(group)[0])
            for name in columns:
                if name in names and schema.field(name).type == arrow_type(catalogue[name].result):
                    held.setdefault(group, []).append(name)
        views = {
            self.stored(f"q_before_{g}", reaching(night, g, low, high)): columns
            for g, columns in held.items()
        }
        inner = _joined(views) or "(SELECT CAST(NULL AS INT) AS customer WHERE false)"
        there = {n for columns in held.values() for n in columns}
        absent = "".join(
            f", CAST(NULL AS {DIALECT.sql_type(catalogue[n].result)}) AS {DIALECT.quote(n)}"
            for n in names
            if n not in there
        )
        return f"(SELECT *{absent} FROM {inner} WHERE customer >= {low} AND customer < {high})"


def _joined(views: Mapping[str, Sequence[str]]) -> str:
    """Columns of several views as one relation with `customer`; "" for none."""
    sides = [
        f"(SELECT customer, {', '.join(map(DIALECT.quote, columns))} FROM {view})"
        for view, columns in views.items()
    ]
    if not sides:
        return ""
    joined = "".join(f" JOIN {side} AS s{i} USING (customer)" for i, side in enumerate(sides[1:], 1))
    return f"(SELECT * FROM {sides[0]} AS s0{joined})"
