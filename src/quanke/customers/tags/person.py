"""Who the customer is: age, tenure, documents, suitability, what he agreed to."""

from __future__ import annotations

from quanke.language import (
    Expression,
    Purpose,
    Tag,
    add_months,
    as_of,
    band,
    customers,
    days_between,
    facts,
    largest,
    months_between,
    when,
    year,
    years_between,
)

ELDER_AGE = 65
"""Special care from this age on (domain.md SUI-3)."""
ASSESSMENT_MONTHS = 12
"""So long a risk assessment holds (domain.md SUI-2)."""

is_person = Tag(
    name="is_person",
    title_zh="个人客户",
    title_en="Is a person",
    value=customers.kind.otherwise("person") == "person",
    note_zh="企业、政府机关、事业单位为否；层级只分个人。",
    note_en="No for businesses and government bodies; tiers are for persons.",
)
city = Tag(name="city", title_zh="城市", title_en="City", value=customers.city, unit="name")
district = Tag(name="district", title_zh="区县", title_en="District", value=customers.district, unit="name")
branch = Tag(
    name="branch", title_zh="归属网点", title_en="Home branch", value=customers.branch_id, unit="code"
)
sex = Tag(name="sex", title_zh="性别", title_en="Sex", value=customers.sex, unit="code")
age = Tag(
    name="age",
    title_zh="年龄",
    title_en="Age",
    value=years_between(customers.birth_date, as_of()),
    note_zh="按月日足算的周岁。",
    note_en="Whole years gone by.",
)
is_minor = Tag(
    name="is_minor",
    title_zh="未成年人",
    title_en="Under 18",
    value=age < 18,
    note_zh="行为能力分段见ACC-10；营销须排除。",
    note_en="Bands of legal capacity: ACC-10; never a target of marketing.",
)
is_under_14 = Tag(
    name="is_under_14",
    title_zh="不满14周岁",
    title_en="Under 14",
    value=age < 14,
    note_zh="敏感个人信息，须监护人同意，不得画像推荐（PI-3、PI-4）。",
    note_en="Sensitive personal information: guardian's consent, no recommendation by profile (PI-3, PI-4).",
)
is_elder = Tag(
    name="is_elder",
    title_zh="65岁及以上",
    title_en="Aged 65 or older",
    value=age >= ELDER_AGE,
    note_zh="购买高风险产品须特别关怀（SUI-3）。",
    note_en="Special care with high-risk products (SUI-3).",
)


def _next_birthday() -> Expression:
    """The birthday on or after the as-of day; 29 February is kept on the 28th in common years."""
    this_year = add_months(customers.birth_date, (year(as_of()) - year(customers.birth_date)) * 12)
    next_year = add_months(customers.birth_date, (year(as_of()) - year(customers.birth_date)) * 12 + 12)
    return when(this_year >= as_of(), this_year).otherwise(next_year)


birthday_7d = Tag(
    name="birthday_7d",
    title_zh="7日内生日",
    title_en="Birthday within 7 days",
    value=when(customers.birth_date.is_known(), days_between(as_of(), _next_birthday()) <= 7).otherwise(None),
    note_zh="含当日；仅用于关怀。",
    note_en="Today included; for greetings only.",
)
tenure_months = Tag(
    name="tenure_months",
    title_zh="客龄（月）",
    title_en="Months with the bank",
    value=months_between(customers.opened_on, as_of()),
)
deceased = Tag(
    name="deceased",
    title_zh="已身故",
    title_en="Known to have died",
    value=customers.deceased.otherwise(False),
)
relationship_closed = Tag(
    name="relationship_closed",
    title_zh="已终止关系",
    title_en="Relationship ended",
    value=(customers.closed_on <= as_of()).otherwise(False),
)
is_foreigner = Tag(
    name="is_foreigner",
    title_zh="境外客户",
    title_en="From outside the mainland",
    value=(customers.nationality != "CHN")
    | customers.id_type.one_of(
        "residence_permit_hmt", "permanent_resident_id", "permit_hk_macau", "permit_taiwan", "passport"
    ),
    note_zh="按国籍或证件类型；从不由号码形状推断（ID-2）。",
    note_en="By nationality or kind of document, never by the shape of a number (ID-2).",
)
language = Tag(
    name="language",
    title_zh="语言",
    title_en="Preferred language",
    value=customers.language,
    unit="code",
    note_zh="推送按此选中文或英文文本。",
    note_en="Messages are written in it where there is an English text.",
)
sources = Tag(
    name="sources",
    title_zh="来源系统数",
    title_en="Source systems that know the customer",
    value=customers.sources,
    unit="systems",
)
id_expired_days = Tag(
    name="id_expired_days",
    title_zh="证件过期天数",
    title_en="Days since the identity document expired",
    value=when(customers.id_expires_on < as_of(), days_between(customers.id_expires_on, as_of())).otherwise(
        None
    ),
    note_zh="未过期或未知为空；过期超过90日限制业务（ACC-10）。",
    note_en="Null while valid or unknown; restricted after 90 days (ACC-10).",
)
id_expires_90d = Tag(
    name="id_expires_90d",
    title_zh="证件90日内到期",
    title_en="Identity document expires within 90 days",
    value=(customers.id_expires_on >= as_of()) & (days_between(as_of(), customers.id_expires_on) <= 90),
)
risk_level = Tag(
    name="risk_level",
    title_zh="风险承受能力（1–5）",
    title_en="Investor risk class, 1 to 5",
    value=when(customers.risk_class == "C1", 1)
    .when(customers.risk_class == "C2", 2)
    .when(customers.risk_class == "C3", 3)
    .when(customers.risk_class == "C4", 4)
    .when(customers.risk_class == "C5", 5)
    .otherwise(None),
    unit="level",
)
risk_assessment_valid = Tag(
    name="risk_assessment_valid",
    title_zh="风险测评有效",
    title_en="Risk assessment is valid",
    value=(
        customers.risk_class.is_known()
        & (as_of() <= add_months(customers.risk_assessed_on, ASSESSMENT_MONTHS))
    ).otherwise(False),
    note_zh="12个月内有效，含对应日（SUI-2：2025-03-01有效至2026-03-01）。",
    note_en="Twelve months, the corresponding day included (SUI-2: 2025-03-01 holds through 2026-03-01).",
)
credit_score_band = Tag(
    name="credit_score_band",
    title_zh="征信评分档",
    title_en="Band of the credit-bureau score",
    value=band(customers.credit_score, [400, 500, 600, 700]),
    purpose=Purpose.RISK,
    unit="band",
    note_zh="征信数据仅限约定用途，绝不进入营销（PI-6）。",
    note_en="Bureau data serves the agreed purpose only, never marketing (PI-6).",
)


def _about(means: str) -> Expression:
    consent = facts.consents
    return (consent.purpose == "marketing") & consent.means.one_of(means, "any")


def refused_on(means: str) -> Expression:
    """Day of the last refusal of marketing by a means; null where there was none."""
    consent = facts.consents
    return largest(consent.withdrawn_on).where(_about(means) & (consent.withdrawn_on <= as_of()))


def _agreed(means: str, title_zh: str, title_en: str) -> Tag:
    """Consent to marketing by one means, in force on the as-of day."""
    consent = facts.consents
    in_force = consent.withdrawn_on.is_null() | (consent.withdrawn_on > as_of())
    granted = largest(consent.granted_on).where(_about(means) & in_force)
    return Tag(
        name=f"agrees_{means}",
        title_zh=f"同意{title_zh}营销",
        title_en=f"Agreed to marketing by {title_en}",
        value=when(granted.is_null(), False).otherwise((granted > refused_on(means)).otherwise(True)),
        note_zh="有未撤回的同意，且晚于该方式的最近一次撤回（MKT-1）；发送时须再查。",
        note_en="A consent in force, younger than the last refusal (MKT-1); checked again when sending.",
    )


agrees_call = _agreed("call", "电话", "call")
agrees_sms = _agreed("sms", "短信", "text message")
agrees_push = _agreed("push", "推送", "push message")
agrees_wecom = _agreed("wecom", "企业微信", "WeCom")
agrees_email = _agreed("email", "邮件", "e-mail")
AGREES: dict[str, Tag] = {
    "call": agrees_call,
    "sms": agrees_sms,
    "push": agrees_push,
    "wecom": agrees_wecom,
    "email": agrees_email,
}
"""Consent by means."""

may_be_marketed = Tag(
    name="may_be_marketed",
    title_zh="可营销",
    title_en="May be marketed to by some means",
    value=(agrees_call | agrees_sms | agrees_push | agrees_wecom | agrees_email)
    & ~deceased
    & ~is_minor.otherwise(False)
    & ~relationship_closed,
    note_zh="至少一种方式同意，且在世、成年、关系存续。",
    note_en="Agreed to some means; alive, of age, relationship not ended.",
)

TAGS = (
    is_person,
    city,
    district,
    branch,
    sex,
    age,
    is_minor,
    is_under_14,
    is_elder,
    birthday_7d,
    tenure_months,
    deceased,
    relationship_closed,
    is_foreigner,
    language,
    sources,
    id_expired_days,
    id_expires_90d,
    risk_level,
    risk_assessment_valid,
    credit_score_band,
    agrees_call,
    agrees_sms,
    agrees_push,
    agrees_wecom,
    agrees_email,
    may_be_marketed,
)
