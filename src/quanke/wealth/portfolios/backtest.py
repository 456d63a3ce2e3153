"""Walk forward over the past: what portfolios chosen by rules would have done, with costs, to the fen.

At each rebalance a model sees only what lies before it, and its weights are bought with whole fen: what was
held is worth what is held now, plus the fees, plus a few fen kept aside. Between two rebalances holdings
drift.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quanke.kernel.errors import PortfolioError
from quanke.wealth.portfolios.fallbacks import Fallback

Floats = NDArray[np.float64]
Fen = NDArray[np.int64]
Model = Callable[[Floats], ArrayLike]
PPM = 1_000_000
TAIL = 0.05
"""CVaR is the mean of the worst 5 % of periods."""


@dataclass(frozen=True, slots=True)
class Rebalance:
    """One rebalance: fen before, bought, sold, fees, and what stands after; `before == after + fees`."""

    period: int
    before: int
    bought: int
    sold: int
    fees: int
    after: int


@dataclass(frozen=True, slots=True, eq=False)
class Backtest:
    """One model over the past: `value` (t + 1,) in fen after fees, every rebalance, what failed."""

    name: str
    value: Fen
    rebalances: tuple[Rebalance, ...]
    fallbacks: tuple[Fallback, ...]
    periods: int

    def figures(self, risk_free: float = 0.0) -> dict[str, float]:
        """Net of fees, a year: return, volatility, Sharpe ratio over `risk_free`; CVaR of a period at 95 %,
        deepest fall from a peak; turnover a year (half of what is bought and sold, over the value) and fees
        as a share of the value a year."""
        moved = self.value[1:] / self.value[:-1] - 1
        years = len(moved) / self.periods
        grown = float((self.value[-1] / self.value[0]) ** (1 / years) - 1)
        volatility = float(moved.std(ddof=1) * np.sqrt(self.periods))
        # the first purchase is no turnover: it is told with the fees alone
        later = self.rebalances[1:]
        return {
            "net_return": grown,
            "volatility": volatility,
            "sharpe": float(moved.mean() * self.periods - risk_free) / volatility if volatility else 0.0,
            "cvar": cvar(moved),
            "max_drawdown": drawdown(self.value.astype(np.float64)),
            "turnover": sum((r.bought + r.sold) / 2 / r.before for r in later) / years,
            "fees": sum(r.fees / r.before for r in self.rebalances) / years,
            "fees_fen": float(sum(r.fees for r in self.rebalances)),
        }


def cvar(moved: Floats, tail: float = TAIL) -> float:
    """Mean loss in the worst `tail` of periods, as a positive share (Rockafellar and Uryasev 2000; the period
    at the edge counts with its part)."""
    losses = np.sort(-moved)[::-1]
    many = tail * len(losses)
    whole = int(many)
    edge = (many - whole) * losses[min(whole, len(losses) - 1)]
    return float((losses[:whole].sum() + edge) / many)


def month_loss(moved: Floats, month: int) -> float:
    """CVaR at 95 % of a month of so many periods; 0 where even the worst months lost nothing: among gains
    there is no order of risk."""
    return max(cvar(compounded(moved, month)), 0.0)


def drawdown(value: Floats) -> float:
    """The deepest fall from a peak, as a positive share of it."""
    return float((1 - value / np.maximum.accumulate(value)).max())


def compounded(moved: Floats, length: int) -> Floats:
    """Returns over every stretch of so many periods."""
    if len(moved) < length:
        return moved
    whole = np.concatenate([[0.0], np.cumsum(np.log1p(moved))])
    return np.asarray(np.expm1(whole[length:] - whole[:-length]), np.float64)


def walk_forward(
    returns: ArrayLike,
    models: Mapping[str, Model],
    *,
    buy_cost: ArrayLike = 0,
    sell_cost: ArrayLike = 0,
    window: int = 756,
    every: int = 63,
    periods: int = 252,
    begin_with: int = 100_000_000_00,
) -> dict[str, Backtest]:
    """Each model over the same past. `returns` (t, n) simple; a model takes the last `window` rows of what is
    past and gives weights (n,), not below 0 and with sum 1; it is asked every `every` periods. Costs in ppm
    of what is bought or sold, one or (n,). A model that fails keeps what it holds (at first: equal
    parts), told in `fallbacks`. `begin_with` in fen.
    """
    found = np.asarray(returns, np.float64)
    if found.ndim != 2 or not np.isfinite(found).all() or (found <= -1).any():
        raise PortfolioError("returns: periods x assets, numbers above -1")
    if not 1 < window < len(found) or every < 1:
        raise PortfolioError("window, every: a window of past periods, shorter than the past there is")
    n = found.shape[1]
    buy, sell = (np.broadcast_to(np.asarray(c, np.int64), (n,)) for c in (buy_cost, sell_cost))
    return {
        name: _walked(name, found, model, (buy, sell), (window, every, periods), begin_with)
        for name, model in models.items()
    }


def _walked(
    name: str,
    returns: Floats,
    model: Model,
    costs: tuple[Fen, Fen],
    rhythm: tuple[int, int, int],
    begin_with: int,
) -> Backtest:
    window, every, periods = rhythm
    held, aside = np.zeros(returns.shape[1], np.int64), begin_with
    fallbacks: list[Fallback] = []
    values, rebalances = [begin_with], []
    for period in range(window, len(returns)):
        if (period - window) % every == 0:
            weights = _asked(model, returns[period - window : period], held, name, period, fallbacks)
            before = int(held.sum()) + aside
            held, aside, made = rebalanced(held, aside, weights, *costs)
            rebalances.append(Rebalance(period, before, *made, int(held.sum()) + aside))
        held = np.floor(held * (1 + returns[period]) + 0.5).astype(np.int64)
        values.append(int(held.sum()) + aside)
    return Backtest(name, np.array(values, np.int64), tuple(rebalances), tuple(fallbacks), periods)


def _asked(model: Model, past: Floats, held: Fen, name: str, period: int, told: list[Fallback]) -> Floats:
    n = past.shape[1]
    kept = held / held.sum() if held.sum() > 0 else np.full(n, 1 / n)
    try:
        weights = np.asarray(model(past), np.float64)
        if weights.shape != (n,) or not np.isfinite(weights).all():
            raise PortfolioError("a model gives one weight an asset")
        if weights.min() < -1e-6 or abs(weights.sum() - 1) > 1e-4:
            raise PortfolioError("weights are not below 0 and sum to 1")
    except Exception as error:  # whatever a model does, the walk goes on, and it is told
        told.append(Fallback(f"period {period}", name, f"{type(error).__name__}: {error}"[:300], "kept"))
        return kept
    clean: Floats = np.maximum(weights, 0.0)
    clean /= clean.sum()
    return clean


def rebalanced(
    held: Fen, aside: int, weights: Floats, buy: Fen, sell: Fen
) -> tuple[Fen, int, tuple[int, int, int]]:
    """Holdings after a rebalance to weights, what is aside, and (bought, sold, fees), all in fen.

    Fees are rounded half up, one trade each, and paid out of the whole: what can be invested is the largest
    amount that leaves enough for them. `held.sum() + aside` before is `sum + aside + fees` after, exactly.
    """
    whole = int(held.sum()) + aside
    low, high = 0, whole
    # fees grow with what is invested, or fall by less than it grows: halving finds the largest that fits
    while low < high:
        middle = (low + high + 1) // 2
        if middle + _fees(held, _parts(middle, weights), buy, sell) <= whole:
            low = middle
        else:
            high = middle - 1
    now = _parts(low, weights)
    fees = _fees(held, now, buy, sell)
    moved = now - held
    bought, sold = int(moved[moved > 0].sum()), -int(moved[moved < 0].sum())
    return now, whole - low - fees, (bought, sold, fees)


def _fees(held: Fen, now: Fen, buy: Fen, sell: Fen) -> int:
    moved = now - held
    # amount x ppm stays within 64 bits up to nine trillion fen at a price of all of it
    due = np.where(moved > 0, moved * buy, -moved * sell)
    return int(((due + PPM // 2) // PPM).sum())


def _parts(whole: int, weights: Floats) -> Fen:
    """An amount in parts by weights: largest remainder, the sum exact."""
    exact = weights * whole
    parts = np.floor(exact).astype(np.int64)
    left = whole - int(parts.sum())
    order = np.argsort(-(exact - parts), kind="stable")
    if left >= 0:
        parts[order[: left % len(parts)]] += 1
        parts += left // len(parts)
    else:  # a sum of floats a fen too high
        parts[order[::-1][:-left]] -= 1
    return parts
