"""A bank of few posts and customers, as the tables and columns the books are made of."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa

from quanke.bank.arranged import arranged
from quanke.books.clients import COLUMNS, Clients, clients_of
from quanke.books.posts import Posts, posts_on
from quanke.books.rules import BookRules

DAY = dt.date(2026, 6, 30)
RULES = BookRules()
_TYPES = {"VARCHAR": pa.string(), "BIGINT": pa.int64(), "INTEGER": pa.int32(), "DATE": pa.date32(),
          "BOOLEAN": pa.bool_(), "DECIMAL(18,6)": pa.decimal128(18, 6)}  # fmt: skip
_CLIENT = {
    "customer": pa.int32(), "in_scope": pa.bool_(), "since": pa.date32(), "owners": pa.int64(),
    "contact": pa.date32(), "household": pa.int64(), "aum": pa.int64(), "potential": pa.int64(),
    "needs_cross_border": pa.bool_(), "needs_lending": pa.bool_(),
}  # fmt: skip


def table(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    """Rows of a table of the bank, in arranged form."""
    columns = {c.name: pa.array([r.get(c.name) for r in rows], _TYPES[c.type]) for c in arranged(name)}
    return pa.table(columns)


class SmallBank:
    """Branches, staff, posts and tenures by a few words; `posts()` are those of DAY."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {
            "branches": [], "staff": [], "posts": [], "tenures": [],
        }  # fmt: skip

    def branch(self, name: str, longitude: float | None = None, latitude: float = 22.5) -> SmallBank:
        from decimal import Decimal

        place = {} if longitude is None else {
            "longitude": Decimal(str(longitude)), "latitude": Decimal(str(latitude))
        }  # fmt: skip
        self.rows["branches"].append({"branch_id": name, "name": name, "kind": "outlet", **place})
        return self

    def staff(self, name: str, **more: Any) -> SmallBank:
        self.rows["staff"].append({"staff_id": name, "name": name, "branch_id": "B1", **more})
        return self

    def post(
        self, name: str, role: str, branch: str = "B1", held_by: str | None = "", **more: Any
    ) -> SmallBank:
        """A post, held by a member of staff of its own unless another (or None) is named."""
        holder = f"S-{name}" if held_by == "" else held_by
        if held_by == "":
            self.staff(f"S-{name}", grade="资深")
        self.rows["posts"].append(
            {"post_id": name, "branch_id": branch, "role": role, "staff_id": holder, **more}
        )
        return self

    def tenure(self, post: str, staff: str, kind: str, since: str, until: str | None = None) -> SmallBank:
        self.rows["tenures"].append(
            {
                "tenure_id": f"T{len(self.rows['tenures'])}",
                "post_id": post,
                "staff_id": staff,
                "kind": kind,
                "from_date": dt.date.fromisoformat(since),
                "to_date": None if until is None else dt.date.fromisoformat(until),
            }
        )
        return self

    def posts(self, day: dt.date = DAY, rules: BookRules = RULES) -> Posts:
        told = {name: table(name, rows) for name, rows in self.rows.items()}
        return posts_on(told["posts"], told["tenures"], told["staff"], told["branches"], day, rules)


def client(customer: int, role: str | None = "wealth_manager", **more: Any) -> dict[str, Any]:
    """One customer; `present` and `since` together make a relation."""
    usual = {
        "customer": customer, "in_scope": True, "role": role, "tier": "affluent", "branch": "B1",
        "owners": 1 if more.get("present") else 0, "aum": 30_000_000, "potential": 30_000_000,
        "language": "zh",
    }  # fmt: skip
    if more.get("present"):
        usual["since"] = dt.date(2020, 1, 1)
    return {**usual, **more}


def clients(rows: list[dict[str, Any]], posts: Posts, rules: BookRules = RULES) -> Clients:
    """Customers as the assignment takes them."""
    columns = {
        name: pa.array([row.get(name) for row in rows], _CLIENT.get(name, pa.string())) for name in COLUMNS
    }
    return clients_of(pa.table(columns), posts, rules)
