"""Findings on accounts and holdings: documents, suitability, limits of account classes, odd money."""

from __future__ import annotations

from quanke.customers.tags.activity import in_scope
from quanke.customers.tags.assets import aum, aum_30d
from quanke.customers.tags.conditions import OPEN_ACCOUNT
from quanke.customers.tags.flows import inflow_30d, last_transaction_on, outflow_ratio_30d
from quanke.customers.tags.income import has_salary
from quanke.customers.tags.person import (
    age,
    deceased,
    id_expired_days,
    is_elder,
    is_minor,
    is_person,
    risk_assessment_valid,
)
from quanke.customers.tags.products import HOLDS, first_account_on, fund_value
from quanke.language import (
    Check,
    Expression,
    Purpose,
    as_of,
    count,
    days,
    days_between,
    facts,
    months_between,
)

RESTRICTED_AFTER_DAYS = 90
"""Business is restricted when a document expired longer ago than this (domain.md ACC-10)."""

CASH_LIMIT = 50_000
CASH_NEAR_SHARE = 0.9
"""Cash from this amount on is checked (domain.md AML-2); near is 90 to 100 % of it (FX-4)."""

WORKING_AGE = 16
"""Nobody younger may be paid wages (domain.md PAY-2)."""

_account = facts.accounts
_move = facts.transactions


def _open_of_class(letter: str) -> Expression:
    return count(_account).where((_account.account_class == letter) & OPEN_ACCOUNT)


document_expired = Check(
    name="document_expired",
    title_zh="证件过期且有资产",
    title_en="Identity document expired, assets here",
    value=(id_expired_days >= 1) & (id_expired_days <= RESTRICTED_AFTER_DAYS) & (aum >= 100),
    purpose=Purpose.COMPLIANCE,
    owner="compliance",
    note_zh="证件过期1至90日且有资产，提醒更新（ACC-10）。",
    note_en="Expired for 1 to 90 days: remind the customer (ACC-10).",
)
document_long_expired = Check(
    name="document_long_expired",
    title_zh="证件长期过期且有资产",
    title_en="Identity document expired for over 90 days, assets here",
    value=(id_expired_days > RESTRICTED_AFTER_DAYS) & (aum >= 100),
    purpose=Purpose.COMPLIANCE,
    owner="compliance",
    severity="high",
    note_zh="证件过期超过90日且有资产，应限制业务（ACC-10）。",
    note_en="Expired for more than 90 days: business is to be restricted (ACC-10).",
)
deceased_active = Check(
    name="deceased_active",
    title_zh="身故客户账户仍有主动交易",
    title_en="Movements of a customer known to have died",
    value=deceased & (days_between(last_transaction_on, as_of()) <= 30),
    purpose=Purpose.COMPLIANCE,
    owner="compliance",
    severity="high",
    note_zh="已知身故而近30日有客户主动交易。",
    note_en="Customer-initiated movements in the last 30 days.",
)
too_many_accounts = Check(
    name="too_many_accounts",
    title_zh="账户数超限",
    title_en="More accounts of a class than allowed",
    value=is_person & ((_open_of_class("I") > 1) | (_open_of_class("II") > 5) | (_open_of_class("III") > 5)),
    purpose=Purpose.COMPLIANCE,
    owner="compliance",
    note_zh="同一法人银行Ⅰ类户1个、Ⅱ类户5个、Ⅲ类户5个（个人账户分类）；按本系统所见计。",
    note_en="One of class I, five of II, five of III per bank as a legal person, as far as seen here.",
)
unused_since_opening = Check(
    name="unused_since_opening",
    title_zh="开户6个月未用",
    title_en="Not used in six months since opening",
    value=in_scope
    & (months_between(first_account_on, as_of()) >= 6)
    & (days_between(first_account_on, as_of()) <= 365)
    & last_transaction_on.is_null(),
    purpose=Purpose.COMPLIANCE,
    owner="compliance",
    severity="info",
    note_zh="首次开户满6个月无主动交易，应暂停非柜面业务（ACC-4）；利息不算交易。",
    note_en="Non-counter business is suspended until re-verified (ACC-4); interest is no movement.",
)
unassessed_investor = Check(
    name="unassessed_investor",
    title_zh="持有投资产品而风险测评无效",
    title_en="Holds funds or wealth without a valid risk assessment",
    value=in_scope & (HOLDS["fund"] | HOLDS["wealth"]) & ~risk_assessment_valid,
    purpose=Purpose.COMPLIANCE,
    owner="compliance",
    note_zh="测评12个月内有效；再次购买前须重测（SUI-2）。",
    note_en="An assessment is valid for 12 months; a new one comes before the next purchase (SUI-2).",
)
minor_investor = Check(
    name="minor_investor",
    title_zh="未成年人持有投资产品",
    title_en="Minor with investments",
    value=is_minor & (HOLDS["fund"] | HOLDS["wealth"] | HOLDS["bond"] | HOLDS["metal"]),
    purpose=Purpose.COMPLIANCE,
    owner="compliance",
    severity="high",
    note_zh="无行为能力人不得购买，限制行为能力人仅限低风险且须监护人同意（SUI-1）。",
    note_en="None without capacity; with limited capacity low risk only, with guardian's consent (SUI-1).",
)
elder_mostly_funds = Check(
    name="elder_mostly_funds",
    title_zh="65岁以上基金占比过半",
    title_en="Aged 65 or older with more than half in funds",
    value=is_elder & (fund_value >= 50_000) & (fund_value / aum >= 0.5),
    purpose=Purpose.COMPLIANCE,
    owner="compliance",
    note_zh="需核查特别关怀措施（SUI-3）；产品风险等级进入持仓表后改按R4及以上。",
    note_en="Was special care given (SUI-3)? By share of funds, as positions carry no risk class yet.",
)
underage_wages = Check(
    name="underage_wages",
    title_zh="不满16岁代发工资",
    title_en="Wages paid to someone under 16",
    value=(age < WORKING_AGE) & has_salary,
    purpose=Purpose.COMPLIANCE,
    owner="compliance",
    severity="high",
    note_zh="代发逐行校验年龄≥16（PAY-2）。",
    note_en="Rows of a payroll are checked for an age of at least 16 (PAY-2).",
)
cash_near_limit = Check(
    name="cash_near_limit",
    title_zh="现金贴近限额",
    title_en="Cash again and again just below the limit",
    value=count(_move)
    .where((_move.kind == "cash") & _move.amount.between(CASH_LIMIT * CASH_NEAR_SHARE, CASH_LIMIT))
    .within(days(7))
    >= 3,
    purpose=Purpose.RISK,
    owner="risk control",
    severity="high",
    note_zh="7日内至少3笔4.5万至5万元现金（AML-2、FX-4的“接近”）。",
    note_en="Three or more cash movements of 45,000 to 50,000 within 7 days (AML-2; near as in FX-4).",
)
pass_through = Check(
    name="pass_through",
    title_zh="快进快出",
    title_en="Money passes straight through",
    value=(inflow_30d >= 200_000)
    & outflow_ratio_30d.between(0.95, 1.05)
    & (aum_30d <= inflow_30d / 100)
    & is_person,
    purpose=Purpose.RISK,
    owner="risk control",
    note_zh="近30日流入≥20万元，几乎全部流出，日均不足流入的1%（ACC-8异常账户特征）。",
    note_en="200,000 or more in 30 days, nearly all of it out again, daily mean under 1 % of it (ACC-8).",
)

ACCOUNT_CHECKS: tuple[Check, ...] = (
    document_expired,
    document_long_expired,
    deceased_active,
    too_many_accounts,
    unused_since_opening,
    unassessed_investor,
    minor_investor,
    elder_mostly_funds,
    underage_wages,
    cash_near_limit,
    pass_through,
)
