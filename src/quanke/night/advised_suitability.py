"""What may be sold to one customer, and whether a sale would be accepted: the rules of suitability, asked of
what the home knows of him (SUI-1..5)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from quanke.bank.arranged import facts_sql
from quanke.bank.contracts import SALES_AREA
from quanke.bank.home import Home
from quanke.customers.golden import golden_record
from quanke.customers.register import register_of
from quanke.customers.register.asking import rows_of
from quanke.engines.store import Night
from quanke.kernel.errors import SuitabilityError
from quanke.night.wealth_rules import WealthRules, wealth_rules
from quanke.night.wealth_shelf import Products, products_on
from quanke.wealth.strategic import STRATEGIC_CLASSES
from quanke.wealth.suitability import (
    Decision,
    Investor,
    SaleFacts,
    Suitability,
    class_in_force,
    sale_accepted,
)

_TAGS = ("age", "risk_level", "risk_assessment_valid", "aum", "salary_amount")
MONTHS = 12


@dataclass(frozen=True)
class SaleAsked:
    """A sale that is to be made: fen at once, where, and what was done before it."""

    amount: int | None = None
    channel: str = "mobile"
    recording_id: str | None = None
    warned_at: dt.datetime | None = None
    at: dt.datetime | None = None
    called_back: bool | None = None
    agreed_in_writing: bool = False

    @property
    def facts(self) -> SaleFacts:
        """As suitability looks at it."""
        here = self.channel in SALES_AREA
        return SaleFacts(
            amount=self.amount, face_to_face=here, at_branch=here, agreed_in_writing=self.agreed_in_writing
        )


class CustomerSuitability:
    """One customer before the rules of a night's day. Raises NightError for a number the night has not."""

    def __init__(self, night: Night, home: Home, customer: int) -> None:
        self.night, self.home, self.customer = night, home, customer
        self.rules: WealthRules = wealth_rules(home)
        self.suitability = Suitability.on(night.day, self.rules.suitability)
        self.products: Products = products_on(home, night.day, STRATEGIC_CLASSES, self.rules)
        self.investor = self._investor()

    def each(self, asked: SaleAsked) -> list[tuple[dict[str, Any], Decision]]:
        """Every product that can be held, with the decision on it as it would be sold."""
        rows = self.products.table.to_pylist()
        return [
            (row, self.suitability.judge(self._as(row), self.products.offered(at), asked.facts))
            for at, row in enumerate(rows)
        ]

    def sale(self, product: str, asked: SaleAsked) -> Decision:
        """Whether a sale would be accepted: suitability, recording, an elder's time and call-back. Raises
        SuitabilityError for a product nobody sells."""
        if product not in self.products.ids:
            raise SuitabilityError("there is no product of that number that can be held")
        at = self.products.ids.index(product)
        row = self.products.table.slice(at, 1).to_pylist()[0]
        judged = self.suitability.judge(self._as(row), self.products.offered(at), asked.facts)
        return sale_accepted(
            judged,
            in_sales_area=asked.channel in SALES_AREA,
            recording_id=asked.recording_id,
            warned_at=asked.warned_at,
            at=asked.at,
            called_back=asked.called_back,
            parameters=self.rules.suitability,
        )

    def _as(self, product: dict[str, Any]) -> Investor:
        """The investor before a product: a first assessment in a branch is no matter of deposits."""
        deposit = product["category"] == "term"
        return replace(self.investor, first_assessment_at_branch=True) if deposit else self.investor

    def _investor(self) -> Investor:
        row = self.night.row(self.customer, _TAGS)
        register = register_of(self.home)
        golden = {
            each.name: each.value for each in golden_record(*rows_of(self.home, register, self.customer))
        }
        parties = ", ".join(str(int(each)) for each in register.parties_of(self.customer)) or "NULL"
        facts = facts_sql(self.home, "risk_assessments")
        with duckdb.connect() as connection:
            table = connection.sql(
                f"SELECT risk_class, channel, confirmed, date FROM ({facts}) "
                f'WHERE party IN ({parties}) AND date <= $day ORDER BY date, "at" NULLS FIRST, assessment_id',
                params={"day": self.night.day},
            ).to_arrow_table()
        made = table.to_pylist()
        confirmed = None
        if len(made) > 1:
            before, after = (int(each["risk_class"][1:]) for each in made[-2:])
            _, decision = class_in_force(
                before, after, made[-1]["confirmed"], self.night.day, self.rules.suitability
            )
            confirmed = None if decision.allowed else False
        first = made[0]["channel"] if made else None
        salary = row["salary_amount"]
        return Investor(
            risk_class=row["risk_level"],
            assessed_on=made[-1]["date"] if made else golden.get("risk_assessed_on"),
            age=None if row["age"] is None or row["age"] < 0 else int(row["age"]),
            first_assessment_at_branch=None if first is None else first in SALES_AREA,
            confirmed=confirmed,
            investable=None if row["aum"] is None else max(0, int(row["aum"])),
            income=None if salary is None else max(0, int(salary) * MONTHS),
        )
