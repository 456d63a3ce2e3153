"""One unit under all rules of its contract, as SQL that DuckDB runs in one scan.

The query is built in steps, each a CTE over the one before: `src` (raw cells `r_<field>`), `joined` (what
the row refers to, see `lookups`), `typed` (values `v_<field>`), `checked` (`f_<field>`: the code of the
first rule the cell breaks, 0 if none). A row is good if every `f_` is 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from quanke.bank.arranged import names_account
from quanke.bank.contracts import Contract, Field, FieldType
from quanke.bank.home import Home
from quanke.bank.load.lookups import Lookups, account_currencies, exponent_sql, lookups
from quanke.bank.load.rates import rated_step
from quanke.bank.load.rules import LARGEST_MONEY, Cell, cell, fault, refusal
from quanke.bank.readers import Kind, SourceColumn, Staged
from quanke.bank.session import Connection
from quanke.bank.sql import quoted
from quanke.kernel.errors import InputError
from quanke.kernel.money import currency_exponents

ROW = '"#row"'


@dataclass(slots=True)
class Checked:
    """A staged unit with its rules.

    `rated` is the step that converts amounts (empty where there is nothing to convert), `dropped` a table of
    numbers (row) of rows that are duplicates, `resolved` columns of the staged rows that say already what
    lookups would say (`<alias>_found`, `<alias>_<column>`).
    """

    contract: Contract
    staged: Staged
    cells: dict[str, Cell]
    lookups: Lookups
    rated: str = ""
    dropped: str = ""
    resolved: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)

    @property
    def source(self) -> str:
        """A SELECT of raw cells with their row number."""
        raws = "".join(f", {c.raw} AS {quoted('r_' + name)}" for name, c in self.cells.items())
        raws += "".join(f", {quoted(name)}" for name in self.resolved)
        return f"SELECT {self.staged.row_sql} AS {ROW}{raws} FROM {self.staged.relation}"

    def ctes(self) -> str:
        """The WITH clause whose last step is `checked`."""
        joins = self.lookups.joins
        outputs = "".join(f", {join.outputs}" for join in joins if join.outputs)
        values = "".join(f", {c.value} AS {quoted('v_' + name)}" for name, c in self.cells.items())
        faults = "".join(f", {self._fault(c)} AS {quoted('f_' + name)}" for name, c in self.cells.items())
        steps = [
            f"src AS ({self.source})",
            f"joined AS (SELECT src.*{outputs} FROM src {' '.join(join.join for join in joins)})",
            f"typed AS (SELECT *{values} FROM joined)",
        ]
        last = "typed"
        if self.rated:
            steps.append(f"rated AS ({self.rated})")
            last = "rated"
        steps.append(f"checked AS (SELECT *{faults} FROM {last})")
        return "WITH " + ", ".join(steps)

    def _fault(self, cell_: Cell) -> str:
        extra = self.lookups.faults(cell_.field.name)
        if self.rated and cell_.field.name == "amount":
            too_large = f"home_amount IS NULL OR home_amount > {LARGEST_MONEY}"
            extra = (*extra, ("fx_rate", "fx_missing"), ("range", too_large))
        return fault(cell_, extra)

    @property
    def good(self) -> str:
        """The condition of a row that is taken."""
        conditions = [f"{quoted('f_' + name)} = 0" for name, c in self.cells.items() if self._fault(c) != "0"]
        if self.dropped:
            conditions.append(f"{ROW} NOT IN (SELECT row FROM {self.dropped})")
        return " AND ".join(conditions) or "true"

    def key_values(self) -> list[str]:
        """The values of the contract's key, over raw cells."""
        return [self.cells[name].value for name in self.contract.key]


def checked_unit(home: Home, connection: Connection, contract: Contract, staged: Staged) -> Checked:
    """The unit with the rules of its contract. Raises InputError for a fault of whole columns."""
    sources, notes = assigned(contract, staged)
    found = lookups(home, contract, staged.file)
    exponent = "2"
    if any(f.type is FieldType.MONEY for f in contract):
        exponent = exponent_of(home, connection, contract)
    cells = {f.name: cell(f, sources.get(f.name), exponent) for f in contract}
    unit = Checked(contract, staged, cells, found, notes=[*staged.notes, *notes, *found.notes])
    if contract.name == "transactions":
        unit.rated = rated_step(home, connection, unit.source, unit.cells["date"].value)
    return unit


def exponent_of(home: Home, connection: Connection, contract: Contract) -> str:
    """Decimals of the amounts of a table: of the row's account, of its own currency, or of the home's."""
    if names_account(contract) and contract["account_id"].required:
        return exponent_sql(account_currencies(home, connection), "a_currency")
    if "currency" in contract.by_name:
        return exponent_sql(frozenset(currency_exponents()), '"r_currency"')
    return exponent_sql(frozenset({home.currency}), "")


def assigned(contract: Contract, staged: Staged) -> tuple[dict[str, SourceColumn], list[str]]:
    """Which source column is which field, and remarks. Names count without case and blanks around them."""
    by_name = {column.name.strip().lower(): column for column in staged.columns}
    found: dict[str, SourceColumn] = {}
    for f in contract:
        column = _column(f, by_name, staged.file)
        if column is None:
            if f.required:
                raise InputError(_missing(f), file=staged.file, field=f.name)
            continue
        reason = refusal(f, column)
        if reason:
            raise InputError(reason, file=staged.file, field=f.name)
        found[f.name] = column
    used = {column.name for column in found.values()}
    unknown = sorted(column.name for column in staged.columns if column.name not in used)
    absent = [f.name for f in contract if f.name not in found]
    notes = [f"columns not in the contract, left out: {', '.join(unknown)}"] if unknown else []
    if absent:
        notes.append(f"optional columns not handed over: {', '.join(absent)}")
    return found, notes


def _missing(f: Field) -> str:
    minor = f" (or {f.name}_fen)" if f.type is FieldType.MONEY else ""
    return f"the file has no such column{minor}, and it is required"


def _column(f: Field, by_name: dict[str, SourceColumn], file: str) -> SourceColumn | None:
    column = by_name.get(f.name)
    if f.type is not FieldType.MONEY:
        return column
    minor = by_name.get(f"{f.name}_fen")
    if column is not None and minor is not None:
        raise InputError(f"stands beside {f.name}_fen; hand over one of them", file=file, field=f.name)
    if minor is not None and minor.kind is Kind.FLOAT:
        raise InputError(
            "is a floating-point column; minor units are whole numbers", file=file, field=f"{f.name}_fen"
        )
    return minor or column
