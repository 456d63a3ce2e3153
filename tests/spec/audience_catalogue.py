"""A small catalogue that tests of audience text share."""

from __future__ import annotations

from quanke.language import (
    Catalogue,
    Metric,
    Purpose,
    Tag,
    count,
    customers,
    daily_mean,
    days,
    facts,
    latest,
    level,
    logarithm,
    some,
    to_number,
    when,
)
from quanke.language.expressions import Operators


def tag(name: str, value: Operators, zh: str = "", **more: object) -> Tag:
    return Tag(name=name, title_zh=zh or f"标签{name}", title_en=name, value=value, **more)  # type: ignore[arg-type]


tx = facts.transactions
aum = tag("aum", level(facts.balances.balance), "时点AUM")
aum_90d = tag("aum_90d", daily_mean(facts.balances.balance).within(days(90)), "90天日均AUM")
tier = tag(
    "tier", when(aum_90d >= 200_000, "core").when(aum_90d >= 50_000, "rising").otherwise("online"), "层级"
)
has_fund = tag("has_fund", some(facts.holdings.category == "fund"), "持有基金")
has_wealth = tag("has_wealth", some(facts.holdings.category == "wealth"), "持有理财")
transfers = tag("transfers", count(tx).where(tx.kind == "transfer").within(days(30)), "转账次数")
share = tag("share", aum / aum_90d, "时点占日均")
log_aum = tag("log_aum", logarithm(to_number(aum)), "AUM对数")
last_at = tag("last_at", latest(tx.at), "最近交易时刻")
bureau = tag("bureau", customers.credit_score, "征信分", purpose=Purpose.RISK)
twin_a = tag("twin_a", aum * 2, "双生")
twin_b = tag("twin_b", aum * 3, "双生")
base = Metric(name="base", title_zh="客户数", title_en="Customers", value=count(customers))

CATALOGUE = Catalogue(
    [
        aum,
        aum_90d,
        tier,
        has_fund,
        has_wealth,
        transfers,
        share,
        log_aum,
        last_at,
        bureau,
        twin_a,
        twin_b,
        base,
    ]
)
