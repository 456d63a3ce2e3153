"""Findings of care: customers for whom something is due and has not been done. For managers to act on."""

from __future__ import annotations

from quanke.customers.tags.activity import in_scope
from quanke.customers.tags.flows import large_outflow
from quanke.customers.tags.income import salary_stopped
from quanke.customers.tags.products import first_account_on, maturing_7d
from quanke.customers.tags.service import (
    has_owner,
    last_complaint_on,
    last_effective_contact_on,
    last_visit_on,
)
from quanke.language import Check, Expression, as_of, days_between
from quanke.language.expressions import Operators
from quanke.segments import TIER_TAGS

FOLLOW_UP_DAYS = 5
"""Three working days are at most five natural ones outside holidays (domain.md BK-3); the language counts
natural days."""

_rank = TIER_TAGS["tier_rank"]


def _not_contacted_since(day: Operators) -> Expression:
    """No effective contact after a day."""
    return last_effective_contact_on.is_null() | (last_effective_contact_on <= day)


def _days_ago(day: Operators, low: int, high: int) -> Expression:
    """Whether a day lies `low` to `high` days back, both included."""
    return (days_between(day, as_of()) >= low) & (days_between(day, as_of()) <= high)


owner_missing = Check(
    name="owner_missing",
    title_zh="中高层级客户无管户",
    title_en="Customer of a managed tier without a manager",
    value=in_scope & TIER_TAGS["owner_required"] & ~has_owner,
    severity="high",
    note_zh="应有主管户的层级没有生效的主管户（BK-1；空档不得超过3个工作日）。",
    note_en="A tier that must be looked after has no primary manager in force (BK-1).",
)
outflow_to_recall = Check(
    name="outflow_to_recall",
    title_zh="资产流失待召回",
    title_en="Large outflow to answer",
    value=in_scope & large_outflow,
    note_zh="30日降幅≥30%且≥5万元，剔除购房学费（KPI-2）；2个工作日内联系（BK-3）。",
    note_en="A 30-day fall of 30 % and 50,000 beyond house and tuition (KPI-2); call within 2 workdays.",
)
maturity_unattended = Check(
    name="maturity_unattended",
    title_zh="到期未对接",
    title_en="Maturity without a contact",
    value=in_scope
    & (_rank >= 1)
    & (maturing_7d > 0)
    & (last_effective_contact_on.is_null() | (days_between(last_effective_contact_on, as_of()) > 14)),
    note_zh="7日内有产品到期，而近14日无有效接触（BK-3）。",
    note_en="Something matures within 7 days and nobody has talked to the customer for 14 (BK-3).",
)
newcomer_not_welcomed = Check(
    name="newcomer_not_welcomed",
    title_zh="新客未接触",
    title_en="New customer not welcomed",
    value=in_scope
    & (_rank >= 1)
    & _days_ago(first_account_on, 8, 37)
    & _not_contacted_since(first_account_on),
    severity="info",
    note_zh="首次开户超过7日仍无有效接触（BK-3）；线上层级不计。",
    note_en="No effective contact within 7 days of the first account (BK-3); digital tiers left out.",
)
visit_not_followed_up = Check(
    name="visit_not_followed_up",
    title_zh="到店未回访",
    title_en="Branch visit not followed up",
    value=in_scope
    & (_rank >= 1)
    & _days_ago(last_visit_on, FOLLOW_UP_DAYS + 1, 30)
    & _not_contacted_since(last_visit_on),
    severity="info",
    note_zh="到店3个工作日后仍无回访（BK-3），按5个自然日计。",
    note_en="No call-back within 3 working days of a visit (BK-3), counted as 5 natural days.",
)
complaint_unanswered = Check(
    name="complaint_unanswered",
    title_zh="投诉未回应",
    title_en="Complaint without an answer",
    value=_days_ago(last_complaint_on, FOLLOW_UP_DAYS + 1, 90) & _not_contacted_since(last_complaint_on),
    note_zh="投诉5日后仍无有效接触。",
    note_en="No effective contact since a complaint of more than 5 days ago.",
)
wages_stopped = Check(
    name="wages_stopped",
    title_zh="代发中断待了解",
    title_en="Wages have stopped: ask why",
    value=in_scope & salary_stopped,
    severity="info",
    note_zh="近6月至少3个月有代发而近62日没有。",
    note_en="Wages in at least three of six months, none in 62 days.",
)

CARE_CHECKS: tuple[Check, ...] = (
    owner_missing,
    outflow_to_recall,
    maturity_unattended,
    newcomer_not_welcomed,
    visit_not_followed_up,
    complaint_unanswered,
    wages_stopped,
)
