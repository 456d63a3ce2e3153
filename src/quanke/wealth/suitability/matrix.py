"""Suitability of every customer x every product: the scalar rules, asked once for each kind of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quanke.kernel.errors import SuitabilityError
from quanke.wealth.suitability import decision as rules
from quanke.wealth.suitability.decision import SuitabilityRule, Verdict, decided
from quanke.wealth.suitability.facts import Investor, Offered

if TYPE_CHECKING:
    from quanke.wealth.suitability.judging import Suitability

Codes = NDArray[np.int8]
ALLOWED = 0
"""The code of what may be sold."""
SUITABILITY_CODES: tuple[SuitabilityRule, ...] = (
    rules.PASSED,
    rules.OFF_SALE,
    rules.OFF_LIST,
    rules.NO_CAPACITY,
    rules.GUARDIAN,
    rules.EXPIRED,
    rules.RISKIER,
    rules.ELDER_AWAY,
    rules.UNKNOWN_CLASS,
    rules.UNKNOWN_PRODUCT,
    rules.UNKNOWN_AGE,
    rules.UNKNOWN_CONSENT,
)
"""The rule behind each code of a matrix; codes are stored, so rules are only ever added at the end."""
_CODE = {rule.id: code for code, rule in enumerate(SUITABILITY_CODES)}
_UNKNOWN, _NO, _YES = 0, 1, 2
_SAID = {_UNKNOWN: None, _NO: False, _YES: True}


def _ratings(values: ArrayLike, field: str) -> NDArray[np.int64]:
    found = np.asarray(values, np.int64)
    if found.ndim != 1 or ((found < 0) | (found > 5)).any():
        raise SuitabilityError(f"{field}: one-dimensional, 1 to 5, or 0 where it is unknown")
    return found


def _same(values: NDArray[Any], size: int, field: str) -> NDArray[Any]:
    if values.shape != (size,):
        raise SuitabilityError(f"{field}: as many values as the risk classes beside it")
    return values


@dataclass(frozen=True, slots=True)
class People:
    """Customers, one a row: class 0..5, whether it holds, age (-1 unknown), 0 unknown 1 no 2 yes for the
    guardian's consent and for own wages."""

    risk_class: NDArray[np.int64]
    valid: NDArray[np.bool_]
    age: NDArray[np.int64]
    guardian: NDArray[np.int64]
    own_wages: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        risk_class: ArrayLike,
        valid: ArrayLike,
        age: ArrayLike,
        guardian: ArrayLike | None,
        own_wages: ArrayLike | None,
    ) -> People:
        """From arrays of one length."""
        classes = _ratings(risk_class, "risk_class")
        n = len(classes)
        told = [
            np.full(n, empty)
            if given is None
            else np.where(_same(np.asarray(given, bool), n, name), _YES, _NO)
            for given, empty, name in ((guardian, _UNKNOWN, "guardian"), (own_wages, _NO, "own_wages"))
        ]
        return cls(
            classes,
            _same(np.asarray(valid, np.bool_), n, "valid"),
            _same(np.asarray(age, np.int64), n, "age"),
            told[0],
            told[1],
        )

    def kinds(self, cuts: list[int]) -> tuple[NDArray[np.int64], list[tuple[Investor, bool | None]]]:
        """The kind of each, and one of each kind. Ages between two cuts are alike."""
        ages = np.array([-1, 0, *sorted(set(cuts))])
        band = np.searchsorted(ages, np.maximum(self.age, -1), side="right") - 1
        parts = (self.risk_class, self.valid.astype(np.int64), band, self.guardian, self.own_wages)
        sizes = (6, 2, len(ages), 3, 3)
        key = np.ravel_multi_index(parts, sizes)
        # counting is far cheaper than sorting everybody
        some = np.flatnonzero(np.bincount(key, minlength=int(np.prod(sizes))))
        place = np.zeros(int(np.prod(sizes)), np.int64)
        place[some] = np.arange(len(some))
        kinds = []
        for risk, valid, at, guardian, wages in zip(*np.unravel_index(some, sizes), strict=True):
            investor = Investor(
                risk_class=int(risk) or None,
                assessed_on=None,
                age=None if at == 0 else int(ages[at]),
                guardian_agrees=_SAID[int(guardian)],
                own_wages=_SAID[int(wages)],
            )
            # of who has no class, nobody can say that it ran out
            kinds.append((investor, bool(valid) if risk else None))
        return place[key], kinds


@dataclass(frozen=True, slots=True)
class Shelf:
    """Products, one a row: ratings 0..5, on sale, in the list."""

    risk: NDArray[np.int64]
    issuer_risk: NDArray[np.int64]
    on_sale: NDArray[np.bool_]
    in_list: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        risk: ArrayLike,
        issuer_risk: ArrayLike | None,
        on_sale: ArrayLike | None,
        in_list: ArrayLike | None,
    ) -> Shelf:
        """From arrays of one length; what is not given is as the seller rates it, on sale and in the list."""
        ratings = _ratings(risk, "product_risk")
        p = len(ratings)
        issuer = np.zeros(p, np.int64) if issuer_risk is None else _ratings(issuer_risk, "issuer_risk")
        flags = [
            np.ones(p, np.bool_) if given is None else _same(np.asarray(given, np.bool_), p, name)
            for given, name in ((on_sale, "on_sale"), (in_list, "in_list"))
        ]
        return cls(ratings, _same(issuer, p, "issuer_risk"), flags[0], flags[1])

    def kinds(self) -> tuple[NDArray[np.int64], list[Offered]]:
        """The kind of each, and one of each kind."""
        rows = np.column_stack([self.risk, self.issuer_risk, self.on_sale, self.in_list])
        some, kind = np.unique(rows, axis=0, return_inverse=True)
        return kind.reshape(-1), [
            Offered(risk=int(r) or None, issuer_risk=int(i) or None, on_sale=bool(s), in_list=bool(k))
            for r, i, s, k in some
        ]


def codes(rule_set: Suitability, people: People, shelf: Shelf, face_to_face: bool) -> Codes:
    """Codes of all customers x all products, (n, p)."""
    ages = ("capacity_from", "own_wages_from", "full_capacity_from", "elder_from")
    now = rule_set.parameters.on(rule_set.day)
    who, investors = people.kinds([now[name] for name in ages])
    what, products = shelf.kinds()
    table = np.zeros((len(investors), len(products)), np.int8)
    for row, (investor, valid) in enumerate(investors):
        for column, product in enumerate(products):
            broken = rule_set.broken(investor, valid, product, face_to_face)
            first = decided(broken, rule_set.day, rule_set.day, {})
            if first.verdict in (Verdict.BLOCK, Verdict.REVIEW):
                table[row, column] = _CODE[first.rule.id]
    return np.take(table[:, what], who, axis=0)


def holders_to_tell(
    before: ArrayLike, after: ArrayLike, product: ArrayLike, risk_class: ArrayLike
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Positions whose holders are to be told of a new rating (SUI-1, rule SUI-1.rerated), and those among
    them that no longer suit their holder.

    `before`, `after`: ratings of the products (p,), 0 unknown; `product` (m,): the product of each position;
    `risk_class` (m,): its holder's class, 0 unknown (then it does not suit).
    """
    old, new = _ratings(before, "before"), _ratings(after, "after")
    held, classes = np.asarray(product, np.int64), _ratings(risk_class, "risk_class")
    _same(new, len(old), "after"), _same(held, len(classes), "product")
    if len(held) and not (held.min() >= 0 and held.max() < len(old)):
        raise SuitabilityError("product: a number of a product, from 0")
    told = old[held] != new[held]
    return told, told & ((new[held] == 0) | (new[held] > classes))
