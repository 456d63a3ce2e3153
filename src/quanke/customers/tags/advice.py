"""Who asked to be advised on investments: the consent a proposal of trades stands on (PI-1, PI-4)."""

from __future__ import annotations

from quanke.language import Expression, Tag, as_of, facts, largest, when

_consent = facts.consents
_advice = _consent.purpose == "advice"
_in_force = _consent.withdrawn_on.is_null() | (_consent.withdrawn_on > as_of())
_agreed: Expression = largest(_consent.granted_on).where(_advice & _in_force)
_refused: Expression = largest(_consent.withdrawn_on).where(_advice & (_consent.withdrawn_on <= as_of()))

advice_agreed = Tag(
    name="advice_agreed",
    title_zh="同意配置建议",
    title_en="Agreed to investment advice",
    value=when(_agreed.is_null(), False).otherwise((_agreed > _refused).otherwise(True)),
    note_zh="有未撤回的资产配置建议同意；仅对同意者生成配置建议。",
    note_en="A consent to investment advice is in force: proposals are made for nobody else.",
)

TAGS: tuple[Tag, ...] = (advice_agreed,)
