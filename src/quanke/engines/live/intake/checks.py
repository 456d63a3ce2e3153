"""Events under the rules of their contract: the loader's own rules and words, run on batches in memory.

`quanke.bank.load.checked` writes the rules of a table as one SQL query; here that query is prepared once and
run on Arrow columns, with what the loader finds by joins handed in as columns (`numbers`). A batch costs some
milliseconds plus about three microseconds an event.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quanke.bank.arranged import arranged, names_account, names_party
from quanke.bank.contracts import Contract, FieldType
from quanke.bank.home import Home
from quanke.bank.load.checked import ROW, Checked, assigned, exponent_of
from quanke.bank.load.lookups import Lookup, Lookups, create_code_types
from quanke.bank.load.outputs import output_columns
from quanke.bank.load.quarantine import create_faulty, refused_sql
from quanke.bank.load.rates import rated_step
from quanke.bank.load.rules import cell
from quanke.bank.readers import Kind, SourceColumn, Staged
from quanke.bank.session import Connection, Resources, connect
from quanke.bank.sql import quoted
from quanke.engines.live.intake.arrivals import EVENT_ID, Raw, live_contract
from quanke.engines.live.intake.numbers import Numbers
from quanke.engines.live.intake.plain import plain_columns, plain_source

_RATED_DAYS = 800
"""For how many days an amount in another currency can be converted."""

SHANGHAI = ZoneInfo("Asia/Shanghai")
_AHEAD = 60
"""How many of these lie ahead: how long one process may go on."""


@dataclass(frozen=True, slots=True)
class _Arrived(Staged):
    """Rows that stand in memory under a name."""

    name: str = ""

    @property
    def relation(self) -> str:
        """The registered rows."""
        return quoted(self.name)


@dataclass(frozen=True, slots=True)
class _Known(Lookup):
    """A lookup whose outcome stands in columns of the rows already."""

    @property
    def join(self) -> str:
        """Nothing to join."""
        return ""

    @property
    def outputs(self) -> str:
        """Nothing to add."""
        return ""


@dataclass(frozen=True, slots=True)
class Taken:
    """Rows of one table that keep the rules, and those that do not.

    `good` has the table's arranged columns (`balances`: `balance` and `at` for `delta`), `#event` (its
    number), `#place` (which record of the reading it was), `#id` and `#content` (hashes of its number and of
    all it says); `refused` the columns of a quarantine file and `#place`.
    """

    table: str
    good: pa.Table
    refused: pa.Table


class _Slot:
    """What a prepared statement reads: whatever rows stand here when it is run.

    Registering each batch anew would bind and plan the statement anew, some thirty milliseconds every time.
    """

    def __init__(self, rows: pa.Table) -> None:
        self.rows = rows

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.rows.__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> object:
        return self.rows.schema.__arrow_c_schema__()


@dataclass(frozen=True, slots=True)
class _Form:
    """How the columns of a batch are: amounts in minor units or not, all plain and typed or all text."""

    minor: bool
    plain: bool

    def columns(self, contract: Contract) -> tuple[SourceColumn, ...]:
        """What the rules are told of them."""
        if self.plain:
            return tuple(plain_source(contract, name, self.minor) for name in contract.by_name)
        money = [f.name for f in contract if f.type is FieldType.MONEY] if self.minor else []
        names = [f"{name}_fen" if name in money else name for name in contract.by_name]
        return tuple(SourceColumn(name, Kind.TEXT, "VARCHAR") for name in names)


_ARROW = {
    "VARCHAR": pa.string(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "BIGINT": pa.int64(),
    "BOOLEAN": pa.bool_(),
    "DECIMAL(18,2)": pa.decimal128(18, 2),
}


@dataclass(frozen=True, slots=True)
class _Unit:
    """The rules of one table over one set of columns, where its rows are put, and what judges them."""

    checked: Checked
    slot: _Slot
    statement: str


class Checks:
    """The rules of all live tables, prepared. Get one from `open_checks`."""

    def __init__(self, connection: Connection, home: Home, numbers: Numbers, last: dt.date) -> None:
        self._connection = connection
        self._home = home
        self.numbers = numbers
        self._last = last
        self._rates: str | None = None
        self._units: dict[tuple[str, _Form], _Unit] = {}

    def __call__(self, raw: Raw, rows: pa.Table, resolved: dict[str, pa.Array], unit: str) -> list[Taken]:
        """Judge the rows: as they came, `normal`, and with what `Numbers.resolved` says of each. `unit` is
        what the quarantine calls the source they came from."""
        money = [f.name for f in live_contract(raw.table) if f.type is FieldType.MONEY]
        minor = pc.is_valid(rows[f"{money[0]}_fen"]) if money else pa.scalar(False)
        some, every = (pc.any(minor).as_py(), pc.all(minor).as_py()) if money else (False, False)
        if not some or every:
            return [self._judge(raw, rows, resolved, bool(some), unit)]
        return [
            self._judge(
                raw.take(mask),
                rows.filter(mask),
                {n: c.filter(mask) for n, c in resolved.items()},
                whole,
                unit,
            )
            for mask, whole in ((minor, True), (pc.invert(minor), False))
        ]

    def _judge(
        self, raw: Raw, rows: pa.Table, resolved: dict[str, pa.Array], minor: bool, unit: str
    ) -> Taken:
        contract = live_contract(raw.table)
        plain = plain_columns(contract, rows, minor)
        found = None
        if plain is not None:
            _, found = self._run(contract, _Form(minor, True), plain, resolved)
        if found is None or not pc.all(found["#good"]).as_py():
            # What is refused is told as it came: judged as text.
            form = _Form(minor, False)
            names = [
                f"{n}_fen" if minor and contract[n].type is FieldType.MONEY else n for n in contract.by_name
            ]
            checked, found = self._run(contract, form, {n: rows[n] for n in names}, resolved)
            create_faulty(self._connection, checked)
        good = found.filter(found["#good"]).drop_columns(["#good"]).sort_by("#row")
        refused = _NONE_REFUSED
        if good.num_rows < rows.num_rows:
            refused = placed(self._connection.sql(refused_sql(checked, unit)).to_arrow_table(), raw)
        at = good["#row"]
        good = good.drop_columns(["#row"]).append_column("#place", raw.places.take(at))
        for name in ("#id", "#content"):
            good = good.append_column(name, rows[name].take(at))
        return Taken(raw.table, good, refused)

    def _run(
        self, contract: Contract, form: _Form, columns: dict[str, pa.Array], resolved: dict[str, pa.Array]
    ) -> tuple[Checked, pa.Table]:
        """The rules over columns of a form: every row with its values, and whether it is good."""
        known = self._units.get((contract.name, form)) or self._prepare(contract, form)
        rows = next(iter(columns.values()))
        given = columns | {"#row": pa.array(np.arange(len(rows)))} | resolved
        given["#latest"] = pa.repeat(pa.scalar(self._latest()), len(rows))
        known.slot.rows = pa.table(given, schema=known.slot.rows.schema)
        return known.checked, self._connection.sql(known.statement).to_arrow_table()

    def _prepare(self, contract: Contract, form: _Form) -> _Unit:
        """The rules of a table over columns of a form, and the statement that runs them."""
        name = f"{contract.name}_{'fen' if form.minor else 'units'}_{'plain' if form.plain else 'text'}"
        checked, slot = self._checked(contract, form, name)
        outputs = output_columns(checked, 0) if contract.name != "balances" else _BALANCE_OUTPUTS
        types = {c.name: c.type for c in arranged(contract.name)} | _BALANCE_TYPES
        selected = [f"{sql}::{types[column]} AS {quoted(column)}" for column, sql in outputs.items()]
        event = EVENT_ID if contract.name == "balances" else contract.key[0]
        selected.append(f"{quoted('v_' + event)}::VARCHAR AS {quoted('#event')}")
        selected.append(f"{ROW}, {checked.good} AS {quoted('#good')}")
        query = f"{checked.ctes()} SELECT {', '.join(selected)} FROM checked"
        self._connection.execute(f"PREPARE judge_{name} AS {query}")
        known = self._units[contract.name, form] = _Unit(checked, slot, f"EXECUTE judge_{name}")
        return known

    def _checked(self, contract: Contract, form: _Form, name: str) -> tuple[Checked, _Slot]:
        columns = form.columns(contract)
        staged = _Arrived("", Path(), columns, 0, quoted("#row"), name=f"arrived_{name}")
        create_code_types(self._connection, contract)
        sources, _ = assigned(contract, staged)
        exponent = exponent_of(self._home, self._connection, contract)
        cells = {f.name: cell(f, sources.get(f.name), exponent) for f in contract}
        too_late = ("range", f"v_date > {quoted('#latest')}")
        cells["date"] = replace(cells["date"], faults=(*cells["date"].faults, too_late))
        texts = pa.table({f.name: pa.array([], pa.string()) for f in contract})
        resolved = self.numbers.resolved(contract, texts)
        empty = pa.table(
            {c.name: pa.array([], _ARROW[c.type]) for c in columns}
            | {"#row": pa.array([], pa.int64())}
            | resolved
            | {"#latest": pa.array([], pa.date32())}
        )
        slot = _Slot(empty)
        self._connection.register(staged.name, slot)
        checked = Checked(contract, staged, cells, self._lookups(contract))
        checked.resolved = (*resolved, "#latest")
        if contract.name == "transactions":
            checked.rated = self._rated()
        return checked, slot

    def _latest(self) -> dt.date:
        """The last day an event may be of. The clock's own next day is allowed for: systems of the bank may
        run a little ahead. (A clock in the SQL itself would have it planned anew for every batch.)"""
        return max(self._last, dt.datetime.now(SHANGHAI).date() + dt.timedelta(1))

    def _rated(self) -> str:
        """The step that converts amounts, its rates as rows in memory: a statement that reads a temporary
        table is planned anew for every batch."""
        if self._rates is None:
            last = self._latest() + dt.timedelta(_AHEAD)
            first = last - dt.timedelta(_RATED_DAYS)
            span = f"SELECT unnest([DATE '{first}', DATE '{last}']) AS day_of_span"
            self._rates = rated_step(self._home, self._connection, span, "day_of_span")
            if self._rates:
                held = self._connection.sql("FROM daily_rates").to_arrow_table()
                self._connection.execute("DROP TABLE daily_rates")
                self._connection.register("daily_rates", held)
        return self._rates

    def _lookups(self, contract: Contract) -> Lookups:
        joins: list[Lookup] = []
        if names_party(contract):
            joins.append(_Known("p", "party_id", "", (), ("customer", "party")))
        if names_account(contract):
            columns = ("account", "customer", "category", "currency")
            joins.append(_Known("a", "account_id", "", (), columns))
        for field in contract:
            table = field.references.split(".")[0]
            if table in self.numbers.others:
                joins.append(_Known(f"x_{field.name}", field.name, "", (), ()))
        return Lookups(joins)


_BALANCE_OUTPUTS = {
    "customer": "a_customer",
    "account": "a_account",
    "date": "v_date",
    "balance": "v_balance",
    "category": "a_category",
    "currency": "a_currency",
    "at": "v_at",
}

_BALANCE_TYPES = {"balance": "BIGINT", "at": "TIMESTAMP"}

_NONE_REFUSED = pa.table({})


def placed(refused: pa.Table, raw: Raw) -> pa.Table:
    """Refused rows with the file and row they stood at, in the order of the reading."""
    refused = refused.sort_by("row")
    at = refused["row"]
    told = {"row": pa.array(raw.row, pa.int64()).take(at), "file": pa.repeat(raw.file, len(at))}
    for name, column in told.items():
        refused = refused.set_column(refused.column_names.index(name), name, column)
    return refused.append_column("#place", raw.places.take(at))


@contextmanager
def open_checks(home: Home, numbers: Numbers, last: dt.date, memory: str = "500MB") -> Iterator[Checks]:
    """The checks of a home, while the block lasts. `last` is the latest day an event may be of.

    One thread: a batch is small, and threads would only wait for each other.
    """
    with (
        tempfile.TemporaryDirectory(prefix="quanke-live-") as scratch,
        connect(Path(scratch), Resources(memory, 1), last) as connection,
    ):
        yield Checks(connection, home, numbers, last)
