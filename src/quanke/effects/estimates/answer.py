"""The answer: an effect with its interval, in figures and in a sentence."""

from __future__ import annotations

from dataclasses import dataclass

from quanke.effects.estimates import sentences


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the treated have more than they would have without, on average (intention to treat).

    Amounts are in the outcome's own unit (`unit` "fen": fen; "people" and "rate": shares of one). For a ratio
    metric the effect is the difference of the two ratios.
    """

    effect: float
    low: float
    high: float
    """The interval at `level`; for all looks together where `always_valid`."""
    se: float
    n_treated: int
    n_control: int
    """Customers whose outcome is known and counted."""
    warnings: tuple[str, ...]
    unit: str
    level: float
    p_value: float
    total: float
    total_low: float
    total_high: float
    """The effect on all treated together: times customers, for a ratio times their denominators."""
    mean_treated: float
    mean_control: float
    """Means of the arms, taken to equal strata and covariates: their difference is the effect."""
    relative: float | None
    """Effect over the control's mean; None where that is zero."""
    variance_reduction: float
    """1 - variance with covariates / variance without."""
    degrees_of_freedom: float
    method: str
    always_valid: bool = False
    detectable: float = 0.0
    """The smallest effect that would have been seen four times out of five."""
    p_adjusted: float | None = None
    """Corrected for all metrics of the call; None for a single one."""
    metrics: int = 1
    reached: int | None = None
    """Treated who were reached; None where it was not told."""
    effect_reached: float | None = None
    low_reached: float | None = None
    high_reached: float | None = None
    se_reached: float | None = None
    """The effect per customer reached (Wald): None where nobody was."""
    ratio: bool = False

    @property
    def significant(self) -> bool:
        """Whether an effect is shown: the interval (and, over many metrics, the correction) leaves out
        zero. Never where the outcome does not vary within the arms: there is no interval then, and p is 1."""
        p = self.p_value if self.p_adjusted is None else self.p_adjusted
        return self.se > 0 and p <= 1 - self.level

    @property
    def sentence(self) -> str:
        """The answer in English: the increment first, or that none can be measured."""
        return sentences.english(self)

    @property
    def sentence_zh(self) -> str:
        """The answer in Chinese."""
        return sentences.chinese(self)
