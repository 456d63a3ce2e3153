"""How alive the relationship is: effective, dormant, recency-frequency-monetary, cluster."""

from __future__ import annotations

from quanke.customers.tags.assets import aum, aum_mtd
from quanke.customers.tags.cards import has_social_card
from quanke.customers.tags.digital import last_login_on
from quanke.customers.tags.flows import (
    last_transaction_on,
    transacted_amount_90d,
    transactions_90d,
)
from quanke.customers.tags.person import deceased, is_person, relationship_closed
from quanke.customers.tags.products import HOLDS, accounts_open, first_account_on
from quanke.customers.tags.service import last_visit_on
from quanke.language import (
    Purpose,
    Tag,
    as_of,
    days_between,
    found_by_model,
    greatest,
    portion,
    when,
)
from quanke.language.types import TEXT

EFFECTIVE_YUAN = 100
"""A month's daily mean from which a customer is an effective one (domain.md section 4)."""

DORMANT_YUAN = 10
DORMANT_DAYS = 365
"""Without a movement for so long and with at most so much, accounts are dormant (domain.md ACC-11)."""

QUINTILES = 5

last_active_on = Tag(
    name="last_active_on",
    title_zh="最近活跃日",
    title_en="Last seen active",
    value=greatest(last_transaction_on, last_login_on, last_visit_on),
    unit="date",
    note_zh="主动交易、登录、到店三者最近；一年内皆无为空。",
    note_en="Latest of movement, login and branch visit; null where none in 365 days.",
)
inactive_days = Tag(
    name="inactive_days",
    title_zh="不活跃天数",
    title_en="Days since last seen active",
    value=days_between(last_active_on, as_of()),
)
is_effective = Tag(
    name="is_effective",
    title_zh="有效户",
    title_en="Effective customer",
    value=(aum_mtd >= EFFECTIVE_YUAN) | (transactions_90d >= 1),
    note_zh="月日均≥100元，或近3个月（90日）有主动交易（口径表有效户）。",
    note_en="Monthly daily mean of at least 100, or a movement of his own in three months (KPI table).",
)
in_scope = Tag(
    name="in_scope",
    title_zh="在管范围客户",
    title_en="In scope: a living person with an open account",
    value=is_person & ~deceased & ~relationship_closed & (accounts_open > 0),
    note_zh="管户率、产品持有数等口径的分母（KPI表、BK-1）。",
    note_en="Denominator of coverage, products held and the like (KPI table, BK-1).",
)
is_dormant = Tag(
    name="is_dormant",
    title_zh="长期不动户",
    title_en="Dormant",
    value=(accounts_open > 0)
    & (days_between(first_account_on, as_of()) > DORMANT_DAYS)
    & last_transaction_on.is_null()
    & (aum <= DORMANT_YUAN)
    & ~has_social_card
    & ~HOLDS["wealth"]
    & ~HOLDS["fund"]
    & ~HOLDS["mortgage"]
    & ~HOLDS["consumer_loan"]
    & ~HOLDS["business_loan"],
    note_zh="365日无主动交易且余额≤10元，剔除社保卡及有贷款、基金、理财者（ACC-11）。",
    note_en="No movement in 365 days, at most 10; without social-security card, loan, fund, wealth (ACC-11).",
)
rfm_recency = Tag(
    name="rfm_recency",
    title_zh="RFM近度（5最近）",
    title_en="RFM recency, 5 is most recent",
    value=portion(when(is_person, last_transaction_on).otherwise(None), QUINTILES),
    purpose=Purpose.MARKETING,
    unit="fifth",
    note_zh="个人客户按最近主动交易日五等分。",
    note_en="Persons in five equal parts by the last movement of their own.",
)
rfm_frequency = Tag(
    name="rfm_frequency",
    title_zh="RFM频度（5最频）",
    title_en="RFM frequency, 5 is most frequent",
    value=portion(when(is_person & (transactions_90d > 0), transactions_90d).otherwise(None), QUINTILES),
    purpose=Purpose.MARKETING,
    unit="fifth",
)
rfm_monetary = Tag(
    name="rfm_monetary",
    title_zh="RFM额度（5最高）",
    title_en="RFM monetary, 5 is highest",
    value=portion(
        when(is_person & (transacted_amount_90d > 0), transacted_amount_90d).otherwise(None), QUINTILES
    ),
    purpose=Purpose.MARKETING,
    unit="fifth",
)
rfm_segment = Tag(
    name="rfm_segment",
    title_zh="RFM客群",
    title_en="RFM segment",
    value=when(rfm_recency.is_null(), None)
    .when((rfm_recency >= 4) & (rfm_frequency >= 4) & (rfm_monetary >= 4), "champion")
    .when((rfm_recency >= 4) & (rfm_monetary >= 4), "promising")
    .when((rfm_recency >= 4) & (rfm_frequency >= 4), "loyal")
    .when(rfm_recency >= 4, "recent")
    .when((rfm_frequency >= 4) & (rfm_monetary >= 4), "slipping")
    .when(rfm_monetary >= 4, "big_but_quiet")
    .when(rfm_frequency >= 4, "frequent_but_small")
    .otherwise("ordinary"),
    purpose=Purpose.MARKETING,
    unit="code",
    note_zh="重要价值champion、重要发展promising、一般价值loyal、一般发展recent、重要保持slipping、"
    "重要挽留big_but_quiet、一般保持frequent_but_small、一般ordinary。",
    note_en="The eight cells of high (4, 5) and low recency, frequency and amount.",
)
cluster = Tag(
    name="cluster",
    title_zh="客户聚类",
    title_en="Cluster",
    value=found_by_model("cluster", TEXT),
    unit="code",
    note_zh="夜间由聚类模型得出，名称逐夜稳定。",
    note_en="Found by the clustering of the night; labels are stable from night to night.",
)

TAGS = (
    last_active_on,
    inactive_days,
    is_effective,
    in_scope,
    is_dormant,
    rfm_recency,
    rfm_frequency,
    rfm_monetary,
    rfm_segment,
    cluster,
)
