"""The standard triggers: at which moment the bank answers a customer."""

from __future__ import annotations

from quanke.segments.triggers.rules import TriggerRules
from quanke.segments.triggers.standard import trigger_definitions

__all__ = ["TriggerRules", "trigger_definitions"]
