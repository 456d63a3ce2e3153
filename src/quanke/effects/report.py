"""What is told of a campaign: the increment first, then the way to it, then whatever speaks against it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from quanke.effects.estimates.said import chinese_of

if TYPE_CHECKING:
    from quanke.effects.estimates import BalanceRow, Estimate, SampleRatio
    from quanke.effects.returns import Gain
    from quanke.effects.stopping import Advice
    from quanke.effects.uplift.outlook import Outlook

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredOutcome:
    """One metric with its effect."""

    name: str
    title_zh: str
    title_en: str
    unit: str
    estimate: Estimate

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        told = {name: getattr(self, name) for name in ("name", "title_zh", "title_en", "unit")}
        return {**told, **estimate_json(self.estimate)}


@dataclass(frozen=True, slots=True, kw_only=True)
class NaturalFlow:
    """From what was seen to what was caused, in fen over all treated; the parts add up to `increment`.

    `gross`: growth of the treated against the days before. `anyway`: what the same number of controls grew
    by. `family`, `branch`: what the treated received from family and from their branch, beyond the controls.
    `chance`: what is left of differences that were there before (strata, prior balances).
    """

    metric: str
    gross: float
    anyway: float
    family: float
    branch: float
    chance: float
    increment: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupEffect:
    """The first metric within one group. `estimate` None: too few to be shown, or (`cut`) beyond as many
    groups as are broken out."""

    dimension: str
    member: str
    estimate: Estimate | None
    cut: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        told = {"dimension": self.dimension, "member": self.member, "hidden": self.estimate is None}
        if self.estimate is None:
            return {**told, "cut": self.cut}
        return {**told, **estimate_json(self.estimate)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """Customers: treated, of those pushed and reached; converted of treated and of controls, None where the
    pushes do not tell of controls."""

    targeted: int
    pushed: int
    reached: int
    converted: int | None
    control: int
    control_converted: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignEffect:
    """The effect of one campaign. `outcomes`: the first is the headline. `design`: fingerprint of the
    registered design, "" where none is. `before`: the day before the first contact; the window reaches from
    `first` to `last` and would reach to `closes`. `running`: the window has not ended. `as_of`: facts are
    known until then. `arm`: the arm that is compared with the control, "" for all together. `ratio`: None
    where the planned share is unknown. `facts`: digest of what was loaded. `hidden_below`: groups below are
    not broken out. `advice`: whether to stop or to repeat it. `gain`: margin on the increment of assets, None
    where the bank states no margins. `learning`: whether the plan can learn from it."""

    campaign: str
    title_zh: str
    title_en: str
    design: str
    arm: str
    before: dt.date
    first: dt.date
    last: dt.date
    closes: dt.date
    as_of: dt.date
    running: bool
    outcomes: tuple[MeasuredOutcome, ...]
    flow: NaturalFlow | None
    funnel: Funnel
    groups: tuple[GroupEffect, ...]
    balance: tuple[BalanceRow, ...]
    ratio: SampleRatio | None
    overlaps: tuple[tuple[str, str, int], ...]
    warnings: tuple[str, ...]
    method: str
    hidden_below: int
    facts: str
    advice: Advice | None = None
    gain: Gain | None = None
    learning: Outlook | None = None

    @property
    def headline(self) -> Estimate:
        """The increment."""
        return self.outcomes[0].estimate

    @property
    def sentence(self) -> str:
        """The answer in English."""
        return f"{self.headline.sentence}"

    @property
    def sentence_zh(self) -> str:
        """The answer in Chinese."""
        return f"{self.headline.sentence_zh}"

    def __getitem__(self, name: str) -> Estimate:
        """The effect on a metric. Raises KeyError with the names there are."""
        found = {each.name: each.estimate for each in self.outcomes}
        if name not in found:
            raise KeyError(f"no outcome {name!r}: there are {', '.join(found)}")
        return found[name]

    def to_json(self) -> dict[str, Any]:
        """Plain data, the answer first."""
        days = ("before", "first", "last", "closes", "as_of")
        names = ("campaign", "title_zh", "title_en", "design", "arm", "running")
        return {
            "format": FORMAT,
            "sentence": self.sentence,
            "sentence_zh": self.sentence_zh,
            **{name: getattr(self, name) for name in names},
            **{name: getattr(self, name).isoformat() for name in days},
            "outcomes": [each.to_json() for each in self.outcomes],
            "flow": None if self.flow is None else asdict(self.flow),
            "funnel": asdict(self.funnel),
            "groups": [each.to_json() for each in self.groups],
            "balance": [asdict(row) for row in self.balance],
            "sample_ratio": None if self.ratio is None else _ratio_json(self.ratio),
            "overlaps": [dict(zip(("campaign", "arm", "customers"), o, strict=True)) for o in self.overlaps],
            "warnings": list(self.warnings),
            "warnings_zh": [chinese_of(warning) for warning in self.warnings],
            "method": self.method,
            "method_zh": chinese_of(self.method),
            "hidden_below": self.hidden_below,
            "facts": self.facts,
            "advice": None if self.advice is None else self.advice.to_json(),
            "gain": None if self.gain is None else self.gain.to_json(),
            "learning": None if self.learning is None else self.learning.to_json(),
        }


def estimate_json(found: Estimate) -> dict[str, Any]:
    """An estimate as plain data, with its sentences."""
    plain: dict[str, Any] = asdict(found)
    plain["warnings"] = list(found.warnings)
    return {
        **plain,
        "significant": found.significant,
        "sentence": found.sentence,
        "sentence_zh": found.sentence_zh,
    }


def _ratio_json(found: SampleRatio) -> Mapping[str, Any]:
    return {**asdict(found), "sentence": found.sentence, "sentence_zh": found.sentence_zh}
