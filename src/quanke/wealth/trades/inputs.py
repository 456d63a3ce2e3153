"""What trades are found from: the shelf, the customers with what they hold, and where they should stand.

Money is whole fen, weights and fees are millionths (ppm), days are whole days from the business date.
Asset class 0 is cash: demand money, and products of class 0 (money funds, cash management).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quanke.kernel.errors import InputError

PPM = 1_000_000
CLASSES = 16
"""Asset classes, at most."""
LARGEST = 10**15
"""No customer, product or lot is worth more: ten thousand billion fen."""
NO_CAP = PPM
"""A cap of the whole portfolio: none."""


def whole(name: str, given: Any, shape: tuple[int, ...], kind: Any, low: int, high: int) -> NDArray[Any]:
    """An array of whole numbers of one shape within bounds. Raises InputError with field and first row."""
    found = np.asarray(given)
    if (found.dtype.kind not in "iub" and found.size) or found.shape != shape:
        raise InputError(f"whole numbers of shape {shape} are expected", field=name)
    if found.size and (found.min() < low or found.max() > high):
        row = int(np.argwhere((found < low) | (found > high))[0][0])
        raise InputError(f"a value is below {low} or above {high}", field=name, row=row + 1)
    return np.ascontiguousarray(found, kind)


@dataclass(frozen=True, slots=True, eq=False)
class Shelf:
    """One row per product that is sold or held; p products.

    `asset_class` (p,) 0..K-1; `risk` (p,) 1..5; `issuer` (p,) codes from 0; `least_first` (p,) fen of a first
    purchase, which is also the least that may stay after a partial redemption; `increment` (p,) lot in fen;
    `purchase_ppm` (p,) fee on top of what is bought; `exit_days`, `exit_ppm` (p, s): the fee of selling is
    `exit_ppm[p, j]` of the amount while held fewer than `exit_days[p, j]` days, for the first such j, and
    nothing after the last; `lock_days` (p,) days a new purchase cannot be sold (told, and not sold before);
    `for_sale` (p,) on sale and on the house list; `insured` (p,) a deposit under deposit insurance;
    `interest_ppm` (p,) interest a new deposit earns until it is due, in all, of its principal;
    `rank` (5, p) or (p,) order of the house list for each customer class, lower first;
    `product_cap_ppm` (p,), `issuer_cap_ppm` (issuers,): most of a customer's portfolio that may be bought up
    to (1,000,000: no cap).
    """

    asset_class: NDArray[np.int8]
    risk: NDArray[np.int8]
    issuer: NDArray[np.int16]
    least_first: NDArray[np.int64]
    increment: NDArray[np.int64]
    purchase_ppm: NDArray[np.int32]
    exit_days: NDArray[np.int32]
    exit_ppm: NDArray[np.int32]
    lock_days: NDArray[np.int32]
    for_sale: NDArray[np.bool_]
    insured: NDArray[np.bool_]
    interest_ppm: NDArray[np.int32]
    rank: NDArray[np.int32]
    product_cap_ppm: NDArray[np.int32]
    issuer_cap_ppm: NDArray[np.int32]

    def __post_init__(self) -> None:
        p = len(np.atleast_1d(self.asset_class))
        steps = np.shape(self.exit_days)[1] if np.ndim(self.exit_days) == 2 else -1
        issuers = len(np.atleast_1d(self.issuer_cap_ppm))
        rank = np.asarray(self.rank)
        checked = {
            "asset_class": ((p,), np.int8, 0, CLASSES - 1),
            "risk": ((p,), np.int8, 1, 5),
            "issuer": ((p,), np.int16, 0, issuers - 1),
            "least_first": ((p,), np.int64, 1, LARGEST),
            "increment": ((p,), np.int64, 1, LARGEST),
            "purchase_ppm": ((p,), np.int32, 0, PPM),
            "exit_days": ((p, steps), np.int32, 0, 10**6),
            "exit_ppm": ((p, steps), np.int32, 0, PPM),
            "lock_days": ((p,), np.int32, 0, 10**6),
            "for_sale": ((p,), np.bool_, 0, 1),
            "insured": ((p,), np.bool_, 0, 1),
            "interest_ppm": ((p,), np.int32, 0, PPM),
            "product_cap_ppm": ((p,), np.int32, 0, PPM),
            "issuer_cap_ppm": ((issuers,), np.int32, 0, PPM),
        }
        for name, (shape, kind, low, high) in checked.items():
            put(self, name, whole(name, getattr(self, name), shape, kind, low, high))
        ranks = np.broadcast_to(rank, (5, p)) if rank.shape == (p,) else rank
        put(self, "rank", whole("rank", ranks, (5, p), np.int32, 0, 10**9))
        if steps > 1 and (np.diff(self.exit_days, axis=1) < 0).any():
            raise InputError("the days of the steps of a fee ascend", field="exit_days")

    def __len__(self) -> int:
        return len(self.asset_class)


def put(of: object, name: str, value: object) -> None:
    """Set a field of a frozen object while it is made."""
    object.__setattr__(of, name, value)


@dataclass(frozen=True, slots=True, eq=False)
class Holders:
    """One row per customer; n customers.

    `risk_class` (n,) 1..5, 0 unknown or not valid (no trades); `cash` (n,) fen of demand money; `keep` (n,)
    fen to be kept as cash (`cash_needs`); `allowed` (g, p) int8, 0 where a customer of group g may buy the
    product, else the reason (`Suitability.matrix`); `group` (n,) row of `allowed`, None: row by customer;
    `spent` (n,) fees paid in this period, None: nothing; `lately` (n, K) 1 where a class was bought
    within the quiet period, -1 where it was sold, else 0; None: nothing was traded.
    """

    risk_class: NDArray[np.int8]
    cash: NDArray[np.int64]
    keep: NDArray[np.int64]
    allowed: NDArray[np.int8]
    group: NDArray[np.int32] | None = None
    spent: NDArray[np.int64] | None = None
    lately: NDArray[np.int8] | None = None

    def __post_init__(self) -> None:
        n = len(np.atleast_1d(self.risk_class))
        allowed = np.asarray(self.allowed)
        rows = allowed.shape[0] if allowed.ndim == 2 else n
        put(self, "risk_class", whole("risk_class", self.risk_class, (n,), np.int8, 0, 5))
        put(self, "cash", whole("cash", self.cash, (n,), np.int64, 0, LARGEST))
        put(self, "keep", whole("keep", self.keep, (n,), np.int64, 0, LARGEST))
        shape = (rows if self.group is not None else n, allowed.shape[-1])
        put(self, "allowed", whole("allowed", allowed, shape, np.int8, -128, 127))
        if self.group is not None:
            put(self, "group", whole("group", self.group, (n,), np.int32, 0, rows - 1))
        if self.spent is not None:
            put(self, "spent", whole("spent", self.spent, (n,), np.int64, 0, LARGEST))
        if self.lately is not None:
            classes = np.shape(self.lately)[-1]
            put(self, "lately", whole("lately", self.lately, (n, classes), np.int8, -1, 1))

    def __len__(self) -> int:
        return len(self.risk_class)


@dataclass(frozen=True, slots=True, eq=False)
class Positions:
    """One row per customer and product held, by customer: those of customer i are rows `start[i]` to
    `start[i + 1] - 1`; m rows.

    `product` (m,); `value` (m,) fen; `days_held` (m,) for the fee of selling; `locked` (m,) days until it can
    be sold, 0 now; `matures` (m,) days until it is due, -1 never; what is due within the horizon of the
    rules is cash of that day. A product stands at most once for a customer: lots are added up by the caller
    (the oldest lock and the shortest time held are the careful choice).
    """

    start: NDArray[np.int64]
    product: NDArray[np.int16]
    value: NDArray[np.int64]
    days_held: NDArray[np.int32]
    locked: NDArray[np.int32]
    matures: NDArray[np.int32]

    def __post_init__(self) -> None:
        m = len(np.atleast_1d(self.product))
        put(self, "start", whole("start", self.start, (len(np.atleast_1d(self.start)),), np.int64, 0, m))
        if (
            not len(self.start)
            or self.start[0] != 0
            or self.start[-1] != m
            or (np.diff(self.start) < 0).any()
        ):
            raise InputError("starts ascend from 0 to the number of positions", field="start")
        put(self, "product", whole("product", self.product, (m,), np.int16, 0, np.iinfo(np.int16).max))
        put(self, "value", whole("value", self.value, (m,), np.int64, 0, LARGEST))
        for name, low in (("days_held", 0), ("locked", 0), ("matures", -1)):
            put(self, name, whole(name, getattr(self, name), (m,), np.int32, low, 2**31 - 1))

    @classmethod
    def of(
        cls,
        customer: Any,
        product: Any,
        value: Any,
        days_held: Any,
        locked: Any,
        matures: Any,
        customers: int,
    ) -> Positions:
        """From rows in any order, with the customer's number in each."""
        order = np.lexsort((np.asarray(product), np.asarray(customer)))
        who = np.asarray(customer)[order]
        if len(who) and (who[0] < 0 or who[-1] >= customers):
            raise InputError(f"a customer's number is from 0 to {customers - 1}", field="customer")
        start = np.searchsorted(who, np.arange(customers + 1)).astype(np.int64)
        columns = [np.asarray(a)[order] for a in (product, value, days_held, locked, matures)]
        return cls(start, *columns)


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """Where customers of each class should stand.

    `weights_ppm` (5, K): shares of the asset classes for customer classes 1..5, each row adds up to
    1,000,000; `band_ppm` (5, K): how far from it a share may lie without anything being done.
    """

    weights_ppm: NDArray[np.int32]
    band_ppm: NDArray[np.int32]

    def __post_init__(self) -> None:
        shape = np.shape(self.weights_ppm)
        if len(shape) != 2 or shape[0] != 5 or not 1 <= shape[1] <= CLASSES:
            raise InputError(f"weights are 5 x K, K from 1 to {CLASSES}", field="weights_ppm")
        put(self, "weights_ppm", whole("weights_ppm", self.weights_ppm, shape, np.int32, 0, PPM))
        put(self, "band_ppm", whole("band_ppm", self.band_ppm, shape, np.int32, 0, PPM))
        wrong = self.weights_ppm.sum(axis=1) != PPM
        if wrong.any():
            row = int(np.argmax(wrong)) + 1
            raise InputError("shares add up to 1,000,000", field="weights_ppm", row=row)

    @classmethod
    def of(cls, weights: Any, band: float = 0.05) -> Targets:
        """From shares as numbers (5 x K, rows adding up to 1) and one band for all; the largest share of
        a row takes what rounding leaves."""
        shares = np.asarray(weights, np.float64)
        ppm = np.rint(shares * PPM).astype(np.int64)
        rows = np.arange(len(ppm))
        ppm[rows, ppm.argmax(axis=1)] += PPM - ppm.sum(axis=1)
        if (np.abs(shares.sum(axis=1) - 1) > 1e-4).any():
            raise InputError("shares add up to 1", field="weights")
        return cls(ppm.astype(np.int32), np.full(ppm.shape, round(band * PPM), np.int32))

    @property
    def classes(self) -> int:
        """Number of asset classes."""
        return int(self.weights_ppm.shape[1])
