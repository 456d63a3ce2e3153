"""Whether a campaign that is looked at again and again may be stopped: for harm, for success, or not yet.

While the window runs, p values are those of an always-valid test (`sequences`: the mixture sequential
probability ratio test of Johari, Koomen, Pekelis and Walsh, "Always valid inference", Operations Research
2022): the chance that a campaign without effect is ever told to have one is at most the level, however often
one looks. Success asks for more than harm does, p of 0.01 at the most: strict early looks leave the level of
the last one nearly as it is (Haybittle 1971; Peto and others 1976), and what does harm is stopped soon.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from math import ceil
from typing import TYPE_CHECKING, Any

from quanke.effects.estimates.answer import Estimate
from quanke.effects.estimates.sequences import TIGHTEST, TIGHTEST_CLUSTERS, always, once

if TYPE_CHECKING:
    from quanke.effects.report import MeasuredOutcome

EARLY = 0.01
"""Largest p at which success is told while the window runs."""
MOST = 100_000_000
"""Customers beyond which one would not wait for an effect to show."""
PROBABLY = 0.8416212335729143
"""Standard errors beyond what is shown at which one look sees an effect four times out of five."""


class StoppingVerdict(StrEnum):
    """What is advised."""

    HARM = "harm"
    SUCCESS = "success"
    GO_ON = "go_on"
    SHOWN = "shown"
    NOT_SHOWN = "not_shown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What is advised at a look. `metric`: the one that decides, with its titles; `running`: the window has
    not ended, and `days_left` of it are to come. `customers`: how many there are; `needed`: how many it
    would take, at the arms' shares and if the effect stays as it is estimated, until it is shown; None where
    nothing speaks for an effect yet, or more than `MOST`. Where clusters stand for themselves, both count
    clusters (`clusters`)."""

    verdict: StoppingVerdict
    metric: str
    title_zh: str
    title_en: str
    running: bool
    days_left: int
    customers: int
    clusters: bool
    needed: int | None

    @property
    def more(self) -> int:
        """How many more are needed, to two figures: it is no more exact than that; 0 where nobody can say."""
        if self.needed is None or self.needed <= self.customers:
            return 0
        more = self.needed - self.customers
        unit: int = 10 ** max(0, len(str(more)) - 2)
        return ceil(more / unit) * unit

    @property
    def sentence(self) -> str:
        """The advice in English."""
        return _english(self)

    @property
    def sentence_zh(self) -> str:
        """The advice in Chinese."""
        return _chinese(self)

    def to_json(self) -> dict[str, Any]:
        """Plain data, with its sentences."""
        return {
            **asdict(self), "verdict": str(self.verdict), "more": self.more,
            "sentence": self.sentence, "sentence_zh": self.sentence_zh,
        }  # fmt: skip


def advise(
    outcomes: Sequence[MeasuredOutcome],
    *,
    running: bool,
    days_left: int,
    harmed: Collection[str],
    clusters: int | None = None,
) -> Advice | None:
    """The advice on a campaign. The first outcome is what success is judged by; harm is looked for in those
    named in `harmed` (of which more is better), with p corrected for their number, and goes first. None where
    nothing does harm and the first outcome is none of them: whether more of it is good nobody said.
    `clusters`: how many were assigned as wholes, None for customers. While `running` the estimates must be
    always valid. Raises ValueError where they are not, or where there is none."""
    if not outcomes:
        raise ValueError("outcomes: there are none")
    if running and not all(each.estimate.always_valid for each in outcomes):
        raise ValueError("running: only always-valid estimates may be looked at early")
    decides, headline = outcomes[0], outcomes[0].estimate
    size = headline.n_treated + headline.n_control if clusters is None else clusters
    hurt = [each for each in outcomes if each.name in harmed and _shows(each.estimate, -1)]
    if hurt:
        verdict, decides = StoppingVerdict.HARM, min(hurt, key=lambda each: _p(each.estimate))
    elif decides.name not in harmed:
        return None
    elif not running:
        verdict = StoppingVerdict.SHOWN if _shows(headline, 1) else StoppingVerdict.NOT_SHOWN
    else:
        early = _shows(headline, 1) and headline.p_value <= EARLY
        verdict = StoppingVerdict.SUCCESS if early else StoppingVerdict.GO_ON
    tightest = TIGHTEST if clusters is None else TIGHTEST_CLUSTERS
    open_ = verdict in (StoppingVerdict.GO_ON, StoppingVerdict.NOT_SHOWN)
    return Advice(
        verdict=verdict, metric=decides.name, title_zh=decides.title_zh, title_en=decides.title_en,
        running=running, days_left=max(0, days_left), customers=size, clusters=clusters is not None,
        needed=_needed(headline, size, running, tightest) if open_ else None,
    )  # fmt: skip


def _p(one: Estimate) -> float:
    return one.p_value if one.p_adjusted is None else one.p_adjusted


def _shows(one: Estimate, sign: int) -> bool:
    return one.significant and one.effect * sign > 0


def _needed(found: Estimate, size: int, running: bool, tightest: int) -> int | None:
    """Customers (or clusters) at which the estimated effect would be shown, over all metrics looked at
    together; after the window, four times out of five. Standard errors shrink with their root."""
    if found.se <= 0 or found.effect <= 0 or size <= 0:
        return None
    z = found.effect / found.se
    alpha = 1 - found.level
    if found.p_adjusted is not None:
        alpha /= found.metrics  # what the correction asks for where no other metric shows anything
    if not running:
        # what is above zero is shown by the lower end; it may lie further off than the upper (redrawn arms)
        down = (found.effect - found.low) / found.se
        freedom = found.degrees_of_freedom
        down *= once(z, freedom, 1 - alpha).down / once(z, freedom, found.level).down
        whole = ceil(size * ((down + PROBABLY) / z) ** 2)
        return whole if whole <= MOST else None

    def shown(at: int) -> bool:
        p = always(z * (at / size) ** 0.5, at, found.level, tightest).p_value
        return p <= min(EARLY, alpha)

    high = size
    while not shown(high):
        high *= 2
        if high > MOST:
            return None
    low = size
    while high - low > max(1, high // 1_000):
        middle = (low + high) // 2
        low, high = (low, middle) if shown(middle) else (middle, high)
    return high


def _english(of: Advice) -> str:
    who = "groups assigned as wholes" if of.clusters else "customers"
    left = f"{of.days_left:,} day{'s' * (of.days_left != 1)} of the window are left"
    if of.verdict is StoppingVerdict.HARM:
        first = "Stop: it does harm" if of.running else "It did harm, do not repeat it"
        return f"{first} ({of.title_en}: less, beyond chance)."
    if of.verdict is StoppingVerdict.SUCCESS:
        return f"It may be stopped for success: an effect is shown that early looks do not explain; {left}."
    if of.verdict is StoppingVerdict.SHOWN:
        return "The effect is shown: it may be repeated, and taken to those who got nothing."
    if of.verdict is StoppingVerdict.NOT_SHOWN:
        size = f"An effect of this size would be seen with about {of.more:,} more {who}."
        return f"No effect is shown. {size if of.more else 'Nothing speaks for repeating it as it was.'}"
    more = f"about {of.more:,} more {who} would show it if the effect stays as it is"
    return f"Go on: {left}; {more if of.more else 'nothing speaks for an effect yet'}."


def _chinese(of: Advice) -> str:
    who = "个整体分配单位" if of.clusters else "户"
    left = f"观察期还剩 {of.days_left:,} 天"
    if of.verdict is StoppingVerdict.HARM:
        first = "建议停止：有损害" if of.running else "有损害，不宜重复"
        return f"{first}（{of.title_zh}减少，超出偶然）。"
    if of.verdict is StoppingVerdict.SUCCESS:
        return f"可提前结束：效果已测得，且非多次提前查看所致；{left}。"
    if of.verdict is StoppingVerdict.SHOWN:
        return "效果已测得：可重复开展，并推广到对照客户。"
    if of.verdict is StoppingVerdict.NOT_SHOWN:
        size = f"若要测得这样大小的效果，约需再增加 {of.more:,} {who}。"
        return f"未测得效果。{size if of.more else '没有按原样重复开展的依据。'}"
    more = f"若效果维持现状，再增加约 {of.more:,} {who}可测得"
    return f"继续：{left}；{more if of.more else '目前尚无支持有效果的依据'}。"


__all__ = ["EARLY", "Advice", "StoppingVerdict", "advise"]
