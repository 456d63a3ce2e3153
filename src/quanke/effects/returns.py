"""What an increment earned the bank, and what came of it after costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from quanke.effects.estimates.answer import Estimate

YEAR = 365
"""Natural days a yearly margin is spread over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """Margin on the increment over the window, in fen: with its interval. `margin` is a year's, as a share of
    what is held; `days` those of the window."""

    margin: float
    days: int
    fen: int
    low: int
    high: int

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """What is left of a gain after costs, in fen; `per_yuan`: margin earned for each yuan spent, with its
    interval, None where nothing was spent."""

    cost: int
    net: int
    net_low: int
    net_high: int
    per_yuan: Decimal | None
    per_yuan_low: Decimal | None
    per_yuan_high: Decimal | None


def gain_of(found: Estimate, margin: float, days: int) -> Gain:
    """What the bank earned on the increment while the window ran: the daily mean of assets that all treated
    together have more, times the margin for as many days. `found`: effect on the daily mean of assets over
    those days, in fen. Costs of funding are in the margin; what stays after the window is not counted.
    Raises ValueError for another unit."""
    if found.unit != "fen" or found.ratio:
        raise ValueError("found: only an increment in money earns a margin")
    share = margin * days / YEAR
    fen, low, high = (_whole(total * share) for total in (found.total, found.total_low, found.total_high))
    return Gain(margin=margin, days=days, fen=fen, low=min(low, high), high=max(low, high))


def return_on(gain: Gain, cost: int) -> Return:
    """A gain less what it cost (fen)."""
    return Return(
        cost=cost,
        net=gain.fen - cost,
        net_low=gain.low - cost,
        net_high=gain.high - cost,
        per_yuan=divided(gain.fen, cost),
        per_yuan_low=divided(gain.low, cost),
        per_yuan_high=divided(gain.high, cost),
    )


def divided(part: int, whole: int) -> Decimal | None:
    """A ratio to two places, half up; None where the whole is zero."""
    return None if whole == 0 else (Decimal(part) / whole).quantize(Decimal("0.01"), ROUND_HALF_UP)


def weighted_margin(held: Mapping[str, float], margins: Mapping[str, float]) -> float | None:
    """Mean yearly margin of what is held, weighted with the amounts. Both by category; what has no stated
    margin is left out. None where nothing with a margin is held."""
    among = {name: amount for name, amount in held.items() if name in margins and amount > 0}
    whole = sum(among.values())
    return sum(amount * margins[name] for name, amount in among.items()) / whole if whole > 0 else None


def _whole(value: float) -> int:
    return int(Decimal(repr(value)).quantize(Decimal(1), ROUND_HALF_UP))
