"""Customers as advice sees them: who may be advised, what money they have, and what of it is to be kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from quanke.wealth.advisable import AdviceAsked, stopped

TAGS = (
    "is_person", "relationship_closed", "deceased", "advice_agreed", "profiling_refused", "accounts_open",
    "age", "risk_level", "risk_assessment_valid", "demand_balance", "has_salary", "salary_amount",
    "has_pension", "pension_last_month", "outflow_90d", "own_name_out_90d", "third_party_paid_30d",
    "house_purchase_90d", "owner_post",
)  # fmt: skip
"""Tags that advice stands on."""
Columns = Callable[[str], pa.ChunkedArray]
ASSESSED = pa.schema([("customer", pa.int32()), ("assessed", pa.int8()), ("unconfirmed", pa.bool_())])
_ASSESSED = """
WITH told AS (
    SELECT customer, right(risk_class, 1)::TINYINT AS class, confirmed,
        lag(right(risk_class, 1)::TINYINT) OVER w AS before, row_number() OVER back AS nth
    FROM {assessments} WHERE date <= $day AND customer IS NOT NULL
    WINDOW w AS (PARTITION BY customer ORDER BY date, "at" NULLS FIRST, assessment_id),
        back AS (PARTITION BY customer ORDER BY date DESC, "at" DESC NULLS LAST, assessment_id DESC)
)
SELECT customer, class AS assessed,
    (before IS NOT NULL AND before <> class AND confirmed IS NOT TRUE) AS unconfirmed
FROM told WHERE nth = 1 ORDER BY customer
"""


def assessed_on(relation: str, day: dt.date) -> pa.Table:
    """The last assessment on file of each customer as of a day, as `ASSESSED`. `relation`: SQL of the
    assessments."""
    with duckdb.connect() as connection:
        found = connection.sql(_ASSESSED.format(assessments=relation), params={"day": day}).to_arrow_table()
    return found.cast(ASSESSED)


def assessed_of(rows: Sequence[Mapping[str, Any]], day: dt.date) -> tuple[int, bool]:
    """`assessed` and `unconfirmed` of one customer as of a day by his assessments: as `assessed_on`."""
    told = sorted((row for row in rows if row["date"] <= day), key=in_order)
    if not told:
        return 0, False
    last, before = (int(told[-1]["risk_class"][-1]), int(told[-2]["risk_class"][-1]) if told[1:] else None)
    return last, before is not None and before != last and told[-1]["confirmed"] is not True


def in_order(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Order of assessments: by day, by moment (those without one first), by number."""
    return row["date"], row["at"] is not None, row["at"] or dt.datetime.min, row["assessment_id"]


@dataclass(frozen=True, eq=False)
class Everybody:
    """Columns of a night, of everybody or of some: `column` gives a tag, one value a customer; `assessed`,
    `foreign` (demand money in foreign currency) and `declined` are by the same rows."""

    count: int
    column: Columns
    assessed: NDArray[np.int8]
    unconfirmed: NDArray[np.bool_]
    foreign: NDArray[np.int64]
    declined: NDArray[np.bool_]

    def flag(self, name: str) -> NDArray[np.bool_]:
        """A tag of yes and no; unknown is no."""
        found: NDArray[np.bool_] = pc.fill_null(self.column(name), False).to_numpy().astype(np.bool_)
        return found

    def whole(self, name: str, unknown: int = 0) -> NDArray[np.int64]:
        """A tag of whole numbers or fen; `unknown` where there is none."""
        found = pc.fill_null(self.column(name).cast(pa.int64()), unknown).to_numpy()
        return np.asarray(found, np.int64)

    def cash(self) -> NDArray[np.int64]:
        """Demand money in the home currency, in fen, not below 0."""
        found: NDArray[np.int64] = np.maximum(self.whole("demand_balance") - self.foreign, 0)
        return found

    def advised(self) -> AdviceAsked:
        """What `stopped` asks."""
        return AdviceAsked(
            there=pc.is_valid(self.column("is_person")).to_numpy().astype(np.bool_),
            person=self.flag("is_person"),
            closed=self.flag("relationship_closed"),
            deceased=self.flag("deceased"),
            consent=self.flag("advice_agreed"),
            refused=self.flag("profiling_refused"),
            open=self.whole("accounts_open") > 0,
            age=np.clip(self.whole("age", -1), -1, 200).astype(np.int16),
            risk_class=self.whole("risk_level").astype(np.int8),
            valid=self.flag("risk_assessment_valid"),
            assessed=self.assessed,
            unconfirmed=self.unconfirmed,
            declined=self.declined,
        )

    def stopped(self, full_age: int) -> NDArray[np.int8]:
        """The code of the first rule that stops each customer, 0 for none."""
        return stopped(self.advised(), full_age)


def spread(rows: pa.Table, name: str, count: int, kind: Any) -> NDArray[Any]:
    """A column of a table by `customer` as an array of everybody, 0 for who is not in it."""
    found = np.zeros(count, kind)
    found[rows["customer"].to_numpy()] = rows[name].to_numpy()
    return found
