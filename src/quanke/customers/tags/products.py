"""What a customer holds: accounts by category, positions, what falls due."""

from __future__ import annotations

import operator
from functools import reduce

from quanke.bank.contracts import CATEGORIES
from quanke.customers.tags.conditions import OPEN_ACCOUNT, flag
from quanke.language import (
    Tag,
    as_of,
    count,
    facts,
    largest,
    next_days,
    smallest,
    some,
    total,
    when,
)

CATEGORY_TITLES: dict[str, tuple[str, str]] = {
    "demand": ("活期存款", "demand deposit"),
    "term": ("定期存款", "term deposit"),
    "wealth": ("理财", "wealth product"),
    "fund": ("基金", "fund"),
    "insurance": ("保险", "insurance"),
    "bond": ("债券", "bond"),
    "metal": ("贵金属", "precious metal"),
    "wallet": ("e钱包", "e-wallet"),
    "escrow": ("资金存管", "escrow account"),
    "credit_card": ("信用卡账户", "credit-card account"),
    "consumer_loan": ("消费贷款", "consumer loan"),
    "mortgage": ("住房贷款", "mortgage"),
    "business_loan": ("经营贷款", "business loan"),
}
"""What each product category is called."""

OTHERS_MONEY = frozenset({"escrow"})
"""Categories that hold money of others: an escrow account is no product of the customer's own."""

_account = facts.accounts
_matures = OPEN_ACCOUNT & _account.category.one_of("term", "wealth", "bond", "insurance")

HOLDS: dict[str, Tag] = {
    category: Tag(
        name=f"has_{category}",
        title_zh=f"持有{CATEGORY_TITLES[category][0]}",
        title_en=f"Holds: {CATEGORY_TITLES[category][1]}",
        value=some((_account.category == category) & OPEN_ACCOUNT),
        note_zh="有未销户的该类账户或有效合约。",
        note_en="Has an account or contract of the category that is not closed.",
    )
    for category in CATEGORIES
}
"""One tag per product category: `has_demand`, `has_fund`, ...; what `holds("fund")` means in an audience."""

product_count = Tag(
    name="product_count",
    title_zh="产品持有数",
    title_en="Product categories held",
    value=reduce(operator.add, [flag(tag) for name, tag in HOLDS.items() if name not in OTHERS_MONEY]),
    unit="categories",
    note_zh="有余额或有效合约的产品类别数，不含归他人所有的存管（口径表产品持有数）。",
    note_en="Distinct categories with an open account or contract, escrow left out (KPI table).",
)
accounts_open = Tag(
    name="accounts_open",
    title_zh="在用账户数",
    title_en="Open accounts",
    value=count(_account).where(OPEN_ACCOUNT),
)
first_account_on = Tag(
    name="first_account_on",
    title_zh="首次开户日期",
    title_en="First account opened on",
    value=smallest(_account.opened_on),
    unit="date",
)
has_class_one = Tag(
    name="has_class_one",
    title_zh="持有Ⅰ类户",
    title_en="Has a class I account",
    value=some((_account.account_class == "I") & OPEN_ACCOUNT),
    note_zh="个人账户分类（ACC）。",
    note_en="Classes of personal accounts (ACC).",
)
has_foreign_currency = Tag(
    name="has_foreign_currency",
    title_zh="持有外币账户",
    title_en="Has a foreign-currency account",
    value=some(
        _account.currency.one_of("USD", "HKD", "EUR", "GBP", "JPY", "AUD", "CAD", "SGD", "CHF") & OPEN_ACCOUNT
    ),
)
opened_by_employer = Tag(
    name="opened_by_employer",
    title_zh="单位批量开户",
    title_en="Has an account opened in a batch by an employer",
    value=some(_account.employer_opened & OPEN_ACCOUNT),
    note_zh="代发单位批量开立，激活前只收不付（ACC-3）。",
    note_en="Receive-only until the person activates it (ACC-3).",
)

maturing_7d = Tag(
    name="maturing_7d",
    title_zh="7日内到期笔数",
    title_en="Contracts maturing within 7 days",
    value=count(_account).where(_matures).within(next_days(7, by="matures_on")),
    note_zh="定期、理财、债券、保险合约，按账户到期日。",
    note_en="Term deposits, wealth, bonds and insurance, by the account's maturity.",
)
maturing_30d = Tag(
    name="maturing_30d",
    title_zh="30日内到期笔数",
    title_en="Contracts maturing within 30 days",
    value=count(_account).where(_matures).within(next_days(30, by="matures_on")),
)
next_maturity_on = Tag(
    name="next_maturity_on",
    title_zh="最近到期日",
    title_en="Next maturity",
    value=smallest(_account.matures_on).where(_matures & (_account.matures_on > as_of())),
    unit="date",
)
maturing_amount_7d = Tag(
    name="maturing_amount_7d",
    title_zh="7日内到期金额",
    title_en="Amount maturing within 7 days",
    value=total(facts.holdings.value).within(next_days(7, by="matures_on")),
    note_zh="按持仓市值与到期日；未以持仓交付的定期存款不在内，见到期笔数。",
    note_en="By value and maturity of positions; a term deposit without a position counts in number only.",
)
maturing_amount_30d = Tag(
    name="maturing_amount_30d",
    title_zh="30日内到期金额",
    title_en="Amount maturing within 30 days",
    value=total(facts.holdings.value).within(next_days(30, by="matures_on")),
)

fund_value = Tag(
    name="fund_value",
    title_zh="基金市值",
    title_en="Value of funds",
    value=total(facts.holdings.value).where(facts.holdings.category == "fund"),
)
wealth_value = Tag(
    name="wealth_value",
    title_zh="理财市值",
    title_en="Value of wealth products",
    value=total(facts.holdings.value).where(facts.holdings.category == "wealth"),
)
position_gain_rate = Tag(
    name="position_gain_rate",
    title_zh="持仓浮动盈亏率",
    title_en="Gain on positions over their cost",
    value=(
        total(facts.holdings.value - facts.holdings.cost)
        / total(facts.holdings.cost).where(facts.holdings.value.is_known())
    ),
    note_zh="仅计有成本的持仓；成本为零时为空。不得作为收益承诺展示（SUI-5）。",
    note_en="Positions with a known cost; null where that is zero. Never shown as a promised return (SUI-5).",
)
concentration = Tag(
    name="concentration",
    title_zh="最大单一持仓占比",
    title_en="Largest position over all positions",
    value=when(
        total(facts.holdings.value) > 0, largest(facts.holdings.value) / total(facts.holdings.value)
    ).otherwise(None),
)

TAGS = (
    *HOLDS.values(),
    product_count,
    accounts_open,
    first_account_on,
    has_class_one,
    has_foreign_currency,
    opened_by_employer,
    maturing_7d,
    maturing_30d,
    next_maturity_on,
    maturing_amount_7d,
    maturing_amount_30d,
    fund_value,
    wealth_value,
    position_gain_rate,
    concentration,
)
