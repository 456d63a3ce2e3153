"""What suitability looks at: the investor, what is offered, how it is sold. None is unknown."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from quanke.kernel.errors import SuitabilityError


def _class(value: int | None, field: str) -> None:
    if value is not None and not 1 <= value <= 5:
        raise SuitabilityError(f"{field}: a risk class is 1 to 5, or None where it is unknown")


def _not_negative(value: int | None, field: str) -> None:
    if value is not None and value < 0:
        raise SuitabilityError(f"{field}: must not be negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class Investor:
    """What is known of a customer. Ages in whole years; money in fen, income a year.

    `confirmed`: he confirmed a result that differs from the one before (None: it does not differ).
    `guardian_agrees` and `own_wages` matter between 8 and 18 only (own wages from 16 on).
    """

    risk_class: int | None
    assessed_on: dt.date | None
    age: int | None
    guardian_agrees: bool | None = None
    own_wages: bool | None = None
    first_assessment_at_branch: bool | None = True
    confirmed: bool | None = None
    investable: int | None = None
    income: int | None = None

    def __post_init__(self) -> None:
        _class(self.risk_class, "risk_class")
        for name in ("age", "investable", "income"):
            _not_negative(getattr(self, name), name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A product: the seller's rating, the issuer's where the bank sells for another, list and sale."""

    risk: int | None
    issuer_risk: int | None = None
    on_sale: bool = True
    in_list: bool = True

    def __post_init__(self) -> None:
        _class(self.risk, "risk")
        _class(self.issuer_risk, "issuer_risk")


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleFacts:
    """How something is sold: fen at once, fen a year, where.

    A cost of None is not looked at: nothing is bought yet.
    """

    amount: int | None = None
    instalment: int | None = None
    face_to_face: bool = False
    at_branch: bool = False
    agreed_in_writing: bool = False

    def __post_init__(self) -> None:
        for name in ("amount", "instalment"):
            _not_negative(getattr(self, name), name)
