"""How customers are looked after, and what campaigns did."""

from __future__ import annotations

from quanke.customers.tags import service
from quanke.customers.tags.activity import in_scope
from quanke.customers.tags.person import is_person
from quanke.language import Metric, Purpose, as_of, days_between
from quanke.segments.metrics.population import number_of, share_of
from quanke.segments.tiers import TIER_TAGS

_due = TIER_TAGS["contact_standard_days"]
_contacted = days_between(service.last_effective_contact_on, as_of()) <= _due

CARE: tuple[Metric, ...] = (
    Metric(
        name="coverage_rate",
        title_zh="管户率",
        title_en="Coverage: share with a manager",
        value=share_of(service.has_owner, in_scope),
        purpose=Purpose.STATISTICS,
        note_zh="在管范围客户中有生效主管户者占比（口径表管户率）。",
        note_en="In-scope customers with an active manager over those in scope (KPI table).",
    ),
    Metric(
        name="coverage_required_rate",
        title_zh="应管客户管户率",
        title_en="Coverage where the tier requires a manager",
        value=share_of(service.has_owner, in_scope & TIER_TAGS["owner_required"]),
        purpose=Purpose.STATISTICS,
    ),
    Metric(
        name="contact_standard_rate",
        title_zh="接触达标率",
        title_en="Share contacted within the standard",
        value=share_of(_contacted, in_scope & service.has_owner & _due.is_known()),
        purpose=Purpose.STATISTICS,
        note_zh="有管户且层级有标准者中，有效接触在标准天数内（BK-3、BK-4）。",
        note_en="Of those owned whose tier has a standard, effectively contacted within it (BK-3, BK-4).",
    ),
    Metric(
        name="complaint_rate",
        title_zh="近90日投诉客户占比",
        title_en="Share that complained in 90 days",
        value=share_of(service.complained_90d, in_scope),
        purpose=Purpose.STATISTICS,
    ),
    Metric(
        name="targeted_customers",
        title_zh="近90日被推送客户数",
        title_en="Customers targeted in 90 days",
        value=number_of(is_person & service.targeted_90d),
        purpose=Purpose.STATISTICS,
    ),
    Metric(
        name="reach_rate",
        title_zh="触达率",
        title_en="Reach",
        value=share_of(service.reached_90d, is_person & service.targeted_90d),
        purpose=Purpose.STATISTICS,
        note_zh="有效触达客户÷被推送客户（口径表触达率）。",
        note_en="Customers effectively reached over customers targeted (KPI table).",
    ),
    Metric(
        name="conversion_rate",
        title_zh="转化率",
        title_en="Conversion of those reached",
        value=share_of(service.converted_90d, is_person & service.reached_90d),
        purpose=Purpose.STATISTICS,
        note_zh="触达客户中30日内转化者占比（口径表转化率）。",
        note_en="Converted within 30 days over reached (KPI table).",
    ),
    Metric(
        name="conversion_of_targeted_rate",
        title_zh="转化率（对推送）",
        title_en="Conversion of those targeted",
        value=share_of(service.converted_treated_90d, is_person & service.targeted_90d),
        purpose=Purpose.STATISTICS,
    ),
    Metric(
        name="conversion_of_control_rate",
        title_zh="对照组自然转化率",
        title_en="Conversion of those held out",
        value=share_of(service.converted_control_90d, is_person & service.held_out_90d),
        purpose=Purpose.STATISTICS,
    ),
    Metric(
        name="conversion_lift",
        title_zh="转化提升（推送减对照）",
        title_en="Lift: targeted less held out",
        value=share_of(service.converted_treated_90d, is_person & service.targeted_90d)
        - share_of(service.converted_control_90d, is_person & service.held_out_90d),
        purpose=Purpose.STATISTICS,
        note_zh="所有活动合并的粗略差异，未作区间估计；单项活动效果以效果评估为准。",
        note_en="A plain difference over all campaigns, no interval; effects are estimated per campaign.",
    ),
)
"""How they are looked after, and what campaigns did."""
