"""The graph of a night as files that are mapped, not read: links, an index from each end, arrays by customer.

    graph/graph.json            format, day, counts, branches
    graph/links.arrow           links (Arrow IPC, uncompressed), sorted by from_customer, kind, to_customer
    graph/ahead.npy             links of customer c are rows ahead[c] to ahead[c + 1] - 1
    graph/back.npy              links to customer c are places back[c] to back[c + 1] - 1 of
    graph/back_<name>.npy       the links once more, sorted by to_customer, kind, from_customer
    graph/<name>.npy            one value per customer (`People`)
    graph/members.npy           (household, customer) of households of two or more, sorted
    graph/bodies.arrow          organisations: customer, kind, headcount, name
    graph/groups.arrow          shared devices, addresses, telephones: for risk only

Opening maps the files; a question touches the pages it needs. Equal inputs give equal bytes.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quanke.bank.contracts import Purpose
from quanke.customers.graph.derive import OPEN, Links
from quanke.customers.graph.kinds import KINDS, PARTY_KINDS
from quanke.customers.graph.sides import UNDER_14, Side, Sides, Touching
from quanke.kernel.errors import NightError, QuankeError

FORMAT = 1
PIECES: dict[str, int] = {"account": 1, "card": 2, "wages": 4, "mobile": 8, "wealth": 16}
"""What a customer may have here, as bits of `People.flags`: an open account, an open card, wages paid in,
a login to the mobile bank in 90 days, a wealth product or fund."""
SHARING, MARKETABLE = 64, 128
"""Further bits beside `UNDER_14`: consent to sharing in force; may be marketed to by some means."""
PERSON_CODE = PARTY_KINDS.index("person")
_EPOCH = dt.date(1970, 1, 1)
_MINORS_HIDDEN = frozenset({Purpose.MARKETING, Purpose.STATISTICS})
"""Purposes that see no link of a person under 14 (domain.md PI-3, PI-4)."""


@dataclass(frozen=True, slots=True)
class People:
    """One value per customer, by number.

    `kind`: places in `PARTY_KINDS`, uint8. `flags`: bits above, uint16. `branch`: places in the store's
    branches, -1 for none, int32. `aum`: fen, int64. `household`: smallest customer of the household, -1 for
    organisations, int32. `won_body`, `won_government`: the body and the government body that brought the
    customer, -1 for none, int32.
    """

    kind: NDArray[np.uint8]
    flags: NDArray[np.uint16]
    branch: NDArray[np.int32]
    aum: NDArray[np.int64]
    household: NDArray[np.int32]
    won_body: NDArray[np.int32]
    won_government: NDArray[np.int32]


GROUPS_SCHEMA = pa.schema(
    [("kind", pa.string()), ("group", pa.int32()), ("customer", pa.int32()), ("size", pa.int32()),
     ("huge", pa.bool_())]
)  # fmt: skip
BODIES_SCHEMA = pa.schema(
    [("customer", pa.int32()), ("kind", pa.string()), ("headcount", pa.int64()), ("name", pa.string())]
)


def write_store(
    folder: Path,
    day: dt.date,
    links: Links,
    people: People,
    *,
    members: NDArray[np.int32],
    bodies: pa.Table,
    branches: tuple[str, ...],
    groups: pa.Table,
    split: int = 0,
) -> None:
    """Write everything into `folder`, which must not be there yet; it stands there whole or not at all.

    `members`: shape (n, 2), household and customer, sorted. `bodies` and `groups` have the schemas above.
    `split`: how many groups of relatives were cut for being too large.
    """
    beside = folder.with_name(folder.name + ".making")
    beside.mkdir()
    count = len(people.kind)
    key = links.second.astype(np.int64) * len(KINDS) + links.kind
    rows = np.argsort(key, kind="stable").astype(np.int32)
    del key
    _save(beside, "ahead", _offsets(links.first, count))
    _save(beside, "back", _offsets(links.second, count))
    _save(beside, "back_rows", rows)
    for name in _BACK:
        _save(beside, f"back_{name}", getattr(links, name)[rows])
    for each in fields(People):
        _save(beside, each.name, getattr(people, each.name))
    _save(beside, "members", members)
    _write_arrow(beside / "links.arrow", _link_table(links))
    _write_arrow(beside / "bodies.arrow", bodies.cast(BODIES_SCHEMA).sort_by("customer"))
    _write_arrow(beside / "groups.arrow", groups.cast(GROUPS_SCHEMA))
    sheet = {
        "format": FORMAT,
        "day": day.isoformat(),
        "customers": count,
        "links": len(links),
        "households_split": split,
        "branches": list(branches),
    }
    (beside / "graph.json").write_text(
        json.dumps(sheet, ensure_ascii=False, indent=2) + "\n", encoding="utf-8"
    )
    beside.rename(folder)


def _save(folder: Path, name: str, array: NDArray[Any]) -> None:
    np.save(folder / f"{name}.npy", np.ascontiguousarray(array), allow_pickle=False)


def _offsets(sorted_or_not: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    """Where each customer's links begin, with one more place at the end."""
    found = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(sorted_or_not, minlength=count), out=found[1:])
    return found


def _write_arrow(path: Path, table: pa.Table) -> None:
    batches = table.combine_chunks().to_batches()
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def _nullable(values: NDArray[Any], of: pa.DataType, known: NDArray[np.bool_]) -> pa.Array:
    """An array that is null where a value is not known, with the value still standing under the null."""
    bits = pa.array(known).buffers()[1]
    return pa.Array.from_buffers(of, len(values), [bits, pa.py_buffer(values)], null_count=-1)


def _link_table(links: Links) -> pa.Table:
    names = pa.array([kind.name for kind in KINDS])
    evidences = pa.array(list(links.evidences), pa.string())
    return pa.table(
        {
            "from_customer": pa.array(links.first),
            "to_customer": pa.array(links.second),
            "kind": pa.DictionaryArray.from_arrays(pa.array(links.kind), names),
            "from_date": pa.array(links.since).view(pa.date32()),
            "to_date": _nullable(links.until, pa.date32(), links.until != OPEN),
            "evidence": pa.DictionaryArray.from_arrays(pa.array(links.evidence), evidences),
            "strength": pa.array(links.strength),
            "months": _nullable(links.months, pa.int32(), links.months >= 0),
            "amount": _nullable(links.amount, pa.int64(), links.amount >= 0),
            "last_seen": _nullable(links.last_seen, pa.date32(), links.last_seen >= 0),
        }
    )


def _view(table: pa.Table, name: str, of: type) -> NDArray[Any]:
    """A column's values as they lie in the file, nulls or not."""
    if table.num_rows == 0:
        return np.zeros(0, of)
    array = table[name].chunk(0)
    if pa.types.is_dictionary(array.type):
        array = array.indices
    return np.frombuffer(array.buffers()[1], of, count=len(array))


_BACK = ("first", "kind", "since", "until", "strength")
"""What the second order of links repeats, so that links to a customer lie together as well."""


@dataclass(frozen=True)
class GraphStore:
    """The graph of one night, mapped read-only. Open it with `GraphStore.open`."""

    path: Path
    day: dt.date
    links: Links
    people: People
    sides: Sides
    members: NDArray[np.int32]
    branches: tuple[str, ...]

    @classmethod
    def open(cls, path: Path | str) -> GraphStore:
        """Map the graph in a folder. Raises NightError where there is none, or one of another format."""
        path = Path(path)
        try:
            sheet = json.loads((path / "graph.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise NightError("the night holds no graph: compute a later day with this Quanke") from None
        if sheet.get("format") != FORMAT:
            raise NightError("the night's graph is of another format: read it with the Quanke that wrote it")

        def array(name: str) -> NDArray[Any]:
            return np.asarray(np.load(path / f"{name}.npy", mmap_mode="r", allow_pickle=False))

        links = _mapped_links(path / "links.arrow")
        ahead = Side(array("ahead"), links.second, links.kind, links.since, links.until, links.strength, None)
        back = Side(
            offsets=array("back"),
            other=array("back_first"),
            kind=array("back_kind"),
            since=array("back_since"),
            until=array("back_until"),
            strength=array("back_strength"),
            rows=array("back_rows"),
        )
        people = People(**{each.name: array(each.name) for each in fields(People)})
        return cls(
            path,
            dt.date.fromisoformat(sheet["day"]),
            links,
            people,
            Sides(ahead, back, people.flags),
            array("members"),
            tuple(sheet["branches"]),
        )

    @property
    def customers(self) -> int:
        """How many customers there are; their numbers run from 0."""
        return len(self.people.kind)

    @cached_property
    def bodies(self) -> pa.Table:
        """The organisations: customer, kind, headcount, name; by customer."""
        return _mapped(self.path / "bodies.arrow")

    @cached_property
    def groups(self) -> pa.Table:
        """Groups of persons who share a device, an address or a telephone. For risk and compliance only:
        read it through `Graph.groups`, which asks for the purpose."""
        return _mapped(self.path / "groups.arrow")

    def body(self, customer: int) -> dict[str, Any]:
        """Kind, headcount and name of an organisation; empty where it is none."""
        numbers = self.bodies["customer"].to_numpy()
        place = int(np.searchsorted(numbers, customer))
        if place == len(numbers) or numbers[place] != customer:
            return {}
        found: dict[str, Any] = self.bodies.slice(place, 1).to_pylist()[0]
        return found

    def kind_of(self, customer: int) -> str:
        """Kind of a customer: person, business, government ..."""
        return PARTY_KINDS[int(self.people.kind[customer])]

    def check(self, customer: int) -> int:
        """The number itself. Raises QuankeError where no customer has it."""
        if not 0 <= customer < self.customers:
            raise QuankeError(f"the graph of {self.day} has no customer of that number")
        return customer

    def day_number(self, on: dt.date | None) -> int:
        """A day as days since 1970; None is the graph's day. Raises QuankeError for a later one."""
        if on is not None and on > self.day:
            raise QuankeError(f"the graph knows links up to {self.day} only")
        return ((on or self.day) - _EPOCH).days

    def touching(
        self,
        customers: NDArray[np.int32],
        codes: tuple[int, ...],
        day: int,
        purpose: Purpose,
        most: int | None = None,
    ) -> Touching:
        """Links that touch the customers, of some kinds, that hold on a day (days since 1970) and may be seen
        for a purpose; of each customer at most `most`, the strongest first (`Sides.touching`)."""
        return self.sides.touching(customers, codes, day, most, hide_minors=purpose in _MINORS_HIDDEN)

    def link_table(self, rows: NDArray[np.int64]) -> pa.Table:
        """Links as Arrow, with their dates, evidence and what was seen."""
        links = self.links
        until, months, amount, last = (
            a[rows] for a in (links.until, links.months, links.amount, links.last_seen)
        )
        evidences = pa.array(list(links.evidences), pa.string())
        return pa.table(
            {
                "from_customer": pa.array(links.first[rows]),
                "to_customer": pa.array(links.second[rows]),
                "kind": pa.array([kind.name for kind in KINDS]).take(pa.array(links.kind[rows])),
                "from_date": pa.array(links.since[rows]).view(pa.date32()),
                "to_date": pa.array(until, mask=until == OPEN).view(pa.date32()),
                "evidence": evidences.take(pa.array(links.evidence[rows])),
                "strength": pa.array(links.strength[rows]),
                "months": pa.array(months, mask=months < 0),
                "amount": pa.array(amount, mask=amount < 0),
                "last_seen": pa.array(last, mask=last < 0).view(pa.date32()),
            }
        )


def _mapped(path: Path) -> pa.Table:
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def _mapped_links(path: Path) -> Links:
    table = _mapped(path)
    evidences = tuple(table["evidence"].chunk(0).dictionary.to_pylist()) if table.num_rows else ()
    return Links(
        first=_view(table, "from_customer", np.int32),
        second=_view(table, "to_customer", np.int32),
        kind=_view(table, "kind", np.uint8),
        since=_view(table, "from_date", np.int32),
        until=_view(table, "to_date", np.int32),
        strength=_view(table, "strength", np.float32),
        evidence=_view(table, "evidence", np.int32),
        months=_view(table, "months", np.int32),
        amount=_view(table, "amount", np.int64),
        last_seen=_view(table, "last_seen", np.int32),
        evidences=evidences,
    )


def no_groups() -> pa.Table:
    """No groups at all."""
    return GROUPS_SCHEMA.empty_table()


def no_bodies() -> pa.Table:
    """No organisations at all."""
    return BODIES_SCHEMA.empty_table()


__all__ = [
    "BODIES_SCHEMA",
    "GROUPS_SCHEMA",
    "MARKETABLE",
    "PERSON_CODE",
    "PIECES",
    "SHARING",
    "UNDER_14",
    "GraphStore",
    "People",
    "Touching",
    "no_bodies",
    "no_groups",
    "write_store",
]
