"""What became of proposals, out of the home's tables; and whom to tell that a product was rated higher."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from quanke.bank.arranged import facts_sql
from quanke.engines.store import NightStore
from quanke.night.steps import Run
from quanke.night.wealth_holders import Everybody
from quanke.night.wealth_rules import WealthRules
from quanke.wealth.record import (
    SCHEMA,
    Tonight,
    as_recorded,
    declined_lately,
    effect_due,
    proposals_followed,
    proposals_recorded,
    renumbered,
)

RECORD, TOLD = "record.parquet", "told.parquet"
TOLD_SCHEMA = pa.schema(
    [
        ("customer", pa.int32()),
        ("post", pa.string()),
        ("product", pa.string()),
        ("before", pa.int8()),
        ("rating", pa.int8()),
        ("risk_class", pa.int8()),
        ("unsuitable", pa.bool_()),
        ("value", pa.int64()),
        ("since", pa.date32()),
    ]
)
"""One row per holder of a product rated higher than on an earlier night (SUI-1): `unsuitable` where the
rating is now above his class, or his class is unknown (0). `since`: the night it was first seen."""


@dataclass(frozen=True, eq=False)
class Following:
    """The record as it stands before tonight's proposals, and who rests after a no."""

    record: pa.Table
    declined: NDArray[np.bool_]
    day: dt.date
    effect_days: int

    def due(self) -> NDArray[np.int64]:
        """Customers, rising, whose effect is to be measured tonight, whatever stops them."""
        return effect_due(self.record, self.day, self.effect_days)

    def with_tonight(self, tonight: Tonight) -> pa.Table:
        """The record of tonight."""
        return proposals_recorded(self.record, tonight, self.day, self.effect_days)


def follow(run: Run, rules: WealthRules) -> Following:
    """What has come of the proposals of earlier nights by the day of this one."""
    values = rules.advice.on(run.day)
    before = _earlier(run, RECORD)
    record = (
        SCHEMA.empty_table()
        if before is None
        else renumbered(as_recorded(pq.read_table(before)), run.inputs.register.goes_by)
    )
    answers = _named(run, "advice_answers", "kind", '"at" NULLS FIRST, answer_id')
    sales = _named(run, "sales", "amount", '"at" NULLS FIRST, sale_id')
    record = proposals_followed(record, answers, sales, run.day)
    declined = declined_lately(record, run.day, values["rest_days"], run.inputs.customers)
    return Following(record, declined, run.day, values["effect_days"])


def _named(run: Run, table: str, what: str, order: str) -> pa.Table:
    """Rows of a table that name a proposal, under today's customers, in the order of their days."""
    relation = run.inputs.relation(table) or f"({facts_sql(run.inputs.home, table)})"
    with duckdb.connect() as connection:
        return connection.sql(
            f"SELECT customer, proposed_on, date, {what} FROM {relation} "
            f"WHERE customer IS NOT NULL AND proposed_on IS NOT NULL AND date <= $day ORDER BY date, {order}",
            params={"day": run.day},
        ).to_arrow_table()


def _earlier(run: Run, name: str) -> Path | None:
    """A file of advice of the last night that has it."""
    store = NightStore(run.inputs.home.path / "nights")
    paths = [store.folder / str(day) / "wealth" / name for day in store.days() if day < run.day]
    return next((path for path in reversed(paths) if path.exists()), None)


def told_holders(
    run: Run, products: pa.Table, positions: pa.Table, everybody: Everybody, rules: WealthRules
) -> pa.Table:
    """Whom to tell, as `TOLD_SCHEMA`: holders of products rated higher since the last night, and those of the
    days before who still hold them."""
    before = _earlier(run, "products.parquet")
    if before is None:
        return TOLD_SCHEMA.empty_table()
    days = rules.advice.told_days.on(run.day)
    with duckdb.connect() as connection:
        connection.register("now", products.select(["product", "rating"]))
        connection.register("was", pq.read_table(before, columns=["product", "rating"]))
        connection.register("held", positions.select(["customer", "product", "value"]))
        old = _earlier(run, TOLD)
        told = TOLD_SCHEMA.empty_table() if old is None else pq.read_table(old)
        connection.register("told", renumbered_told(told, run.inputs.register.goes_by))
        rows = connection.sql(_TOLD, params={"day": run.day, "days": days}).to_arrow_table()
    at = pa.array(rows["customer"].to_numpy())
    risk_class = everybody.whole("risk_level")[rows["customer"].to_numpy()].astype(np.int8)
    rating = rows["rating"].to_numpy()
    columns = {
        **{name: rows[name] for name in rows.column_names},
        "post": everybody.column("owner_post").take(at),
        "risk_class": pa.array(risk_class),
        "unsuitable": pa.array((risk_class == 0) | (rating > risk_class)),
    }
    return pa.table({name: columns[name] for name in TOLD_SCHEMA.names}).cast(TOLD_SCHEMA)


def renumbered_told(told: pa.Table, into: NDArray[np.int32]) -> pa.Table:
    """The list of whom to tell under today's customer numbers."""
    return told.set_column(0, "customer", pa.array(into[told["customer"].to_numpy()]))


_TOLD = """
WITH raised AS (
    SELECT product, was.rating AS before, now.rating, $day AS since FROM now JOIN was USING (product)
    WHERE now.rating > was.rating AND was.rating > 0
), owned AS (
    SELECT customer, product, sum(value)::BIGINT AS value FROM held GROUP BY customer, product
), every AS (
    SELECT o.customer, o.product, r.before, r.rating, o.value, r.since FROM owned AS o JOIN raised AS r
        USING (product)
    UNION ALL
    SELECT o.customer, o.product, t.before, n.rating, o.value, t.since
    FROM owned AS o JOIN told AS t USING (customer, product) JOIN now AS n USING (product)
    WHERE n.rating > t.before AND date_diff('day', t.since, $day) < $days
)
SELECT customer, product, arg_min(before, since) AS before, max(rating) AS rating, max(value) AS value,
    min(since) AS since
FROM every GROUP BY customer, product ORDER BY customer, product
"""
