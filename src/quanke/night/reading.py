"""One customer's rows of the bank's tables, read as points: what a page of one customer asks.

Arranged tables are sorted by customer in row groups with their bounds, so a customer's rows are in one or two
row groups of a file, whatever its size. Footers are kept in memory (a file that is there never changes; a
snapshot is replaced by a rename), and only the columns asked for are decoded. Where the night made small
batches of a file (`quanke.night.batches`), they are read instead.

Who is who may be seen otherwise than when rows were loaded (`quanke.bank.arranged`): rows are looked for
under every number a record of the customer was loaded with, and those of records that are another's now are
left out. Of tables that name accounts and no records, the account says whose they are.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from quanke.bank.arranged import arranged
from quanke.bank.home import Home
from quanke.bank.survivorship import Survivorship
from quanke.customers.golden import GoldenField, golden_of, golden_record, masked
from quanke.customers.survivorship import SURVIVORSHIP
from quanke.engines.store import Night
from quanke.kernel.errors import InputError, NightError
from quanke.night.batches import read_batches

Ints: TypeAlias = NDArray[np.int32]
_MANY = 1_000
"""So many customers are looked up among the moved by one pass over those."""
_FOOTERS = 512
"""Files whose footers are kept; a year of monthly files of every table is fewer."""


_Told = dict[str, tuple[list[str], list[Survivorship]]]


@lru_cache(maxsize=16)
def _told(fields: frozenset[str]) -> _Told:
    """By table the columns the rules read that choose some golden fields, and none of the rest, most of which
    is text; and those rules. Which document counts decides whose others are believed: its rule is always
    there."""
    found = {}
    for table in ("parties", "organisations"):
        rules = [r for r in SURVIVORSHIP[table] if {*fields, "id_number"} & set(r.fields)]
        read = [n for r in rules for n in (*r.fields, *(step.field for step in r.order if step.field))]
        known = {column.name for column in arranged(table)}
        found[table] = (["source", "party_id", *dict.fromkeys(n for n in read if n in known)], rules)
    return found


@lru_cache(maxsize=1)
def _of_persons() -> frozenset[str]:
    """Golden fields that are told of every person."""
    return frozenset(name for rule in SURVIVORSHIP["parties"] for name in rule.fields)


class _Footers:
    """Footers of files with the bounds of `customer` in each row group, the last used kept."""

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[str, int, int], tuple[pq.FileMetaData, Ints, Ints]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, path: Path, by: str) -> tuple[pq.FileMetaData, Ints, Ints]:
        """Footer, least and greatest customer of each row group (`by` stands first in the file)."""
        stat = path.stat()
        key = (str(path), stat.st_mtime_ns, stat.st_size)
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        footer = pq.read_metadata(path)
        place = footer.schema.names.index(by)
        bounds = [footer.row_group(g).column(place).statistics for g in range(footer.num_row_groups)]
        least = np.array([b.min if b is not None and b.has_min_max else -1 for b in bounds], np.int32)
        most = [b.max if b is not None and b.has_min_max else np.iinfo(np.int32).max for b in bounds]
        held = (footer, least, np.array(most, np.int32))
        with self._lock:
            self._held[key] = held
            while len(self._held) > _FOOTERS:
                self._held.popitem(last=False)
        return held


_footers = _Footers()


class Reading:
    """Point reads of one night's customers in a home's tables as they are now."""

    def __init__(self, night: Night, home: Home) -> None:
        self.night, self.home = night, home

    def rows(self, table: str, customer: int, columns: Sequence[str] | None = None) -> pa.Table:
        """A customer's rows of a table, with `columns` (default: all). Raises NightError for a number the
        night does not have, InputError for a table that names no customer."""
        return self.rows_of(table, [customer], columns)

    def rows_of(
        self, table: str, customers: Collection[int], columns: Sequence[str] | None = None
    ) -> pa.Table:
        """Rows of some customers, each under the number he goes by in this night."""
        names = [column.name for column in arranged(table)]
        if "customer" not in names:
            raise InputError(f"{table} names no customer", field="table")
        wanted = names if columns is None else list(dict.fromkeys(["customer", *columns]))
        own = "party" if "party" in names else "account" if "account" in names else ""
        numbers = np.array(sorted(set(map(int, customers))), np.int32)
        if len(numbers) and not 0 <= numbers[0] <= numbers[-1] < self.night.rows:
            raise NightError(f"the night of {self.night.day} has no customer of that number")
        loaded, touched = self._loaded(numbers)
        read = list(dict.fromkeys([*wanted, *([own] if own and touched else [])]))
        found = [
            piece
            for file in self.home.facts(table)
            if (piece := _piece(self.home, table, file, loaded, read)) is not None and piece.num_rows
        ]
        rows = _together(found, read)
        rows = self._now(rows, numbers, own) if touched else rows
        return rows.select(wanted)

    def golden(self, customer: int) -> list[GoldenField]:
        """The golden record of a customer: each field with the record and the rule it comes from."""
        return golden_record(self.rows("parties", customer), self.rows("organisations", customer))

    def names(self, customers: Collection[int]) -> dict[int, str]:
        """Names of customers by number, - where nobody knows one. Values of class C2."""
        return {c: str(f.value) if f else "-" for c, f in self._names(customers).items()}

    def masked_names(self, customers: Collection[int]) -> dict[int, str]:
        """The same, masked as somebody sees them who may not see the whole."""
        return {c: str(masked(f).value) if f else "-" for c, f in self._names(customers).items()}

    def closing(self, customer: int) -> dict[int, int]:
        """End-of-day balances of a customer's accounts as last delivered, in minor units of the account's
        currency, by account number; an account without one is left out."""
        accounts = np.sort(self.rows("accounts", customer, ["account"])["account"].to_numpy()).astype(
            np.int32
        )
        path = self.home.path / "levels/balances/closing.parquet"
        rows = _pieces(path, accounts, ["account", "balance"], "account") if path.exists() else None
        if rows is None:
            return {}
        return dict(zip(rows["account"].to_pylist(), rows["balance"].to_pylist(), strict=True))

    def golden_fields(
        self, customers: Collection[int], fields: Collection[str]
    ) -> dict[int, dict[str, GoldenField]]:
        """Some fields of the golden record of each customer, by name: those that are told of his kind of
        records. Values as their class says. Raises NightError for a number the night does not have."""
        wanted, of = frozenset(fields), _told(frozenset(fields))
        his: list[dict[int, list[dict[str, Any]]]] = []
        asked: Collection[int] = customers
        for table, (columns, _rules) in of.items():
            by_customer: dict[int, list[dict[str, Any]]] = {}
            his.append(by_customer)
            for row in self.rows_of(table, asked, columns).to_pylist() if asked else ():
                by_customer.setdefault(row["customer"], []).append(row)
            if wanted <= _of_persons():  # whoever is a person as well has all of them from that
                asked = [customer for customer in asked if customer not in by_customer]
        rules = {table: chosen for table, (_columns, chosen) in of.items()}
        return {
            customer: {
                field.name: field
                for field in golden_of(*(each.get(customer, ()) for each in his), rules=rules)
                if field.name in wanted
            }
            for customer in customers
        }

    def _names(self, customers: Collection[int]) -> dict[int, GoldenField | None]:
        found = {c: fields.get("name") for c, fields in self.golden_fields(customers, ("name",)).items()}
        return {c: name if name is not None and name.value else None for c, name in found.items()}

    @cached_property
    def _moved(self) -> tuple[Ints, Ints, Ints]:
        """Records that are another customer than they were loaded with: party (rising), now, loaded."""
        path = self.night.path / "moved.parquet"
        if not path.exists():
            none = np.zeros(0, np.int32)
            return none, none, none
        table = pq.read_table(path).sort_by("party")
        party, now = table["party"].to_numpy(), table["customer"].to_numpy()
        loaded = np.full(len(party), -1, np.int32)
        for file in self.home.numbers("parties"):
            given = pq.read_table(file, columns=["party", "customer"], filters=pc.field("party").isin(party))
            loaded[np.searchsorted(party, given["party"].to_numpy())] = given["customer"].to_numpy()
        return party, now, loaded

    def _loaded(self, customers: Ints) -> tuple[Ints, bool]:
        """The numbers under which rows of customers were loaded, and whether any record of theirs moved."""
        by_now, by_loaded = self._moved_sorted
        to = _equal_to(by_now[0], customers)
        touched = bool(len(to)) or bool(len(_equal_to(by_loaded, customers)))
        from_ = by_now[1][to]
        return np.unique(np.concatenate([customers, from_[from_ >= 0]])).astype(np.int32), touched

    @cached_property
    def _moved_sorted(self) -> tuple[tuple[Ints, Ints], Ints]:
        """Moved records once more: who each is now (rising) with whom it was loaded as; whom they were loaded
        as, rising. A base of millions has hundreds of thousands, and a page asks about a few customers."""
        _, now, loaded = self._moved
        order = np.argsort(now, kind="stable")
        return (now[order].astype(np.int32), loaded[order].astype(np.int32)), np.sort(loaded)

    def _now(self, rows: pa.Table, customers: Ints, own: str) -> pa.Table:
        """Rows under the number each goes by now, without those that are another's."""
        held = rows["customer"].to_numpy().astype(np.int32)
        if own == "party":
            who = self._customer_of(rows["party"].to_numpy(), held)
        elif own == "account":
            accounts = self.rows_of("accounts", customers.tolist(), ["account"])
            known = accounts["account"].to_numpy()
            order = np.argsort(known, kind="stable")
            at = np.searchsorted(known[order], rows["account"].to_numpy())
            there = at < len(known)
            there[there] = known[order][at[there]] == rows["account"].to_numpy()[there]
            who = np.full(len(held), -1, np.int32)
            who[there] = accounts["customer"].to_numpy()[order][at[there]]
        else:
            who = held
        rows = rows.set_column(rows.column_names.index("customer"), "customer", pa.array(who, pa.int32()))
        return rows.filter(pa.array(np.isin(who, customers)))

    def _customer_of(self, parties: NDArray[np.int32], loaded: Ints) -> Ints:
        """The customer each record is now."""
        party, now, _ = self._moved
        who = loaded.copy()
        if len(party):
            at = np.minimum(np.searchsorted(party, parties), len(party) - 1)
            hit = party[at] == parties
            who[hit] = now[at[hit]]
        return who


def _equal_to(rising: Ints, numbers: Ints) -> NDArray[np.int64]:
    """Places in a rising array of what is one of some numbers: quickest for few of them."""
    if len(numbers) > _MANY:
        return np.flatnonzero(np.isin(rising, numbers))
    low, high = np.searchsorted(rising, numbers, side="left"), np.searchsorted(rising, numbers, side="right")
    places = [np.arange(a, b) for a, b in zip(low.tolist(), high.tolist(), strict=True) if b > a]
    return np.concatenate(places) if places else np.zeros(0, np.int64)


def rows_of_records(home: Home, table: str, parties: Ints, loaded: Ints) -> pa.Table:
    """Rows of a table that names records, of some of them: `parties`, loaded under the numbers `loaded`."""
    names = [column.name for column in arranged(table)]
    keys, found = np.unique(loaded).astype(np.int32), []
    for file in home.facts(table):
        piece = _piece(home, table, file, keys, names)
        if piece is not None and piece.num_rows:
            found.append(piece.filter(pa.array(np.isin(piece["party"].to_numpy(), parties))))
    return _together(found, names)


def _together(found: list[pa.Table], columns: list[str]) -> pa.Table:
    if found:
        return pa.concat_tables(found, promote_options="permissive")
    empty = [(n, pa.int32() if n in ("customer", "party", "account") else pa.null()) for n in columns]
    return pa.schema(empty).empty_table()


def _piece(home: Home, table: str, file: Path, loaded: Ints, columns: list[str]) -> pa.Table | None:
    found = read_batches(home, table, file, loaded, columns)
    return _pieces(file, loaded, columns) if found is None else found


def _pieces(path: Path, customers: Ints, columns: Sequence[str], by: str = "customer") -> pa.Table | None:
    """Rows of a file whose `by` is one of `customers` (rising); null where no row group can have any."""
    if not len(customers):
        return None
    footer, least, most = _footers.of(path, by)
    first = np.searchsorted(customers, least, side="left")
    groups = np.flatnonzero(
        (first < len(customers)) & (customers[np.minimum(first, len(customers) - 1)] <= most)
    )
    if not len(groups):
        return None
    with pq.ParquetFile(path, metadata=footer) as file:
        there = set(file.schema_arrow.names)
        keys = pa.array(customers, pa.int32())
        found = []
        for group in groups.tolist():
            which = pc.is_in(file.read_row_group(group, [by], use_threads=False)[by], keys)
            places = np.flatnonzero(which.to_numpy())
            if not len(places):
                continue
            low, high = int(places[0]), int(places[-1]) + 1
            rest = [n for n in columns if n in there]
            rows = file.read_row_group(group, rest, use_threads=False).slice(low, high - low)
            found.append(rows.filter(which.combine_chunks().slice(low, high - low)))
    return pa.concat_tables(found) if found else None
