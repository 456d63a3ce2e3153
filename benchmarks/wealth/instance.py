"""Customers of a made-up bank: what they hold, and a shelf to choose from. Figures are invented."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from quanke.wealth.trades import Holders, Positions, Shelf, Targets

DAY = dt.date(2026, 6, 30)
YUAN = 100
CLASSES = ("cash", "deposit", "bond", "mixed", "equity", "overseas", "gold", "insurance")
WEIGHTS = (
    (0.25, 0.75, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00),
    (0.12, 0.30, 0.48, 0.00, 0.00, 0.00, 0.00, 0.10),
    (0.08, 0.20, 0.37, 0.22, 0.00, 0.00, 0.08, 0.05),
    (0.05, 0.10, 0.25, 0.25, 0.20, 0.08, 0.05, 0.02),
    (0.05, 0.05, 0.15, 0.25, 0.30, 0.13, 0.07, 0.00),
)
RISK = (1, 1, 2, 3, 4, 4, 3, 2)
"""Of the safest product of each class; others of it are up to one step riskier."""

FIRSTS = (0.2, 0.2, 0.2, 0.35, 0.05)
"""Shares of products whose first purchase is 1, 100, 1,000, 10,000 and 50,000 yuan at least."""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """Everything `propose` takes."""

    shelf: Shelf
    holders: Holders
    positions: Positions
    targets: Targets
    day: dt.date = DAY


def shelf_of(products: int, rng: np.random.Generator) -> Shelf:
    """Products spread over the classes; lots of a yuan to ten thousand, fees up to 1.5 %."""
    klass = np.arange(products) % len(CLASSES)
    rng.shuffle(klass)
    risk = np.clip(np.array(RISK)[klass] + (rng.random(products) < 0.3), 1, 5)
    fee = np.where(klass <= 1, 0, rng.choice([0, 0, 500, 1_000, 8_000, 12_000], products))
    exit_steps = np.where(klass[:, None] <= 0, 0, rng.choice([0, 5_000, 15_000], (products, 1)))
    return Shelf(
        asset_class=klass,
        risk=risk,
        issuer=rng.integers(0, 20, products),
        least_first=rng.choice([1, 100, 1_000, 10_000, 50_000], products, p=[0.2, 0.2, 0.2, 0.35, 0.05])
        * YUAN,
        increment=rng.choice([1, 100, 1_000], products) * YUAN,
        purchase_ppm=fee,
        exit_days=np.tile([7, 365], (products, 1)),
        exit_ppm=np.concatenate([np.where(klass[:, None] <= 0, 0, 15_000), exit_steps // 3], axis=1),
        lock_days=rng.choice([0, 30, 90, 365], products),
        for_sale=rng.random(products) < 0.9,
        insured=klass == 1,
        interest_ppm=np.where(klass == 1, 20_000, 0),
        rank=rng.permutation(products),
        product_cap_ppm=np.where(klass <= 2, 1_000_000, 300_000),
        issuer_cap_ppm=np.where(np.arange(20) == 0, 1_000_000, 400_000),
    )


def case_of(customers: int, products: int = 60, seed: int = 7) -> Case:
    """Customers of all classes; most hold cash and deposits, some a handful of products."""
    rng = np.random.default_rng(seed)
    shelf = shelf_of(products, rng)
    total = np.exp(rng.normal(np.log(80_000), 1.3, customers)).clip(2_000, 5e7)
    count = rng.choice([0, 1, 2, 3, 4, 6, 8], customers, p=[0.2, 0.25, 0.2, 0.15, 0.1, 0.06, 0.04])
    who = np.repeat(np.arange(customers), count)
    product = rng.integers(0, products, len(who))
    _, kept = np.unique(who * products + product, return_index=True)
    who, product = who[kept], product[kept]
    part = rng.dirichlet(np.ones(3), len(who))[:, 0]
    value = (total[who] * part * 0.6 * YUAN).astype(np.int64) // 100 * 100
    invested = np.bincount(who, value, customers)
    cash = np.maximum(total * YUAN - invested, rng.integers(0, 10_000, customers)).astype(np.int64)
    matures = np.where(rng.random(len(who)) < 0.15, rng.integers(0, 200, len(who)), -1)
    locked = np.where(matures > 0, matures, np.where(rng.random(len(who)) < 0.2, 90, 0))
    risk_class = rng.choice([0, 1, 2, 3, 4, 5], customers, p=[0.03, 0.2, 0.35, 0.25, 0.12, 0.05])
    allowed = (shelf.risk[None, :] > np.arange(6)[:, None]).astype(np.int8)
    allowed[0] = 2
    keep = np.minimum(rng.choice([0, 3_000, 10_000, 30_000], customers) * YUAN, (total * 40).astype(np.int64))
    return Case(
        shelf,
        Holders(risk_class, cash, keep, allowed, group=risk_class),
        Positions.of(who, product, value, rng.integers(0, 1_500, len(who)), locked, matures, customers),
        Targets.of(WEIGHTS, 0.05),
    )
