"""How much customers have here, how it moved, what they hold, who left."""

from __future__ import annotations

from quanke.customers.tags import assets, flows, products
from quanke.customers.tags.activity import in_scope
from quanke.customers.tags.person import relationship_closed
from quanke.language import Expression, Metric, Purpose, earlier, mean, when
from quanke.segments.metrics.population import (
    PERSONS_BEFORE,
    of_persons,
    share_of,
    since_comparison,
)

ATTRITION_SHARE = 0.5
ATTRITION_YUAN = 50_000
"""A start member is lost when his AUM fell by at least this share and this amount (domain.md section 4)."""

CROSS_SOLD = 3
"""Product categories from which a customer counts as cross-sold."""


def _gone() -> Expression:
    fall = earlier(assets.aum) - assets.aum
    halved = when(earlier(assets.aum) > 0, fall / earlier(assets.aum) >= ATTRITION_SHARE).otherwise(False)
    return relationship_closed | (halved & (fall >= ATTRITION_YUAN))


MONEY: tuple[Metric, ...] = (
    Metric(
        name="aum_total",
        title_zh="AUM时点总额",
        title_en="Total of assets under management",
        value=of_persons(assets.aum),
        purpose=Purpose.STATISTICS,
    ),
    Metric(
        name="aum_daily_total",
        title_zh="AUM本月日均总额",
        title_en="AUM, daily mean of this month",
        value=of_persons(assets.aum_mtd),
        purpose=Purpose.STATISTICS,
    ),
    Metric(
        name="aum_net_increase",
        title_zh="AUM净增",
        title_en="Net increase of AUM",
        value=since_comparison(assets.aum),
        purpose=Purpose.STATISTICS,
        note_zh="期末减期初，同口径；对比日为上月末（口径表净增）。",
        note_en="End less start on the same basis; since the comparison night (KPI table).",
    ),
    Metric(
        name="aum_daily_net_increase",
        title_zh="AUM日均净增",
        title_en="Net increase of the daily mean of AUM",
        value=since_comparison(assets.aum_mtd),
        purpose=Purpose.STATISTICS,
    ),
    Metric(
        name="aum_per_customer",
        title_zh="户均AUM",
        title_en="AUM per customer",
        value=mean(assets.aum).where(in_scope),
        purpose=Purpose.STATISTICS,
    ),
    Metric(
        name="deposits_total",
        title_zh="存款时点总额",
        title_en="Total of deposits",
        value=of_persons(assets.deposits),
        purpose=Purpose.STATISTICS,
        note_zh="仅供统计：时点存款规模、份额、排名不得作为考核指标（APR-1）。",
        note_en="For statistics only: never a target, never ranked by (APR-1).",
    ),
    Metric(
        name="deposits_daily_total",
        title_zh="存款本月日均总额",
        title_en="Deposits, daily mean of this month",
        value=of_persons(assets.deposits_mtd),
        purpose=Purpose.STATISTICS,
    ),
    Metric(
        name="month_end_deviation",
        title_zh="存款偏离度",
        title_en="Deviation of deposits from the month's mean",
        value=when(
            of_persons(assets.deposits_mtd) > 0,
            (of_persons(assets.deposits) - of_persons(assets.deposits_mtd)) / of_persons(assets.deposits_mtd),
        ).otherwise(None),
        purpose=Purpose.STATISTICS,
        note_zh="（时点－月日均）÷月日均；月末不得高于4%（APR-1）。",
        note_en="(Point less monthly mean) over the mean; at most 4 % at a month-end (APR-1).",
    ),
    Metric(
        name="investment_share_total",
        title_zh="投资类资产总占比",
        title_en="Share of investments in total AUM",
        value=of_persons(assets.investments) / of_persons(assets.aum),
        purpose=Purpose.STATISTICS,
    ),
    Metric(
        name="loans_total",
        title_zh="个人贷款余额",
        title_en="Loans owed by persons",
        value=of_persons(assets.loan_balance),
        purpose=Purpose.STATISTICS,
    ),
    Metric(
        name="net_flow_total_30d",
        title_zh="近30日资金净流入",
        title_en="Total of net money in, 30 days",
        value=of_persons(flows.net_flow_30d),
        purpose=Purpose.STATISTICS,
    ),
    Metric(
        name="own_name_out_total_90d",
        title_zh="近90日同名流向他行",
        title_en="Total moved to own accounts at other banks, 90 days",
        value=of_persons(flows.own_name_out_90d),
        purpose=Purpose.STATISTICS,
    ),
    Metric(
        name="maturing_amount_total_30d",
        title_zh="30日内到期总额",
        title_en="Total maturing within 30 days",
        value=of_persons(products.maturing_amount_30d),
        purpose=Purpose.STATISTICS,
    ),
    Metric(
        name="products_per_customer",
        title_zh="户均产品持有数",
        title_en="Product categories per customer",
        value=mean(products.product_count).where(in_scope),
        purpose=Purpose.STATISTICS,
        note_zh="有余额或有效合约的类别数（口径表产品持有数）。",
        note_en="Distinct categories with an active contract (KPI table).",
    ),
    Metric(
        name="cross_sold_rate",
        title_zh="交叉持有率（3类及以上）",
        title_en="Share holding three categories or more",
        value=share_of(products.product_count >= CROSS_SOLD, in_scope),
        purpose=Purpose.STATISTICS,
    ),
    Metric(
        name="attrition_rate",
        title_zh="流失率",
        title_en="Attrition",
        value=share_of(_gone(), PERSONS_BEFORE & ~earlier(relationship_closed)),
        purpose=Purpose.STATISTICS,
        note_zh="期初客户中AUM降幅≥50%且≥5万元，或已终止关系者占比（口径表流失率）。",
        note_en="Start members whose AUM fell by half and by 50,000, or who left, over start members.",
    ),
)
"""How much they have here, and how it moved."""
