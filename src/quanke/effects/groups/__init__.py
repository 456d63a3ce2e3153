"""Control groups: who is in which arm, fixed before the first contact, and the register that keeps campaigns
from spoiling each other."""

from __future__ import annotations

from quanke.effects.groups.assigning import CONTROL, TREATED, Arm, Assigned, assign_arms
from quanke.effects.groups.design import ARMS, ArmUnit, Design
from quanke.effects.groups.register import CampaignRegister, RegisteredCampaign, SharedCustomers
from quanke.effects.groups.rules import RULES_FILE, EffectRules, effect_rules
from quanke.segments.control import share_of

__all__ = [
    "ARMS",
    "CONTROL",
    "RULES_FILE",
    "TREATED",
    "Arm",
    "ArmUnit",
    "Assigned",
    "CampaignRegister",
    "Design",
    "EffectRules",
    "RegisteredCampaign",
    "SharedCustomers",
    "assign_arms",
    "effect_rules",
    "share_of",
]
