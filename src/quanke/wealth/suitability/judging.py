"""The rules of SUI-1..3 and SUI-5 over one customer, one product and one sale; and over everybody."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from quanke.wealth.suitability import decision as rules
from quanke.wealth.suitability.assessments import assessment_valid
from quanke.wealth.suitability.decision import Decision, SuitabilityRule, decided
from quanke.wealth.suitability.facts import Investor, Offered, SaleFacts
from quanke.wealth.suitability.parameters import STANDARD_PARAMETERS, SuitabilityParameters

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PPM = 1_000_000


@dataclass(frozen=True, slots=True)
class Suitability:
    """The rules in force on a day."""

    day: dt.date
    parameters: SuitabilityParameters = STANDARD_PARAMETERS

    @classmethod
    def on(cls, day: dt.date, parameters: SuitabilityParameters = STANDARD_PARAMETERS) -> Suitability:
        """The rules as they are in force on a business date."""
        return cls(day, parameters)

    @property
    def version(self) -> dt.date:
        """Since when these numbers hold."""
        return self.parameters.version(self.day)

    def judge(self, investor: Investor, offered: Offered, sale: SaleFacts | None = None) -> Decision:
        """Whether a product suits a customer. Unknown inputs are for a person to decide, never passed.

        Source: 金融机构产品适当性管理办法 (2025) 12, 19, 29; 民法典 17-20. Before 2026-02-01 only the older
        rules are asked: R > C, a valid assessment, elders.
        """
        sold = sale or SaleFacts()
        valid = assessment_valid(investor.assessed_on, self.day, self.parameters)
        found = self.broken(investor, valid, offered, sold.face_to_face)
        found += self._means(investor, offered, sold) + self._place(investor, offered, sold)
        inputs = {**asdict(investor), **asdict(offered), **asdict(sold)}
        return decided(found, self.version, self.day, inputs)

    def rating(self, offered: Offered) -> int | None:
        """The rating that counts: where the issuer's differs from the seller's, the higher; None: unknown."""
        if offered.risk is None or not self._number("whole"):
            return offered.risk
        return max(offered.risk, offered.issuer_risk or 0)

    def broken(
        self, investor: Investor, valid: bool | None, offered: Offered, face_to_face: bool
    ) -> list[SuitabilityRule]:
        """Rules on list, capacity, risk and age that do not pass. `valid`: whether the assessment holds."""
        risk = self.rating(offered)
        found = [] if offered.on_sale else [rules.OFF_SALE]
        found += [] if offered.in_list else [rules.OFF_LIST]
        found += self._capacity(investor, risk)
        if investor.risk_class is None or valid is None:
            found.append(rules.UNKNOWN_CLASS)
        if valid is False:
            found.append(rules.EXPIRED)
        if risk is None:
            found.append(rules.UNKNOWN_PRODUCT)
        elif investor.risk_class is not None and risk > investor.risk_class:
            found.append(rules.RISKIER)
        if investor.confirmed is False and self._number("changed_confirmed"):
            found.append(rules.UNCONFIRMED)
        return found + self._elder(investor, risk, face_to_face)

    def matrix(
        self,
        risk_class: NDArray[np.int8],
        valid: NDArray[np.bool_],
        age: NDArray[np.int16],
        guardian: NDArray[np.bool_] | None,
        face_to_face: bool,
        product_risk: NDArray[np.int8],
        issuer_risk: NDArray[np.int8] | None = None,
        *,
        own_wages: NDArray[np.bool_] | None = None,
        on_sale: NDArray[np.bool_] | None = None,
        in_list: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.int8]:
        """Every customer x every product: (n, p) codes, 0 where the product may be sold.

        `risk_class` 0 unknown, 1..5; `valid`: his assessment holds; `age` below 0 unknown; `guardian` (None:
        unknown) and `own_wages` (None: no) for those of limited capacity; product ratings 0 unknown; what is
        not given of `on_sale`, `in_list` is yes. Codes: `SUITABILITY_CODES`. The same rules as `judge`,
        asked once for each kind of customer and of product.
        """
        from quanke.wealth.suitability.matrix import People, Shelf, codes

        people = People.of(risk_class, valid, age, guardian, own_wages)
        shelf = Shelf.of(product_risk, issuer_risk, on_sale, in_list)
        return codes(self, people, shelf, face_to_face)

    def _number(self, name: str) -> int:
        found: int = getattr(self.parameters, name).on(self.day)
        return found

    def _capacity(self, investor: Investor, risk: int | None) -> list[SuitabilityRule]:
        if not self._number("whole"):
            return []
        age = investor.age
        if age is None:
            return [rules.UNKNOWN_AGE]
        if age < self._number("capacity_from"):
            return [rules.NO_CAPACITY]
        if age >= self._number("full_capacity_from"):
            return []
        wages = investor.own_wages if age >= self._number("own_wages_from") else False
        if wages:
            return []
        low = risk is not None and risk <= self._number("limited_capacity_risk")
        if low and investor.guardian_agrees:
            return []
        unclear = wages is None or (low and investor.guardian_agrees is None)
        return [rules.UNKNOWN_CONSENT if unclear else rules.GUARDIAN]

    def _elder(self, investor: Investor, risk: int | None, face_to_face: bool) -> list[SuitabilityRule]:
        if risk is None or risk < self._number("elder_risk"):
            return []
        if investor.age is None:
            return [rules.UNKNOWN_AGE] if not self._number("whole") else []
        if investor.age < self._number("elder_from"):
            return []
        return [rules.ELDER_CARE] if face_to_face else [rules.ELDER_AWAY]

    def _means(self, investor: Investor, offered: Offered, sale: SaleFacts) -> list[SuitabilityRule]:
        """Whether the cost is clearly mismatched to the means."""
        if not self._number("whole"):
            return []
        risk, found = self.rating(offered), []
        if sale.amount and (risk is None or risk >= self._number("cost_from_risk")):
            if investor.investable is None:
                found.append(rules.UNKNOWN_MEANS)
            elif sale.amount * PPM > investor.investable * self._number("cost_of_assets"):
                found.append(rules.COSTLY)
        if sale.instalment:
            if investor.income is None:
                found.append(rules.UNKNOWN_MEANS)
            elif investor.income < self._number(
                "least_income"
            ) or sale.instalment * PPM > investor.income * self._number("cost_of_income"):
                found.append(rules.COSTLY)
        return list(dict.fromkeys(found))

    def _place(self, investor: Investor, offered: Offered, sale: SaleFacts) -> list[SuitabilityRule]:
        """A first assessment in a branch; risky products at a branch unless agreed in writing."""
        risk = self.rating(offered)
        risky = risk is not None and risk >= self._number("branch_risk")
        away = risky and not sale.at_branch and not sale.agreed_in_writing
        return [rules.AT_BRANCH] if away or investor.first_assessment_at_branch is not True else []
