"""Suitability as conditions of the language, so that a night decides it for everybody at once."""

from __future__ import annotations

from quanke.customers.tags.person import is_elder, risk_assessment_valid, risk_level
from quanke.language.expressions import Operators
from quanke.wealth.suitability.parameters import STANDARD_PARAMETERS

assessed: Operators = risk_assessment_valid
"""The risk assessment holds (SUI-2)."""


def suits(level: int) -> Operators:
    """The customer's class is known and not below a product's (SUI-1)."""
    return (risk_level >= level).otherwise(False)


def may_be_offered_away(level: int) -> Operators:
    """Nobody of 65 or more, or of unknown age, is addressed from a distance with a risky product (SUI-3)."""
    risky = STANDARD_PARAMETERS.elder_risk.expression() <= level
    return ~(is_elder.otherwise(True) & risky)
