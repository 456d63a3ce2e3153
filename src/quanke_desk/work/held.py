"""What a night holds for the posts, kept in memory: its list of the morning, and what is due of each book.

A published night never changes, so what was read of it stays right; of one home and one night at a time.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from string import Formatter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from quanke.kernel.errors import NightError
from quanke.night.planned import Planned, filled_in
from quanke.plans.worklist import working_day_after
from quanke_desk.customers.words import in_words
from quanke_desk.foundation.analytic import Base, base

TOLD_OF = 4_000
"""Rows of customers kept in memory: the lists of a hundred posts."""
DUE, BIRTHDAY, MATURITY = "contact", "birthday", "maturity"
EPOCH = dt.date(1970, 1, 1)
NEVER = np.iinfo(np.int32).max


@dataclass
class Diary:
    """What is due of customers somebody looks after, in the order of posts: `post` (its code), `customer`,
    `day` (days since 1970), `kind`, and for a contact why (`why`, a code of `contact_due_for`)."""

    post: NDArray[np.int32]
    customer: NDArray[np.int32]
    day: NDArray[np.int32]
    kind: NDArray[np.int8]
    why: NDArray[np.int32]


TEXTS = ("title", "because", "script")
KINDS = (DUE, BIRTHDAY, MATURITY)


@dataclass
class Held:
    """The plan of one night, and what is due."""

    base: Base
    planned: Planned | None
    _ahead: tuple[NDArray[np.int32], pa.Table] | None = None
    _rows: OrderedDict[int, dict[str, Any]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def morning(self) -> dt.date:
        """The day the list is for: the working day after the night."""
        return working_day_after(self.base.day, 1)

    @cached_property
    def _list(self) -> tuple[pa.Table, list[str], NDArray[np.int64], NDArray[np.int32]]:
        """The list, its posts in order with where each begins, and its customers."""
        assert self.planned is not None
        table = pq.read_table(self.planned.path("worklist.parquet"))
        posts = np.array(table["post"].to_pylist(), dtype=object)
        change = np.flatnonzero(np.append(True, posts[1:] != posts[:-1])) if len(posts) else np.zeros(0, int)
        return (
            table,
            [str(p) for p in posts[change]],
            np.append(change, len(posts)),
            table["customer"].to_numpy(),
        )

    def lines(self, post: str) -> list[dict[str, Any]]:
        """The morning of a post, in order; empty where it has none."""
        if self.planned is None:
            return []
        table, _, begins, _ = self._list
        at = self._places.get(post)
        if at is None:
            return []
        return table.slice(begins[at], begins[at + 1] - begins[at]).to_pylist()  # type: ignore[no-any-return]

    def planned_for(self) -> NDArray[np.int32]:
        """Customers who are on a list of the morning."""
        return self._list[3] if self.planned is not None else np.zeros(0, np.int32)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {post: n for n, post in enumerate(self._list[1])}

    def lines_of(self, customers: Sequence[int]) -> list[dict[str, Any]]:
        """Lines about some customers, under whatever post."""
        if self.planned is None or not customers:
            return []
        table, _, _, numbers = self._list
        found = np.flatnonzero(np.isin(numbers, np.array(customers)))
        return table.take(pa.array(found)).to_pylist()  # type: ignore[no-any-return]

    def row(self, customer: int) -> dict[str, Any]:
        """The columns of a customer that a list or a card shows."""
        with self._lock:
            held = self._rows.get(customer)
            if held is not None:
                self._rows.move_to_end(customer)
                return held
        held = self._read(customer)
        with self._lock:
            self._rows[customer] = held
            while len(self._rows) > TOLD_OF:
                self._rows.popitem(last=False)
        return held

    def _read(self, customer: int) -> dict[str, Any]:
        if self._ahead is not None:
            numbers, table = self._ahead
            at = int(np.searchsorted(numbers, customer))
            if at < len(numbers) and numbers[at] == customer:
                found: dict[str, Any] = table.slice(at, 1).to_pylist()[0]
                return found
        return self.base.row(customer, self._columns)

    def read_ahead(self) -> None:
        """Reads the rows of everybody who is on a list or in the diary, part by part: a tenth of a customer
        base at most, and no list has to wait for forty rows of forty parts."""
        try:
            numbers = np.unique(np.concatenate([self.planned_for(), self.diary.customer])).astype(np.int32)
            tables, bucket = [], self.base.night.bucket
            for part in range(-(-self.base.night.rows // bucket)):
                mine = numbers[(numbers >= part * bucket) & (numbers < (part + 1) * bucket)]
                if len(mine):
                    tables.append(self._part(part, pa.array(mine - part * bucket)))
            if tables:
                self._ahead = numbers, pa.concat_tables(tables).combine_chunks()
        except (NightError, OSError):
            return  # the home was taken away: rows are read one by one, as before

    def _part(self, part: int, offsets: pa.Array) -> pa.Table:
        pieces = {}
        for group, names in self.base.night.groups.items():
            here = [name for name in names if name in self._columns]
            if here:
                with pq.ParquetFile(self.base.night.parts(group)[part]) as file:
                    table = file.read(columns=here, use_threads=False).take(offsets)
                pieces.update({name: table[name] for name in here})
        return pa.table({name: pieces[name] for name in sorted(pieces)})

    @cached_property
    def _columns(self) -> list[str]:
        told = {n for a in self.planned.actions for n in a.told} if self.planned is not None else set()
        return sorted((told | set(SHOWN)) & self.base.known)

    def words(self, customer: int, action: str, english: bool) -> dict[str, str]:
        """`title`, `because`, `script` of an action with the customer's own figures, `approval`, `means`,
        `purpose`. Raises NightError for an action this night does not know."""
        sheet = self.action(action)
        row, language = self.row(customer), "en" if english else "zh"
        named = {n for t in TEXTS for _, n, _, _ in Formatter().parse(sheet[f"{t}_{language}"]) if n}
        shown = {n: self._shown(n, row[n]) for n in named if n in row}
        texts = {n: filled_in(sheet[f"{n}_{language}"], shown) for n in TEXTS}
        return {**texts, **{n: sheet[n] for n in ("approval", "means", "purpose", "offer", "by")}}

    def action(self, name: str) -> dict[str, Any]:
        """An action as the night offered it. Raises NightError."""
        found = self.actions.get(name)
        if found is None:
            raise NightError(f"the plan of {self.base.day} has no action {name!r}")
        return found

    @cached_property
    def actions(self) -> dict[str, dict[str, Any]]:
        """Actions of the night by name, as plain data."""
        return {} if self.planned is None else {a["name"]: a for a in self.planned.sheet["actions"]}

    def _shown(self, name: str, value: Any) -> str:
        from quanke.night.explain import show

        return in_words(name, show(value, self.base.bank.catalogue[name], self.base.bank.home.currency))

    @cached_property
    def diary(self) -> Diary:
        """What is due in the next weeks: read once a night, five columns of everybody."""
        wanted = [n for n in ("contact_due_on", "next_maturity_on", "birthday_7d") if n in self.base.known]
        post, _ = self.base.codes("owner_post")
        table = self.base.night.read(wanted) if wanted else None
        why = self.base.codes("contact_due_for")[0] if "contact_due_for" in self.base.known else None
        owned = (post >= 0) & self.base.there
        parts = []
        for kind, name in enumerate(("contact_due_on", "birthday_7d", "next_maturity_on")):
            if table is None or name not in table.column_names:
                continue
            day = _days(table[name], self.morning)
            until = (self.morning - EPOCH).days + AHEAD
            at = np.flatnonzero(owned & (day <= until)).astype(np.int32)
            parts.append((at, day[at], np.full(len(at), kind, np.int8)))
        at, day, kinds = (
            np.concatenate([p[n] for p in parts]) if parts else np.zeros(0, np.int32) for n in range(3)
        )
        order = np.lexsort((at, day, post[at]))
        at = at[order]
        of = np.full(len(at), -1, np.int32) if why is None else why[at]
        return Diary(post[at], at, day[order], kinds[order].astype(np.int8), of)

    def due(self, posts: Sequence[str], kinds: Sequence[str] = KINDS) -> list[dict[str, Any]]:
        """What is due of the books of posts: `customer, day, kind, why, post`, the earliest first."""
        if "owner_post" not in self.base.known:
            return []
        codes = self.base.codes("owner_post")[1]
        whys = list(self.base.codes("contact_due_for")[1]) if "contact_due_for" in self.base.known else []
        held, found = self.diary, []
        wanted = {KINDS.index(kind) for kind in kinds}
        for post in posts:
            if (code := codes.get(post)) is None:
                continue
            begin, end = np.searchsorted(held.post, [code, code + 1])
            for n in range(int(begin), int(end)):
                if int(held.kind[n]) in wanted:
                    why = int(held.why[n])
                    found.append(
                        {
                            "customer": int(held.customer[n]),
                            "day": EPOCH + dt.timedelta(days=int(held.day[n])),
                            "kind": KINDS[held.kind[n]],
                            "why": whys[why] if why >= 0 else "",
                            "post": post,
                        }
                    )
        return sorted(found, key=lambda row: (row["day"], row["customer"]))


AHEAD = 31
"""Days the diary looks ahead."""
SHOWN = (
    "tier",
    "as_of_day",
    "is_minor",
    "profiling_refused",
    "calls_7d",
    "messages_mtd",
    "last_declined_on",
    "agrees_call",
    "agrees_sms",
    "agrees_wecom",
    "agrees_push",
    "agrees_email",
    "maturing_30d",
    "maturing_amount_30d",
    "contact_due_on",
    "document_expired",
    "complaint_unanswered",
    "card_never_activated",
    "social_card_inactive",
)
"""Columns a list or a card asks beside those its words name."""


def _days(values: pa.ChunkedArray, morning: dt.date) -> NDArray[np.int32]:
    """Days since 1970 (`NEVER`: none); a yes or no as the morning."""
    if pa.types.is_boolean(values.type):
        yes = values.fill_null(False).to_numpy(zero_copy_only=False)
        return np.where(yes, (morning - EPOCH).days, NEVER).astype(np.int32)
    days = values.cast(pa.int32()).combine_chunks().fill_null(NEVER)
    return np.asarray(days, dtype=np.int32)


_held: dict[int, Held] = {}
_lock = threading.Lock()


def held() -> Held:
    """Of the last published night. Raises NightError before the first."""
    of = base()
    with _lock:
        found = _held.get(id(of))
        if found is None or found.base is not of:
            try:
                planned = of.bank.plan(of.day)
            except NightError:
                planned = None  # a night without a plan has no list, and still customers
            _held.clear()
            found = _held[id(of)] = Held(of, planned)
            threading.Thread(target=found.read_ahead, name="read-ahead", daemon=True).start()
        return found
