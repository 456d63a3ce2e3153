"""What rows refer to, as relations to join: accounts, parties, products, branches, rates ...

A `Lookup` gives the columns of the row it finds as `<alias>_<column>`; `<alias>_found` says whether it was
found. A required reference to a table of which nothing is loaded refuses the unit; an optional one is not
checked then, and the report says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from quanke.bank.arranged import IDENTITY_TABLES, names_account, names_party, sides
from quanke.bank.contracts import CONTRACTS, Contract
from quanke.bank.home import Home
from quanke.bank.load.rules import enum_name, enum_values
from quanke.bank.session import Connection
from quanke.bank.sql import parquet, quoted
from quanke.kernel.errors import InputError
from quanke.kernel.money import minor_unit_exponent


@dataclass(frozen=True, slots=True)
class Lookup:
    """A left join. `on` maps fields of the row to columns of `relation`; `field` gets the fault."""

    alias: str
    field: str
    relation: str
    on: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]

    @property
    def join(self) -> str:
        """The SQL of the join, over raw cells."""
        equal = " AND ".join(
            f"{self.alias}.{quoted(theirs)} = {quoted('r_' + ours)}" for ours, theirs in self.on
        )
        return f"LEFT JOIN {self.relation} AS {self.alias} ON {equal}"

    @property
    def outputs(self) -> str:
        """What the join adds to each row."""
        found = f"{self.alias}.{quoted(self.on[-1][1])} IS NOT NULL AS {self.alias}_found"
        columns = (f"{self.alias}.{quoted(name)} AS {self.alias}_{name}" for name in self.columns)
        return ", ".join((found, *columns))

    @property
    def fault(self) -> tuple[str, str]:
        """The rule a row breaks that refers to nothing."""
        return "references", f"NOT {self.alias}_found"


@dataclass(slots=True)
class Lookups:
    """All lookups of one contract in the state the home is in, and remarks for the report."""

    joins: list[Lookup] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def faults(self, name: str) -> tuple[tuple[str, str], ...]:
        """Reference rules of a field."""
        return tuple(lookup.fault for lookup in self.joins if lookup.field == name)


def lookups(home: Home, contract: Contract, file: str) -> Lookups:
    """The lookups rows of `contract` need. Raises InputError where a required table is not loaded."""
    found = Lookups()
    for side in sides(contract):
        on = ((f"{side}_source", "source"), (f"{side}_party_id", "party_id"))
        found.joins.append(_party(home, f"p_{side}", f"{side}_party_id", on, file))
    if names_party(contract):
        on = (("source", "source"), ("party_id", "party_id"))
        found.joins.append(_party(home, "p", "party_id", on, file))
    for reference in contract:
        if reference.references:
            _refer(home, contract, reference.name, file, found)
    return found


def _party(home: Home, alias: str, name: str, on: tuple[tuple[str, str], ...], file: str) -> Lookup:
    files = home.numbers("parties")
    if not files:
        raise InputError(
            f"refers to {' or '.join(IDENTITY_TABLES)}, of which nothing is loaded yet",
            file=file,
            field=name,
        )
    relation = f"(SELECT source, party_id, party, customer FROM {parquet(files)})"
    return Lookup(alias, name, relation, on, ("customer", "party"))


def _refer(home: Home, contract: Contract, name: str, file: str, found: Lookups) -> None:
    """Add the lookup of one reference field."""
    reference = contract[name]
    table, column = reference.references.split(".")
    files = home.facts(table)
    if not files:
        if reference.required:
            raise InputError(f"refers to {table}, of which nothing is loaded yet", file=file, field=name)
        found.notes.append(f"{name} was not checked: no {table} are loaded")
        return
    if table == "accounts" and names_account(contract):
        category = f"category::{enum_name(CONTRACTS['accounts']['category'])} AS category"
        currency = f"currency::{enum_name(CONTRACTS['accounts']['currency'])} AS currency"
        relation = f"(SELECT account_id, account, customer, {category}, {currency} FROM {parquet(files)})"
        columns: tuple[str, ...] = ("account", "customer", "category", "currency")
        found.joins.append(Lookup("a", name, relation, ((name, column),), columns))
        return
    extra = ("category",) if table == "products" and contract.name == "holdings" else ()
    names = ", ".join(quoted(item) for item in (column, *extra))
    relation = f"(SELECT {names} FROM {parquet(files)})"
    found.joins.append(Lookup(f"x_{name}", name, relation, ((name, column),), extra))


def account_currencies(home: Home, connection: Connection) -> frozenset[str]:
    """Currencies in which the bank keeps accounts."""
    files = home.facts("accounts")
    if not files:
        return frozenset()
    rows = connection.execute(f"SELECT DISTINCT currency FROM {parquet(files)}").fetchall()
    return frozenset(str(row[0]) for row in rows)


def exponent_sql(currencies: frozenset[str], column: str) -> str:
    """SQL for the decimals of the currency in `column`: a bare digit where all `currencies` have the same."""
    exponents = {currency: minor_unit_exponent(currency) for currency in sorted(currencies)}
    kinds = set(exponents.values())
    if len(kinds) <= 1:
        return str(kinds.pop()) if kinds else "2"
    cases = " ".join(
        f"WHEN '{currency}' THEN {exponent}" for currency, exponent in exponents.items() if exponent != 2
    )
    return f"(CASE {column} {cases} ELSE 2 END)"


def create_code_types(connection: Connection, contract: Contract) -> None:
    """Make the ENUM types that closed code lists are checked with, if they are not there."""
    lists = {enum_name(f): enum_values(f) for f in (*contract, *CONTRACTS["accounts"]) if enum_values(f)}
    for name, values in lists.items():
        listed = ", ".join(f"'{value}'" for value in values)
        connection.execute(f"CREATE TYPE IF NOT EXISTS {name} AS ENUM ({listed})")
