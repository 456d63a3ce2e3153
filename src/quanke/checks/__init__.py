"""What should not be: conditions on a customer that make a finding where they hold.

Findings of care are for managers; findings of conduct and of accounts bear the purpose compliance or risk
and are walled off from managers and marketing (domain.md PI-6).
"""

from __future__ import annotations

from quanke.checks.accounts import ACCOUNT_CHECKS
from quanke.checks.care import CARE_CHECKS
from quanke.checks.conduct import CONDUCT_CHECKS
from quanke.checks.shared import SHARED_CHECKS
from quanke.language import Check

CHECKS: tuple[Check, ...] = (*CARE_CHECKS, *CONDUCT_CHECKS, *ACCOUNT_CHECKS, *SHARED_CHECKS)
"""All standard checks."""

__all__ = ["ACCOUNT_CHECKS", "CARE_CHECKS", "CHECKS", "CONDUCT_CHECKS", "SHARED_CHECKS"]
