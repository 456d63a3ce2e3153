"""Groups of customers cut out of a published night by an expression: counted, compared, listed, exported.

Counts come from the night's audience index; rows of an export from its profile. `hide_below` hides sizes
below it, and what would tell them by subtraction (0: nothing is hidden).
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from quanke.bank.contracts import Purpose, Sensitivity
from quanke.bank.home import Home
from quanke.engines.duckdb import DIALECT, connect
from quanke.engines.statements import lower
from quanke.engines.store import Night
from quanke.kernel.errors import AudienceError, NightError
from quanke.kernel.money import format_amount
from quanke.language import Catalogue, Expression
from quanke.language.audience import parse_audience
from quanke.language.nodes import Node, Reference, references, walk
from quanke.night.absorbed import without_absorbed
from quanke.night.exports import write_export
from quanke.night.index import open_index
from quanke.night.kept import kept_from_marketing
from quanke.night.saved import expanded
from quanke.night.steps import columns_sql
from quanke.plans.worklist import working_day_after
from quanke.segments.index.hiding import shown, shown_cells, shown_part

if TYPE_CHECKING:
    from quanke.segments.index import AudienceIndex, Members

T = TypeVar("T")
MOST_CELLS = 200
"""Most values an audience is broken down by."""
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def compile_audience(
    text: str, catalogue: Catalogue, night: Night, home: Home, purpose: Purpose = Purpose.SERVICE
) -> Expression:
    """Parse an audience, with `@name` for saved ones, and make sure the night holds what it reads. Raises
    AudienceError."""
    text = expanded(home, text)
    expression = parse_audience(text, catalogue, currency=home.currency, purpose=purpose)
    for node in walk(expression.node):
        name = getattr(node, "name", "")
        if name and (not isinstance(node, Reference) or name not in night.columns):
            raise AudienceError(
                text, max(1, text.find(name) + 1), f"the night of {night.day} has no {name!r}"
            )
    return expression


def _relation(night: Night, names: Sequence[str]) -> str:
    groups = {g: [n for n in held if n in names] for g, held in night.groups.items()}
    groups = {g: held for g, held in groups.items() if held}
    if not groups:
        first = next(iter(night.groups))
        groups = {first: night.groups[first][:1]}
    relation = columns_sql(groups, {g: night.parts(g) for g in groups})
    return without_absorbed(relation, night.path / "absorbed.parquet")


def _condition(expression: Expression, night: Night) -> str:
    def name(node: Node) -> str:
        assert isinstance(node, Reference), node
        return DIALECT.quote(node.name)

    return lower(expression.node, DIALECT, night.day, name)


def members_of(night: Night, *expressions: Expression) -> list[Members]:
    """The customers each expression is true for."""
    return _with_index(night, expressions, lambda index: [index.members(e.node) for e in expressions])


def count_audience(expression: Expression, night: Night) -> int:
    """How many customers the expression is true for."""
    return _with_index(night, [expression], lambda index: index.count(expression.node))


def _with_index(
    night: Night, expressions: Sequence[Expression], ask: Callable[[AudienceIndex], T], *more: str
) -> T:
    names = [*(r.name for e in expressions for r in references(e.node)), *more]
    try:
        return ask(open_index(night, names))
    except OverflowError:
        raise NightError("a value does not fit its type (64 bits for whole numbers and money)") from None


@dataclass(frozen=True)
class Breakdown:
    """An audience by the values of a tag. A size is None where it is hidden; a value nobody has is left
    out."""

    tag: str
    size: int | None
    cells: tuple[tuple[Any, int | None], ...]


def break_down(expression: Expression, night: Night, tag: str, hide_below: int = 0) -> Breakdown:
    """How many of an audience have each value of a tag, None for unknown, in the order of the values; money
    in fen, rates in millionths.

    Raises NightError where the night has no such tag, or it has more than MOST_CELLS values here.
    """
    if tag not in night.columns[1:]:
        raise NightError(f"the night of {night.day} has no tag {tag!r}")

    def ask(index: AudienceIndex) -> list[tuple[Any, int]]:
        return index.breakdown(tag, index.members(expression.node))

    cells = _with_index(night, [expression], ask, tag)
    if len(cells) > MOST_CELLS:
        raise NightError(
            f"{tag} has {len(cells):,} values here: break down by a tag of at most {MOST_CELLS:,}, or band it"
        )
    counts = shown_cells([count for _, count in cells], hide_below)
    size = shown(sum(count for _, count in cells), hide_below)
    if size is None:
        counts = [None] * len(cells)
    return Breakdown(tag, size, tuple((v, n) for (v, _), n in zip(cells, counts, strict=True)))


@dataclass(frozen=True)
class Overlap:
    """Two audiences beside each other. A size is None where it is hidden, and so is what is made of it."""

    first: int | None
    second: int | None
    both: int | None
    customers: int

    @property
    def jaccard(self) -> float | None:
        """Customers in both over customers in either; None where nobody is, or a size is hidden."""
        if self.first is None or self.second is None or self.both is None:
            return None
        either = self.first + self.second - self.both
        return self.both / either if either else None

    @property
    def share(self) -> float | None:
        """Of the first, the share that is in the second as well."""
        return self.both / self.first if self.both is not None and self.first else None

    @property
    def lift(self) -> float | None:
        """How many times as often the second is met in the first as among all customers."""
        if self.share is None or not self.second:
            return None
        return self.share * self.customers / self.second

    def to_json(self) -> dict[str, Any]:
        """Sizes, and shares to six places."""
        told = {"share": self.share, "jaccard": self.jaccard, "lift": self.lift}
        return {
            "first": self.first,
            "second": self.second,
            "both": self.both,
            **{name: None if value is None else round(value, 6) for name, value in told.items()},
        }


def overlap(first: Expression, second: Expression, night: Night, hide_below: int = 0) -> Overlap:
    """Sizes of two audiences and of what they share. The shared size is hidden as well where the rest of
    either would be a small group."""

    def ask(index: AudienceIndex) -> tuple[int, int, int]:
        one = index.members(first.node)
        return len(one), index.count(second.node), index.count(second.node, one)

    a, b, both = _with_index(night, [first, second], ask)
    told = shown_part(both, a, hide_below) if shown_part(both, b, hide_below) is not None else None
    return Overlap(shown(a, hide_below), shown(b, hide_below), told, night.customers)


def sample_audience(expression: Expression, night: Night, size: int, seed: int = 0) -> list[int]:
    """Customer numbers drawn without replacement, everybody with the same chance; the same for one seed."""
    (members,) = members_of(night, expression)
    found: list[int] = members.sample(size, seed).tolist()
    return found


def select_audience(expression: Expression, night: Night, columns: Sequence[str] = ()) -> pa.Table:
    """Customers the expression is true for, in order, with some of their tags."""
    unknown = [c for c in columns if c not in night.columns]
    if unknown:
        raise NightError(f"the night of {night.day} has no {unknown[0]!r}")
    names = [*(r.name for r in references(expression.node)), *columns]
    wanted = ", ".join(DIALECT.quote(c) for c in dict.fromkeys(["customer", *columns]))
    sql = (
        f"SELECT {wanted} FROM {_relation(night, names)} "
        f"WHERE {_condition(expression, night)} ORDER BY customer"
    )
    with connect() as connection:
        return connection.sql(sql).to_arrow_table()


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote: customers, and how many were left out, being controls of marketing."""

    customers: int
    left_out: int


def export_audience(
    text: str,
    expression: Expression,
    night: Night,
    home: Home,
    catalogue: Catalogue,
    target: Path,
    *,
    columns: Sequence[str],
    purpose: Purpose | None,
) -> Exported:
    """Write an audience to a .csv or .parquet file; every export is recorded in the home's journal.

    Columns of class C2 leave only with a stated purpose. For marketing the bank's hold-out and controls of
    campaigns that run on the next working day are left out. Returns how many were written and left out.
    """
    classed = [c for c in columns if catalogue.sensitivity(c) > Sensitivity.C1] if columns else []
    if classed and purpose is None:
        raise NightError(f"{classed[0]} is personal data of class C2: say --purpose, it is recorded")
    if target.suffix not in (".csv", ".parquet"):
        raise NightError(f"{target.name}: an audience is exported as .csv or .parquet")
    table = select_audience(expression, night, columns)
    whole = table.num_rows
    if purpose is Purpose.MARKETING:
        kept = kept_from_marketing(home, table["customer"].to_numpy(), working_day_after(night.day, 1))
        table = table.filter(pa.array(~kept))
    told = {
        "night": night.day.isoformat(),
        "audience": text,
        "columns": list(columns),
        "purpose": str(purpose) if purpose else None,
        "left_out": whole - table.num_rows,
    }
    write_export(home, table, target, told, partial(_write_csv, catalogue=catalogue))
    return Exported(table.num_rows, whole - table.num_rows)


def _write_csv(table: pa.Table, target: Path, catalogue: Catalogue) -> None:
    """CSV with a byte-order mark (spreadsheets), money in major units, and no cell that a spreadsheet
    would take for a formula."""
    money = {n for n in table.column_names if n in catalogue and str(catalogue[n].result.kind) == "money"}
    with target.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(table.column_names)
        for batch in table.to_batches(max_chunksize=65_536):
            columns = [
                [_cell(v, name in money) for v in batch.column(name).to_pylist()]
                for name in table.column_names
            ]
            writer.writerows(zip(*columns, strict=True))


def _cell(value: Any, money: bool) -> Any:
    if money and value is not None:
        return format_amount(value, thousands=False)
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return "'" + value
    return "" if value is None else value
