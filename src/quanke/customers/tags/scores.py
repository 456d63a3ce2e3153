"""What models say of a customer, and who may not be spoken of.

The scores come from the models in use on the night (`quanke.plans.scores`), and are null where none is in
use, and for everybody who may not be profiled: unknown, not improbable.
"""

from __future__ import annotations

from quanke.customers.tags.person import deceased, is_person, is_under_14, relationship_closed
from quanke.customers.tags.products import CATEGORY_TITLES, accounts_open
from quanke.language import Expression, Purpose, Tag, as_of, facts, largest, scores, when
from quanke.language.facts import SCORED_CATEGORIES, UPLIFT_OFFERS

_consent = facts.consents
_profiling = _consent.purpose == "profiling"
_in_force = _consent.withdrawn_on.is_null() | (_consent.withdrawn_on > as_of())
_agreed: Expression = largest(_consent.granted_on).where(_profiling & _in_force)
_refused: Expression = largest(_consent.withdrawn_on).where(_profiling & (_consent.withdrawn_on <= as_of()))

profiling_refused = Tag(
    name="profiling_refused",
    title_zh="拒绝画像",
    title_en="Refused profiling",
    value=when(_refused.is_null(), False).otherwise((_refused >= _agreed).otherwise(True)),
    note_zh="撤回了画像同意且此后未再同意；拒绝者不评分、不参与训练（PI-4）。",
    note_en="Withdrew consent to profiling and gave none since: no score is made of him, or with him (PI-4).",
)
profiling_agreed = Tag(
    name="profiling_agreed",
    title_zh="同意画像",
    title_en="Agreed to profiling",
    value=when(_agreed.is_null(), False).otherwise((_agreed > _refused).otherwise(True)),
    note_zh="有未撤回的画像同意。",
    note_en="A consent to profiling is in force.",
)
may_be_profiled = Tag(
    name="may_be_profiled",
    title_zh="可评分",
    title_en="May be scored",
    value=is_person
    & ~profiling_refused
    & ~is_under_14.otherwise(True)
    & ~deceased
    & ~relationship_closed
    & (accounts_open > 0),
    note_zh="在世、满14周岁（年龄不明视为未满）、未拒绝画像、关系存续且有在用账户的个人（PI-4）。",
    note_en="A living person of 14 or older (unknown age counts as younger) with an open account who did not "
    "refuse profiling (PI-4).",
)

PROPENSITIES: dict[str, Tag] = {
    category: Tag(
        name=f"propensity_{category}",
        title_zh=f"开立{CATEGORY_TITLES[category][0]}概率",
        title_en=f"Probability to open: {CATEGORY_TITLES[category][1]}",
        value=getattr(scores, f"propensity_{category}"),
        purpose=Purpose.MARKETING,
        unit="probability",
        note_zh="在模型期限内新开该类账户的概率，已校准；无在用模型或不可评分者为空。",
        note_en="Calibrated, within the model's horizon; null without a model or where no score may be made.",
    )
    for category in SCORED_CATEGORIES
}
"""One tag per product category for which a model may be trained."""

churn_risk = Tag(
    name="churn_risk",
    title_zh="流失概率",
    title_en="Probability to leave",
    value=scores.churn_risk,
    purpose=Purpose.MARKETING,
    unit="probability",
    note_zh="在模型期限内AUM降幅≥50%且≥5万元或全部销户的概率（口径表流失率），已校准。",
    note_en="Within the horizon AUM falls by half and by 50,000, or every account is closed (KPI table).",
)
expected_value = Tag(
    name="expected_value",
    title_zh="预期贡献（一年）",
    title_en="Expected margin over a year",
    value=scores.expected_value,
    purpose=Purpose.MARKETING,
    note_zh="现有资产负债与可能新开产品一年的预期利差，扣除可能流失；用于排序，不是会计利润。",
    note_en="Margin of a year on what is held and may be opened, less what may leave; to rank by, no "
    "accounting figure.",
)

payments_expected_90d = Tag(
    name="payments_expected_90d",
    title_zh="未来90日预期支付天数",
    title_en="Expected days with a payment, next 90 days",
    value=scores.payments_expected_90d,
    purpose=Purpose.MARKETING,
    unit="days",
    note_zh="刷卡或第三方支付的天数，由近365日首次、最近与支付天数推算（BG/NBD）；一年内无支付或无在用模型为空。",
    note_en="By card or third party, from the first, the last and the number of such days in 365 (BG/NBD); "
    "null without one, or without a model.",
)
payer_alive = Tag(
    name="payer_alive",
    title_zh="仍在支付的概率",
    title_en="Probability to still pay here",
    value=scores.payer_alive,
    purpose=Purpose.MARKETING,
    unit="probability",
    note_zh="尚未悄然转用他行支付的概率（BG/NBD）；只有一个支付日的客户为1：模型只在再次支付后才会流失。",
    note_en="Not to have gone elsewhere without a word (BG/NBD); 1 after a single day with a payment, for "
    "the model lets nobody go before a second one.",
)
UPLIFT_TITLES: dict[str, tuple[str, str]] = {
    "term": ("定期存款（短信、推送）", "term deposits (message)"),
    "fund": ("基金（短信、推送）", "funds (message)"),
    "fund_call": ("基金（致电）", "funds (call)"),
    "wealth": ("理财（短信、推送）", "wealth products (message)"),
    "wealth_call": ("理财（致电）", "wealth products (call)"),
    "insurance": ("保险（短信、推送）", "insurance (message)"),
    "credit_card": ("信用卡（短信、推送）", "credit card (message)"),
    "consumer_loan": ("消费贷款（致电）", "consumer loan (call)"),
    "tier_lift": ("临界提升（致电、企业微信）", "lift to the next tier (call, WeCom)"),
    "win_back": ("资金挽回（致电）", "winning money back (call)"),
    "card_activation": ("新卡激活（短信、推送）", "waking a new card (message)"),
}
"""Titles of the offers, zh and en, with how the customer is contacted."""
UPLIFTS: dict[str, Tag] = {
    offer: Tag(
        name=f"uplift_{offer}",
        title_zh=f"联系增量：{UPLIFT_TITLES[offer][0]}",
        title_en=f"Added chance by contacting: {UPLIFT_TITLES[offer][1]}",
        value=getattr(scores, f"uplift_{offer}"),
        purpose=Purpose.MARKETING,
        unit="probability",
        note_zh="联系比不联系多出的转化概率，由有对照组的活动学得；可为负；无在用模型或不可评分者为空。",
        note_en="By how much contacting raises the chance to convert, learned from campaigns with control "
        "groups; may be negative; null without a model or where no score may be made.",
    )
    for offer in UPLIFT_OFFERS
}
"""One tag per offer for which campaigns with control groups may teach a model."""

TAGS = (
    profiling_refused,
    profiling_agreed,
    may_be_profiled,
    *PROPENSITIES.values(),
    churn_risk,
    expected_value,
    payments_expected_90d,
    payer_alive,
    *UPLIFTS.values(),
)
