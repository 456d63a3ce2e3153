"""How many customers there are, of which kind, and in which stage."""

from __future__ import annotations

from quanke.customers.stages import STAGES, stage, stage_since
from quanke.customers.tags import activity, cards, cross_border, digital, income
from quanke.customers.tags.activity import in_scope
from quanke.customers.tags.person import is_person, may_be_marketed
from quanke.language import Metric, Purpose, as_of, days_between
from quanke.segments.metrics.population import number_of, share_of

SIZE: tuple[Metric, ...] = (
    Metric(
        name="persons",
        title_zh="个人客户数",
        title_en="Persons known",
        value=number_of(is_person),
        purpose=Purpose.STATISTICS,
        note_zh="含潜客。",
        note_en="Prospects included.",
    ),
    Metric(
        name="customers_in_scope",
        title_zh="在管范围客户数",
        title_en="Customers in scope",
        value=number_of(in_scope),
        purpose=Purpose.STATISTICS,
    ),
    Metric(
        name="effective_customers",
        title_zh="有效户数",
        title_en="Effective customers",
        value=number_of(in_scope & activity.is_effective),
        purpose=Purpose.STATISTICS,
        note_zh="月日均≥100元或近3个月有主动交易（口径表有效户）。",
        note_en="Monthly mean of 100 or a movement of their own in three months (KPI table).",
    ),
    Metric(
        name="effective_rate",
        title_zh="有效户率",
        title_en="Share of effective customers",
        value=share_of(activity.is_effective, in_scope),
        purpose=Purpose.STATISTICS,
    ),
    Metric(
        name="mau",
        title_zh="月活客户数",
        title_en="Monthly active users",
        value=number_of(is_person & digital.is_mau),
        purpose=Purpose.STATISTICS,
        note_zh="本月有认证登录的客户数（口径表MAU）。",
        note_en="Customers with an authenticated login this month (KPI table).",
    ),
    Metric(
        name="mau_rate",
        title_zh="月活率",
        title_en="Share of monthly active users",
        value=share_of(digital.is_mau, in_scope),
        purpose=Purpose.STATISTICS,
    ),
    Metric(
        name="dormant_rate",
        title_zh="长期不动户占比",
        title_en="Share of dormant customers",
        value=share_of(activity.is_dormant, in_scope),
        purpose=Purpose.STATISTICS,
    ),
    Metric(
        name="salary_customers",
        title_zh="代发工资客户数",
        title_en="Customers with wages here",
        value=number_of(in_scope & income.has_salary),
        purpose=Purpose.STATISTICS,
    ),
    Metric(
        name="social_card_activation_rate",
        title_zh="社保卡激活率",
        title_en="Share of social-security cards activated",
        value=share_of(~cards.social_card_inactive, cards.has_social_card & in_scope),
        purpose=Purpose.STATISTICS,
    ),
    Metric(
        name="etc_customers",
        title_zh="ETC客户数",
        title_en="ETC customers",
        value=number_of(in_scope & cards.has_etc),
        purpose=Purpose.STATISTICS,
    ),
    Metric(
        name="cross_border_customers",
        title_zh="跨境客户数",
        title_en="Cross-border customers",
        value=number_of(in_scope & cross_border.is_cross_border),
        purpose=Purpose.STATISTICS,
    ),
    Metric(
        name="marketable_rate",
        title_zh="可营销客户占比",
        title_en="Share that may be marketed to",
        value=share_of(may_be_marketed, in_scope),
        purpose=Purpose.STATISTICS,
    ),
)
"""How many customers there are, and of which kind."""


def _stages() -> tuple[Metric, ...]:
    """How many are in each stage, and how many came into it lately."""
    counts = tuple(
        Metric(
            name=f"stage_{name}_customers",
            title_zh=f"{zh}客户数",
            title_en=f"Stage {en.lower()}: customers",
            value=number_of(is_person & (stage == name)),
            purpose=Purpose.STATISTICS,
        )
        for name, (zh, en) in STAGES.items()
    )
    entered = days_between(stage_since, as_of()) < 30
    moves = tuple(
        Metric(
            name=f"stage_{name}_entered_30d",
            title_zh=f"近30日进入{STAGES[name][0]}客户数",
            title_en=f"Entered stage {STAGES[name][1].lower()} in 30 days",
            value=number_of(is_person & (stage == name) & entered),
            purpose=Purpose.STATISTICS,
        )
        for name in ("new", "at_risk", "lost", "won_back")
    )
    return (*counts, *moves)


STAGE_FIGURES: tuple[Metric, ...] = _stages()
