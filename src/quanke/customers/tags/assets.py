"""What a customer has at the bank: assets under management, how they move, deposits, loans."""

from __future__ import annotations

import operator
from functools import reduce

from quanke.customers.tags.conditions import ASSETS, DEPOSITS, LOANS, growth
from quanke.customers.tags.products import first_account_on
from quanke.language import (
    Expression,
    Tag,
    as_of,
    daily_mean,
    days,
    days_between,
    facts,
    greatest,
    least,
    level,
    month_end,
    month_start,
    month_to_date,
    months,
    months_between,
    some,
    square_root,
    to_number,
    to_rate,
    when,
)

STALE_AFTER_DAYS = 7
"""A position priced longer ago than this is flagged (domain.md section 4: "last price + stale flag")."""

_balance = facts.balances.balance


def month_mean(ago: int) -> Expression:
    """Daily mean of AUM over the whole calendar month that lies `ago` months back (1: last month)."""
    return daily_mean(_balance).where(ASSETS).within(months(1, ago=ago))


aum = Tag(
    name="aum",
    title_zh="AUM时点余额",
    title_en="Assets under management",
    value=level(_balance).where(ASSETS),
    note_zh="存款、理财、基金、保险、债券、贵金属、钱包的日终值之和；不含贷款和归他人所有的存管资金（口径表AUM时点）。",
    note_en="End-of-day value of deposits, wealth, funds, insurance, bonds, metals and wallet; without "
    "loans and escrow owned by others (KPI table, AUM).",
)
aum_30d = Tag(
    name="aum_30d",
    title_zh="近30日AUM日均",
    title_en="AUM, daily mean of 30 days",
    value=daily_mean(_balance).where(ASSETS).within(days(30)),
    note_zh="日均＝每日日终余额之和÷自然日数（口径表日均）。",
    note_en="Sum of end-of-day values over natural days (KPI table, daily average).",
)
aum_90d = Tag(
    name="aum_90d",
    title_zh="近90日AUM日均",
    title_en="AUM, daily mean of 90 days",
    value=daily_mean(_balance).where(ASSETS).within(days(90)),
)
aum_365d = Tag(
    name="aum_365d",
    title_zh="近365日AUM日均",
    title_en="AUM, daily mean of 365 days",
    value=daily_mean(_balance).where(ASSETS).within(days(365)),
)
aum_mtd = Tag(
    name="aum_mtd",
    title_zh="本月AUM日均",
    title_en="AUM, daily mean of this month so far",
    value=daily_mean(_balance).where(ASSETS).within(month_to_date()),
    note_zh="自本月1日起至当日；月末即为全月日均（TIER-1默认口径）。",
    note_en="From the first of the month; on the last day it is the whole month's (TIER-1 default basis).",
)
aum_last_month = Tag(
    name="aum_last_month",
    title_zh="上月AUM日均",
    title_en="AUM, daily mean of last month",
    value=month_mean(1),
)
aum_month = Tag(
    name="aum_month",
    title_zh="最近完整月AUM日均",
    title_en="AUM, daily mean of the last complete month",
    value=when(as_of() == month_end(as_of()), aum_mtd).otherwise(aum_last_month),
    note_zh="当日为月末时取本月，否则取上月；层级升降按此判断。",
    note_en="This month's when the as-of day is its last, else last month's; tiers move by it.",
)
aum_30d_ago = Tag(
    name="aum_30d_ago",
    title_zh="30日前AUM",
    title_en="AUM 30 days ago",
    value=level(_balance).where(ASSETS).within(days(1, ago=30)),
)
aum_change_30d = Tag(
    name="aum_change_30d",
    title_zh="近30日AUM净增",
    title_en="AUM, net change over 30 days",
    value=aum - aum_30d_ago,
)
aum_change_rate_30d = Tag(
    name="aum_change_rate_30d",
    title_zh="近30日AUM变动率",
    title_en="AUM, relative change over 30 days",
    value=growth(aum, aum_30d_ago),
    note_zh="期初不大于零时为空（APR-3）。",
    note_en="Null where AUM 30 days ago was not above zero (APR-3).",
)
aum_prior_90d = Tag(
    name="aum_prior_90d",
    title_zh="前一个90日AUM日均",
    title_en="AUM, daily mean of the 90 days before the last 90",
    value=daily_mean(_balance).where(ASSETS).within(days(90, ago=90)),
)
aum_trend = Tag(
    name="aum_trend",
    title_zh="AUM季度趋势",
    title_en="AUM trend: last 90 days over the 90 before",
    value=growth(aum_90d, aum_prior_90d),
)

aum_m2, aum_m3, aum_m4, aum_m5, aum_m6 = (
    Tag(
        name=f"aum_m{ago}",
        title_zh=f"前第{ago}个月AUM日均",
        title_en=f"AUM, daily mean {ago} months ago",
        value=month_mean(ago),
        note_zh="完整自然月的日均，逐月序列用于走势。",
        note_en="Of the whole calendar month; the months together show how AUM went.",
    )
    for ago in range(2, 7)
)
_half_year = (aum_last_month, aum_m2, aum_m3, aum_m4, aum_m5, aum_m6)
"""Daily means of the last six whole months, the latest first."""

aum_half_year = Tag(
    name="aum_half_year",
    title_zh="近6月AUM月均值",
    title_en="AUM, mean of six monthly means",
    value=(aum_last_month + aum_m2 + aum_m3 + aum_m4 + aum_m5 + aum_m6) / 6,
    note_zh="近6个完整月月日均的平均。",
    note_en="Mean of the daily means of the last six whole months.",
)
_known_half_year = months_between(month_start(first_account_on), as_of()) >= 7
"""Whether the first account was open in all of the six months: empty months before it tell nothing."""


def _deviation() -> Expression:
    """Standard deviation of the six monthly means, in yuan as a number."""
    from_mean = [to_number(month) - to_number(aum_half_year) for month in _half_year]
    return square_root(reduce(operator.add, [each * each for each in from_mean]) / 6)


aum_slope_6m = Tag(
    name="aum_slope_6m",
    title_zh="近6月AUM月均增量",
    title_en="AUM slope: yuan a month over six months",
    value=when(
        _known_half_year,
        (
            (_half_year[0] - _half_year[5]) * 5
            + (_half_year[1] - _half_year[4]) * 3
            + (_half_year[2] - _half_year[3])
        )
        / 35,
    ).otherwise(None),
    note_zh="近6个完整月月日均的最小二乘斜率；开户不满6个完整月为空。",
    note_en="Least-squares slope of the daily means of six whole months; null for younger customers.",
)
aum_spread_6m = Tag(
    name="aum_spread_6m",
    title_zh="近6月AUM极差率",
    title_en="AUM spread: best less worst of six months, over their mean",
    value=when(
        _known_half_year & (aum_half_year > 0),
        (greatest(*_half_year) - least(*_half_year)) / aum_half_year,
    ).otherwise(None),
)
aum_volatility = Tag(
    name="aum_volatility",
    title_zh="近6月AUM波动率",
    title_en="AUM volatility: standard deviation of six months over their mean",
    value=when(
        _known_half_year & (aum_half_year > 0),
        to_rate(_deviation() / to_number(aum_half_year)),
    ).otherwise(None),
    note_zh="月日均的总体标准差÷均值（变异系数）。",
    note_en="Population standard deviation of the monthly means over their mean (coefficient of variation).",
)
aum_peak_12m = Tag(
    name="aum_peak_12m",
    title_zh="近12月AUM峰值",
    title_en="AUM peak: best monthly mean of twelve",
    value=greatest(*_half_year, *(month_mean(ago) for ago in range(7, 13))),
    note_zh="近12个完整月月日均的最大值。",
    note_en="Greatest daily mean of the last twelve whole months.",
)
aum_drawdown = Tag(
    name="aum_drawdown",
    title_zh="AUM较峰值回撤",
    title_en="AUM drawdown from peak",
    value=when(
        aum_peak_12m > 0,
        (aum_peak_12m - least(aum_peak_12m, aum_30d)) / aum_peak_12m,
    ).otherwise(None),
    note_zh="（峰值－近30日日均）÷峰值，高于峰值时为0，峰值不大于零时为空。",
    note_en="(Peak less daily mean of 30 days) over the peak; 0 above it, null where it is not above zero.",
)

demand_balance = Tag(
    name="demand_balance",
    title_zh="活期余额",
    title_en="Demand deposits, wallet included",
    value=level(_balance).where(facts.balances.category.one_of("demand", "wallet")),
)
term_balance = Tag(
    name="term_balance",
    title_zh="定期余额",
    title_en="Term deposits",
    value=level(_balance).where(facts.balances.category == "term"),
)
deposits = Tag(
    name="deposits",
    title_zh="存款余额",
    title_en="Deposits",
    value=demand_balance + term_balance,
    note_zh="时点存款规模不得用于考核排名（APR-1）。",
    note_en="Point-in-time deposits must not be a performance target or be ranked by (APR-1).",
)
deposits_mtd = Tag(
    name="deposits_mtd",
    title_zh="本月存款日均",
    title_en="Deposits, daily mean of this month so far",
    value=daily_mean(_balance).where(DEPOSITS).within(month_to_date()),
)
investments = Tag(
    name="investments",
    title_zh="投资类资产",
    title_en="Investments: AUM beyond deposits",
    value=aum - deposits,
)
investment_share = Tag(
    name="investment_share",
    title_zh="投资类资产占比",
    title_en="Share of investments in AUM",
    value=when(aum > 0, investments / aum).otherwise(None),
)
idle_share = Tag(
    name="idle_share",
    title_zh="活期占比",
    title_en="Share of demand money in AUM",
    value=when(aum > 0, demand_balance / aum).otherwise(None),
    note_zh="闲置资金程度，配置建议的起点（SUI-5）。",
    note_en="How much lies idle: where allocation advice begins (SUI-5).",
)
loan_balance = Tag(
    name="loan_balance",
    title_zh="贷款及信用卡欠款",
    title_en="Loans and card debt owed",
    value=-level(_balance).where(LOANS),
    note_zh="以正数表示所欠金额；余额表中欠款为负。",
    note_en="Owed amounts as a positive figure; in the balances what is owed is negative.",
)
net_assets = Tag(
    name="net_assets",
    title_zh="净资产（AUM减贷款）",
    title_en="Net assets: AUM less loans",
    value=aum - loan_balance,
)
has_stale_price = Tag(
    name="has_stale_price",
    title_zh="持仓估值过期",
    title_en="Holds a position with a stale price",
    value=some((facts.holdings.value > 0) & (days_between(facts.holdings.day, as_of()) > STALE_AFTER_DAYS)),
    note_zh="估值日早于7个自然日前的持仓沿用最近价格并标记。",
    note_en="Positions priced more than seven natural days ago keep the last price and are flagged.",
)

TAGS = (
    aum,
    aum_30d,
    aum_90d,
    aum_365d,
    aum_mtd,
    aum_last_month,
    aum_month,
    aum_30d_ago,
    aum_change_30d,
    aum_change_rate_30d,
    aum_prior_90d,
    aum_trend,
    aum_m2,
    aum_m3,
    aum_m4,
    aum_m5,
    aum_m6,
    aum_half_year,
    aum_slope_6m,
    aum_spread_6m,
    aum_volatility,
    aum_peak_12m,
    aum_drawdown,
    demand_balance,
    term_balance,
    deposits,
    deposits_mtd,
    investments,
    investment_share,
    idle_share,
    loan_balance,
    net_assets,
    has_stale_price,
)
