"""Suitability (domain.md SUI-1..5): who may hold what, decided by dated rules and told with reasons.

The one place of these numbers: the gates of plans, model portfolios and trades all ask here.
"""

from quanke.wealth.suitability.assessments import (
    assessment_allowed,
    assessment_valid,
    assessments_from,
    class_in_force,
)
from quanke.wealth.suitability.decision import Decision, Finding, SuitabilityRule, Verdict
from quanke.wealth.suitability.facts import Investor, Offered, SaleFacts
from quanke.wealth.suitability.judging import Suitability
from quanke.wealth.suitability.matrix import ALLOWED, SUITABILITY_CODES, holders_to_tell
from quanke.wealth.suitability.parameters import SuitabilityParameters
from quanke.wealth.suitability.promises import Promise, promises_in
from quanke.wealth.suitability.recording import recording_kept_until, sale_accepted

__all__ = [
    "ALLOWED",
    "SUITABILITY_CODES",
    "Decision",
    "Finding",
    "Investor",
    "Offered",
    "Promise",
    "SaleFacts",
    "Suitability",
    "SuitabilityParameters",
    "SuitabilityRule",
    "Verdict",
    "assessment_allowed",
    "assessment_valid",
    "assessments_from",
    "class_in_force",
    "holders_to_tell",
    "promises_in",
    "recording_kept_until",
    "sale_accepted",
]
