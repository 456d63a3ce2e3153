"""The posts of a home on a day, with who sits on them."""

from __future__ import annotations

import datetime as dt

import duckdb

from quanke.bank.arranged import facts_sql
from quanke.bank.home import Home
from quanke.books.posts import Posts, posts_on
from quanke.books.rules import BookRules


def posts_of(
    home: Home, day: dt.date, connection: duckdb.DuckDBPyConnection, rules: BookRules | None = None
) -> Posts:
    """Posts as of a day, from the tables of posts, tenures, staff and branches as they stand now."""
    posts, tenures, staff, branches = (
        connection.sql(facts_sql(home, name)).to_arrow_table()
        for name in ("posts", "tenures", "staff", "branches")
    )
    return posts_on(posts, tenures, staff, branches, day, rules or BookRules())
