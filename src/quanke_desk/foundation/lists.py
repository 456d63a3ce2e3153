"""A list as every page shows it: columns, order, filters and page stand in the address.

rows = QuerysetSource(Person.objects.all(), {"name": "name", "role": "role"})
listed = listing(request, "people", COLUMNS, rows)                   # with filters: `foundation.filters`
return render(request, "foundation/x.html", {"listed": listed})      # {% include "desk/list.html" %}
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise

from quanke_desk.foundation.filters import Asked, Filter, asked_of, query_of
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.roles import May

PAGE = 50
KINDS = ("text", "number", "money", "share", "day", "moment", "yes", "link")
"""How a value is shown: money is integer fen, a share 0..1; a link is a pair (text, address)."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """One column: `shown` unless the person chooses it; `sorts` where the source can order by it."""

    name: str
    title: Promise | str
    kind: str = "text"
    shown: bool = True
    sorts: bool = True


class Source(Protocol):
    """Where rows come from; what the person filtered by is in it already, and so is his scope."""

    def count(self) -> int:
        """How many rows."""

    def rows(self, order: str, descending: bool, start: int, count: int) -> list[Row]:
        """Rows from `start`, in an order (empty: its own), by names of columns."""


@dataclass
class QuerysetSource:
    """Rows of a queryset: `paths` gives the field of each column that sorts, `row` makes a row of one."""

    found: QuerySet[Any]
    paths: dict[str, str]
    row: Callable[[Any], Row]

    def count(self) -> int:
        """How many rows."""
        return self.found.count()

    def rows(self, order: str, descending: bool, start: int, count: int) -> list[Row]:
        """See Source."""
        found = self.found
        if order in self.paths:
            found = found.order_by(("-" if descending else "") + self.paths[order], "pk")
        return [self.row(record) for record in found[start : start + count]]


@dataclass
class RowsSource:
    """Rows at hand."""

    held: Sequence[Row]

    def count(self) -> int:
        """How many rows."""
        return len(self.held)

    def rows(self, order: str, descending: bool, start: int, count: int) -> list[Row]:
        """See Source; who has no value stands last."""
        held = list(self.held)
        if order:
            there = [r for r in held if r.get(order) is not None]
            there.sort(key=lambda r: r[order], reverse=descending)
            held = there + [r for r in held if r.get(order) is None]
        return held[start : start + count]


@dataclass(frozen=True)
class Listed:
    """One page of a list, for `desk/list.html`."""

    name: str
    columns: tuple[Column, ...]
    rows: list[Row]
    count: int
    number: int
    pages: int
    order: str
    descending: bool
    asked: dict[str, str]
    every: tuple[Column, ...] = ()
    state: Asked = field(default_factory=Asked)
    dense: bool = False
    exports: bool = False
    most: int = 0

    def address(self, **other: str | int | None) -> str:
        """Query of this list with something changed."""
        return "?" + query_of({**self.asked, **{k: v for k, v in other.items() if v is not None}})

    def without(self, names: Sequence[str]) -> str:
        """Query of this list without some of its names; never bare, so that no default view comes back."""
        return "?" + (query_of({k: v for k, v in self.asked.items() if k not in names}) or "page=1")

    @property
    def fields(self) -> list[dict[str, Any]]:
        """Filters for a form: `filter`, `value`, and of a range `low` and `high`, as they were asked."""
        asked = self.asked
        return [
            {
                "filter": f,
                "value": asked.get(f.name, ""),
                "low": asked.get(f.names[0], ""),
                "high": asked.get(f.names[-1], ""),
                "choices": [(str(v), t) for v, t in f.choices],
            }
            for f in self.state.filters
        ]

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What a form of filters hands on as it is: order, columns, density, what is not of this list."""
        of_filters = {n for f in self.state.filters for n in f.names}
        return [(k, v) for k, v in self.asked.items() if k not in of_filters and v]

    @property
    def shown(self) -> frozenset[str]:
        """Names of the columns shown."""
        return frozenset(c.name for c in self.columns)

    @property
    def query(self) -> str:
        """Its query as it stands, for a view to keep or an export to take."""
        return query_of(self.asked)


class Taken(BaseException):
    """A list as an export takes it, instead of the page it would have stood on (`foundation.exports`). No
    Exception, so that no page takes it for a fault of its own."""

    def __init__(
        self, columns: tuple[Column, ...], source: Source, order: str, descending: bool, by: tuple[str, ...]
    ) -> None:
        super().__init__()
        self.columns, self.source, self.by = columns, source, by
        self.order, self.descending = order, descending


def listing(
    request: HttpRequest,
    name: str,
    columns: Sequence[Column],
    source: Source,
    filters: Asked | Sequence[Filter] = (),
) -> Listed:
    """The page of a list that the address asks for: `?page=2&order=-name&cols=name,role`. What cannot be read
    is ignored. `filters` is what `asked_of` read, for a source that is narrowed by it already."""
    state = filters if isinstance(filters, Asked) else asked_of(request, name, filters)
    asked = dict(state.query)
    order = asked.get("order", "")
    descending, by = order.startswith("-"), order.lstrip("-")
    if by not in {c.name for c in columns if c.sorts}:
        by = ""
    shown = _chosen(columns, asked.get("cols", ""))
    if getattr(request, "taking", None) == name:
        used = tuple(f.name for f in state.filters if any(n in state.values for n in f.names))
        raise Taken(shown, source, by, descending, (*used, *([f"order:{by}"] if by else [])))
    count = source.count()
    pages = max(1, -(-count // PAGE))
    given = request.GET.get("page", "1")
    number = min(max(int(given) if given.isdecimal() and len(given) < 9 else 1, 1), pages)
    rows = source.rows(by, descending, (number - 1) * PAGE, PAGE)
    person = request.user
    exports = isinstance(person, Person) and person.may(May.EXPORT)
    most = value("export.rows") if exports else 0
    dense = asked.get("dense") == "1"
    return Listed(
        name, shown, rows, count, number, pages, by, descending, asked,
        tuple(columns), state, dense, exports, most,
    )  # fmt: skip


def _chosen(columns: Sequence[Column], said: str) -> tuple[Column, ...]:
    """Columns the person chose, in the page's order; the page's own choice where none of them is known."""
    wanted = set(said.split(",")) if said else set()
    return tuple(c for c in columns if c.name in wanted) or tuple(c for c in columns if c.shown)
