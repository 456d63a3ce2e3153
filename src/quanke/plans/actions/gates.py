"""Gates: what must hold before anything is suggested to a customer, by means and purpose.

They are conditions on tags, so that a night decides them for everybody at once, and `quanke plan explain`
names the first that does not hold for one customer. What is unknown does not pass. Whoever sends a message
looks at consent and frequency once more: they may have changed since the night.
"""

from __future__ import annotations

from dataclasses import dataclass

from quanke.bank.contracts import Purpose
from quanke.customers.tags.activity import in_scope
from quanke.customers.tags.person import AGREES, is_minor
from quanke.customers.tags.scores import profiling_refused
from quanke.customers.tags.service import (
    calls_7d,
    complained_90d,
    has_owner,
    in_cool_down,
    messages_mtd,
    pushes_1d,
)
from quanke.language.expressions import Operators
from quanke.plans.actions.action import Action, By, Means
from quanke.segments.dated import Dated
from quanke.wealth.suitability.conditions import assessed, may_be_offered_away, suits

MOST_CALLS_7D = Dated.of(2)
MOST_MESSAGES_MONTH = Dated.of(4)
MOST_PUSHES_1D = Dated.of(1)
"""How often a customer may be reached: two calls a week, four texts a month, one push a day (MKT-3)."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition, with what is said where it does not hold."""

    code: str
    condition: Operators
    zh: str
    en: str


_SCOPE = Gate("scope", in_scope, "不在管范围（PI-1）", "not a customer in scope (PI-1)")
_ADULT = Gate(
    "adult",
    ~is_minor.otherwise(True),
    "未成年或年龄不明，不营销",
    "under 18 or of unknown age: never marketed to",
)
_PROFILING = Gate("profiling", ~profiling_refused, "拒绝画像推荐（PI-4）", "refused profiling (PI-4)")
_COOL = Gate("cool_down", ~in_cool_down, "拒绝后冷静期内（MKT-3）", "said no lately: cool-down (MKT-3)")
_COMPLAINT = Gate("complaint", ~complained_90d, "近90日有投诉", "complained in the last 90 days")
_OWNER = Gate("owner", has_owner, "无主管户岗位", "no post looks after the customer")
_CALLS = Gate(
    "calls", calls_7d < MOST_CALLS_7D.expression(), "本周去电已达上限（MKT-3）", "called often enough (MKT-3)"
)
_MESSAGES = Gate(
    "messages",
    messages_mtd < MOST_MESSAGES_MONTH.expression(),
    "本月短信已达上限（MKT-3）",
    "texted often enough this month (MKT-3)",
)
_PUSHES = Gate(
    "pushes",
    pushes_1d < MOST_PUSHES_1D.expression(),
    "当日推送已达上限（MKT-3）",
    "pushed to often enough today (MKT-3)",
)
# a visit is arranged by a call
_OFTEN = {Means.CALL: _CALLS, Means.VISIT: _CALLS, Means.SMS: _MESSAGES, Means.PUSH: _PUSHES}
_AGREED = {
    means: Gate(
        f"agrees_{means}",
        AGREES["call" if means is Means.VISIT else str(means)],
        "未同意该方式营销（MKT-1）",
        f"has not agreed to marketing by {means} (MKT-1)",
    )
    for means in Means
}
_ASSESSED = Gate("assessed", assessed, "风险测评无效（SUI-2）", "no valid risk assessment (SUI-2)")


def _suitable(level: int) -> Gate:
    return Gate(
        "suitable",
        suits(level),
        "风险等级不匹配（SUI-1）",
        "the product is riskier than the customer (SUI-1)",
    )


def _cared_for(level: int) -> Gate:
    return Gate(
        "elder_care",
        may_be_offered_away(level),
        "65岁及以上高风险产品须当面特别关怀（SUI-3）",
        "65 or older: a risky product is offered face to face only (SUI-3)",
    )


GATES: tuple[Gate, ...] = (
    _SCOPE,
    _ADULT,
    _PROFILING,
    _COOL,
    _COMPLAINT,
    _OWNER,
    _CALLS,
    _MESSAGES,
    _PUSHES,
    *_AGREED.values(),
    _ASSESSED,
)
"""Every gate that does not depend on a product's risk class."""


def gates_of(action: Action) -> tuple[Gate, ...]:
    """The gates of an action, in the order they are asked. A service message needs no consent to marketing;
    a visit is arranged by a call, and needs consent to one."""
    gates = [_SCOPE]
    if action.by is By.OWNER:
        gates.append(_OWNER)
    if action.purpose is Purpose.MARKETING:
        gates += [_ADULT, _PROFILING, _AGREED[action.means], _COOL, _COMPLAINT]
    if action.means in _OFTEN:
        gates.append(_OFTEN[action.means])
    if action.risk_class is not None:
        gates += [_ASSESSED, _suitable(action.risk_class)]
        if action.means is not Means.VISIT:
            gates.append(_cared_for(action.risk_class))
    return tuple(gates)
