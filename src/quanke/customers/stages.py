"""Life-cycle stages: every customer is in exactly one, with the day he came into it and why.

| stage | 中文 | who |
|---|---|---|
| prospect | 潜客 | no account was ever opened |
| new | 新客 | first account opened within the last 90 days |
| active | 稳定 | everybody else with an open account |
| growing | 提升 | AUM of the last 90 days above the 90 before by at least 20 % and 5,000 |
| at_risk | 流失预警 | large fall of assets (KPI-2), slow fall of 30 % and 5,000, or silent for 180 days |
| lost | 流失 | relationship ended, died, no open account, or empty and silent for 180 days |
| won_back | 赢回 | was lost and is not any more, for 90 days |

A slow fall compares the daily mean of 30 days with that of the 90 days before the last 90. Empty means
less than an effective customer has (100). Rules are asked in this order: prospect, lost, won back, new,
at risk, growing, active. A customer whom nothing worse concerns stays at risk, or growing, for at least
30 days, so that nobody moves to and fro with his wages. `stage_since` of the first night a customer is
seen in is taken from his data where they tell (the first account, the beginning of the relationship), of
later moves it is the night's day.

All lengths and amounts are parameters of `StageRules`; none of them is law (domain rule book: assumed).
"""

from __future__ import annotations

from dataclasses import dataclass

from quanke.customers.tags.activity import inactive_days
from quanke.customers.tags.assets import aum, aum_30d, aum_90d, aum_prior_90d, aum_trend, loan_balance
from quanke.customers.tags.conditions import growth
from quanke.customers.tags.flows import house_purchase_90d, large_outflow
from quanke.customers.tags.person import deceased, relationship_closed
from quanke.customers.tags.products import HOLDS, accounts_open, first_account_on
from quanke.language import Expression, Tag, as_of, customers, days_between, earlier, least, when
from quanke.language.expressions import Operators
from quanke.language.types import DATE, TEXT

STAGES: dict[str, tuple[str, str]] = {
    "prospect": ("潜客", "Prospect"),
    "new": ("新客", "New"),
    "active": ("稳定", "Active"),
    "growing": ("提升", "Growing"),
    "at_risk": ("流失预警", "At risk"),
    "lost": ("流失", "Lost"),
    "won_back": ("赢回", "Won back"),
}
"""What each stage is called, in the order of the chain."""

REASONS: dict[str, tuple[str, str, str]] = {
    "no_account": ("prospect", "从未开户", "No account was ever opened"),
    "deceased": ("lost", "已身故", "Known to have died"),
    "closed": ("lost", "关系已终止", "Relationship ended"),
    "no_open_account": ("lost", "账户全部销户", "All accounts closed"),
    "empty_and_silent": ("lost", "无资产且长期不活跃", "Nothing left and long silent"),
    "came_back": ("won_back", "流失后返回", "Was lost and came back"),
    "first_account": ("new", "首次开户90日内", "First account within 90 days"),
    "large_outflow": ("at_risk", "资产大额流失", "Large fall of assets in 30 days"),
    "assets_falling": ("at_risk", "季度资产持续下降", "Assets fall from quarter to quarter"),
    "silent": ("at_risk", "长期不活跃", "Long silent"),
    "assets_rising": ("growing", "季度资产增长", "Assets rise from quarter to quarter"),
    "steady": ("active", "无特别变化", "Nothing particular"),
}
"""Each reason: the stage it puts a customer in, and what it is called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRules:
    """Parameters of the stages. Days are natural days, amounts major units, shares of one."""

    new_days: int = 90
    won_back_days: int = 90
    silent_days: int = 180
    empty_amount: int = 100
    fall_share: float = 0.3
    rise_share: float = 0.2
    least_change: int = 5_000
    stay_days: int = 30


def _stays(stage: str, rules: StageRules) -> Expression:
    """Whether the customer was in the stage the night before and entered it a short time ago."""
    entered = earlier("stage_since", DATE)
    return (earlier("stage", TEXT) == stage) & (days_between(entered, as_of()) < rules.stay_days)


def _lost(rules: StageRules) -> list[tuple[Operators, str]]:
    """Conditions of a lost customer with their reasons."""
    silent = inactive_days.is_null() | (inactive_days > rules.silent_days)
    known_long = days_between(first_account_on, as_of()) > rules.silent_days
    nothing_left = (aum < rules.empty_amount) & (aum_30d < rules.empty_amount) & (loan_balance <= 0)
    return [
        (deceased, "deceased"),
        (relationship_closed, "closed"),
        (accounts_open == 0, "no_open_account"),
        (silent & known_long & nothing_left, "empty_and_silent"),
    ]


def _at_risk(rules: StageRules) -> list[tuple[Operators, str]]:
    """Conditions of a customer at risk with their reasons."""
    fell = (aum_prior_90d - aum_30d >= rules.least_change) & (
        growth(aum_30d, aum_prior_90d) <= -rules.fall_share
    )
    silent = inactive_days.is_null() | (inactive_days > rules.silent_days)
    bound = HOLDS["term"] | HOLDS["wealth"] | HOLDS["mortgage"]
    return [
        (large_outflow, "large_outflow"),
        (fell & ~house_purchase_90d, "assets_falling"),
        (silent & ~bound, "silent"),
    ]


def _reason(rules: StageRules) -> Expression:
    """Code of the first rule that holds; never unknown."""
    was = earlier("stage", TEXT)
    lately_back = (was == "won_back") & (
        days_between(earlier("stage_since", DATE), as_of()) < rules.won_back_days
    )
    rose = (aum_90d - aum_prior_90d >= rules.least_change) & (aum_trend.otherwise(1) >= rules.rise_share)
    chain = when(first_account_on.is_null() & ~relationship_closed & ~deceased, "no_account")
    for condition, reason in _lost(rules):
        chain = chain.when(condition, reason)
    chain = chain.when((was == "lost") | lately_back, "came_back")
    chain = chain.when(days_between(first_account_on, as_of()) < rules.new_days, "first_account")
    for condition, reason in _at_risk(rules):
        chain = chain.when(condition, reason)
    chain = chain.when(_stays("at_risk", rules), earlier("stage_reason", TEXT))
    chain = chain.when(rose | _stays("growing", rules), "assets_rising")
    return chain.otherwise("steady")


def stage_definitions(rules: StageRules | None = None) -> tuple[Tag, ...]:
    """The tags `stage`, `stage_reason`, `stage_since` and `stage_before` by these rules."""
    stage_reason = Tag(
        name="stage_reason",
        title_zh="阶段判定原因",
        title_en="Why the customer is in this stage",
        value=_reason(rules or StageRules()),
        unit="code",
        note_zh="、".join(f"{code}{zh}" for code, (_, zh, _) in REASONS.items()),
        note_en="; ".join(f"{code}: {en}" for code, (_, _, en) in REASONS.items()),
    )
    reasons_of = {stage: [code for code, (of, _, _) in REASONS.items() if of == stage] for stage in STAGES}
    chain = when(stage_reason.one_of(*reasons_of["prospect"]), "prospect")
    for name in ("new", "growing", "at_risk", "lost", "won_back"):
        chain = chain.when(stage_reason.one_of(*reasons_of[name]), name)
    stage = Tag(
        name="stage",
        title_zh="生命周期阶段",
        title_en="Life-cycle stage",
        value=chain.otherwise("active"),
        unit="code",
        note_zh="、".join(f"{name}{zh}" for name, (zh, _) in STAGES.items()) + "（S01）。",
        note_en="One of " + ", ".join(STAGES) + " (S01).",
    )
    was = earlier("stage", TEXT)
    stage_since = Tag(
        name="stage_since",
        title_zh="进入阶段日期",
        title_en="In this stage since",
        value=when(was == stage, earlier("stage_since", DATE))
        .when(was.is_known(), as_of())
        .when(stage == "new", first_account_on)
        .when(stage == "prospect", least(customers.opened_on, as_of()))
        .otherwise(as_of()),
        unit="date",
    )
    stage_before = Tag(
        name="stage_before",
        title_zh="上一阶段",
        title_en="Stage before this one",
        value=when(was == stage, earlier("stage_before", TEXT)).otherwise(was),
        unit="code",
        note_zh="首次入库为空。",
        note_en="Null while the customer has had one stage only.",
    )
    return (stage_reason, stage, stage_since, stage_before)


STAGE_TAGS: tuple[Tag, ...] = stage_definitions()
stage_reason, stage, stage_since, stage_before = STAGE_TAGS
