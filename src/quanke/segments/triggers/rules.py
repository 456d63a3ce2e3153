"""Parameters of the standard triggers: numbers with the days from which they hold, each the bank's to set."""

from __future__ import annotations

from dataclasses import dataclass, field

from quanke.language import Expression, minor_units, yuan
from quanke.segments.dated import Dated


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerRules:
    """Amounts in major units, shares in per cent, lengths in natural days unless the name says otherwise.

    `new_card_days` is the length of a wait and as such fixed, not dated. `fx_quota_usd` is domain rule FX-1
    (USD 50,000 a calendar year, 汇发〔2020〕14号); `fen_for_a_dollar` the monthly conversion rate of the
    authority in minor units of the home currency, to be dated month by month; what counts in the end is the
    authority's system.
    """

    large_inflow: Dated = field(default=Dated.of(10_000))
    share_of_gap: Dated = field(default=Dated.of(50))
    salary: Dated = field(default=Dated.of(1_000))
    large_outflow: Dated = field(default=Dated.of(50_000))
    share_of_deposits: Dated = field(default=Dated.of(20))
    maturity_working_days: int = 3
    new_card_days: int = 7
    silent_days: Dated = field(default=Dated.of(90))
    fx_quota_usd: Dated = field(default=Dated.of(50_000))
    fen_for_a_dollar: Dated = field(default=Dated.of(710))
    share_of_quota: Dated = field(default=Dated.of(80))
    holiday_days: Dated = field(default=Dated.of(3))

    def __post_init__(self) -> None:
        if not 1 <= self.maturity_working_days <= 60 or not 1 <= self.new_card_days <= 366:
            raise ValueError("a maturity is told 1 to 60 working days before, a new card waits 1 to 366 days")

    def near_quota(self) -> Expression:
        """The part of the yearly quota from which a purchase is near it, in the home currency."""
        quota = minor_units(1) * self.fx_quota_usd.expression() * self.fen_for_a_dollar.expression()
        return quota * self.share_of_quota.expression() / 100


def amount(parameter: Dated) -> Expression:
    """A parameter in major units as an amount of the home currency."""
    return yuan(1) * parameter.expression()
