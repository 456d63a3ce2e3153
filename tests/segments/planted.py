"""A bank whose kinds of customer are known."""

from __future__ import annotations

import numpy as np

TITLES = {
    "aum": ("AUM（90天日均）", "AUM (mean of 90 days)"),
    "investments": ("理财", "Investments"),
    "logins": ("登录次数", "Logins"),
    "age": ("年龄", "Age"),
    "has_loan": ("持有贷款", "Has a loan"),
}
Columns = dict[str, np.ndarray]


def bank(count: int, seed: int, growth: float = 1.0, kinds: int = 5) -> tuple[Columns, np.ndarray]:
    """Customers of planted kinds that lie well apart; amounts in fen."""
    random = np.random.default_rng(seed)
    kind = random.choice(kinds, count, p=np.array([8, 5, 4, 3, 2][:kinds]) / sum([8, 5, 4, 3, 2][:kinds]))

    def money(middle: list[float]) -> np.ndarray:
        drawn = np.exp(random.standard_normal(count) * 0.4 + np.array(middle)[kind])
        return np.round(drawn * 100 * growth)

    columns = {
        "aum": money([6, 9, 11, 13, 15]),
        "investments": np.where(kind >= 3, money([6, 9, 11, 13, 15]), 0.0),
        "logins": random.poisson(np.array([1, 60, 5, 50, 10])[kind]).astype(np.float64),
        "age": np.floor(np.array([30, 25, 70, 40, 60])[kind] + random.standard_normal(count) * 4),
        "has_loan": (random.random(count) < np.array([0.02, 0.05, 0.9, 0.05, 0.1])[kind]).astype(np.float64),
    }
    columns["age"][random.random(count) < 0.03] = np.nan
    return columns, kind
