"""Contracts about money: products, accounts, end-of-day balances, transactions, holdings, rates."""

from __future__ import annotations

from quanke.bank.contracts.schema import (
    C2,
    REQUIRED,
    Contract,
    TableKind,
    boolean,
    code,
    date,
    instant,
    integer,
    money,
    rate,
    text,
)

CATEGORIES = (
    "demand",
    "term",
    "wealth",
    "fund",
    "insurance",
    "bond",
    "metal",
    "wallet",
    "escrow",
    "credit_card",
    "consumer_loan",
    "mortgage",
    "business_loan",
)
"""Product categories. The first eight count towards assets under management (domain.md, TIER KPIs)."""

ASSET_CATEGORIES = CATEGORIES[:8]
LOAN_CATEGORIES = CATEGORIES[9:]

PRODUCTS = Contract(
    "products",
    "产品",
    "Products",
    "product the bank offers or has offered",
    TableKind.SNAPSHOT,
    ("product_id",),
    (
        text("product_id", "产品代码", "Number of the product", **REQUIRED),
        text("name", "产品名称", "Name", **REQUIRED),
        code("category", "产品类别", "Category", *CATEGORIES, **REQUIRED),
        code("risk_class", "风险等级", "Product risk class", "R1", "R2", "R3", "R4", "R5"),
        integer("term_days", "期限（天）", "Term in days", check="not_negative"),
        rate("annual_rate", "年利率", "Annual rate of interest"),
        rate("margin", "利差", "Annual margin of the bank"),
        date("on_sale_from", "起售日", "On sale from"),
        date("on_sale_to", "止售日", "On sale until"),
    ),
)

ACCOUNTS = Contract(
    "accounts",
    "账户",
    "Accounts, deposits, wealth positions and loans",
    "account; every deposit, position and loan is one",
    TableKind.SNAPSHOT,
    ("account_id",),
    (
        text("account_id", "账号", "Number of the account", **REQUIRED, **C2),
        code("source", "来源系统", "Source system of the holder", **REQUIRED),
        text("party_id", "客户编号", "Holder, a person or an organisation", **REQUIRED, **C2),
        text("product_id", "产品代码", "Product", references="products.product_id"),
        code("category", "类别", "Category", *CATEGORIES, **REQUIRED),
        code("account_class", "账户分类", "Class of the account", "I", "II", "III"),
        code("currency", "币种", "Currency, ISO 4217", check="currency", **REQUIRED),
        text("branch_id", "开户机构", "Branch", references="branches.branch_id"),
        date("opened_on", "开户日期", "Opened on", **REQUIRED),
        date("closed_on", "销户日期", "Closed on"),
        date("matures_on", "到期日", "Matures on"),
        rate("annual_rate", "年利率", "Annual rate"),
        money("credit_limit", "授信额度", "Credit limit or loan amount", check="not_negative"),
        boolean("employer_opened", "单位批量开户", "Opened in a batch by an employer"),
    ),
    date="opened_on",
)

BALANCES = Contract(
    "balances",
    "日终余额",
    "End-of-day balances",
    "account and day on which its balance changed (daily snapshots are thinned)",
    TableKind.LEVEL,
    ("account_id", "date"),
    (
        text(
            "account_id",
            "账号",
            "The account",
            references="accounts.account_id",
            **REQUIRED,
            **C2,
        ),
        date("date", "日期", "Day", **REQUIRED),
        money("balance", "日终余额", "Balance at the end of the day; what is owed is negative", **REQUIRED),
    ),
    date="date",
)

TRANSACTION_KINDS = (
    "salary",
    "pension",
    "transfer",
    "card_payment",
    "third_party_payment",
    "cash",
    "fee",
    "interest",
    "utilities",
    "tax",
    "loan_drawdown",
    "loan_repayment",
    "card_repayment",
    "term_open",
    "term_mature",
    "wealth_purchase",
    "wealth_redemption",
    "insurance_premium",
    "fx_purchase",
    "fx_settlement",
    "overseas_payment",
    "etc_toll",
    "escrow",
    "tuition",
    "house_purchase",
    "refund",
    "other",
)

TRANSACTIONS = Contract(
    "transactions",
    "交易流水",
    "Transactions",
    "movement on an account",
    TableKind.EVENT,
    ("transaction_id",),
    (
        text("transaction_id", "流水号", "Number of the movement", **REQUIRED),
        text(
            "account_id",
            "账号",
            "The account",
            references="accounts.account_id",
            **REQUIRED,
            **C2,
        ),
        date("date", "记账日期", "Booking date", **REQUIRED),
        instant("at", "交易时间", "Moment"),
        code("direction", "收付方向", "Into or out of the account", "in", "out", **REQUIRED),
        money("amount", "金额", "Amount", check="positive", **REQUIRED),
        code("kind", "交易类型", "Kind", *TRANSACTION_KINDS, **REQUIRED),
        code(
            "channel",
            "渠道",
            "Channel",
            "counter",
            "atm",
            "mobile",
            "web",
            "pos",
            "third_party",
            "batch",
        ),
        boolean("initiated", "客户主动", "Started by the customer"),
        text("counterparty_account", "对手账号", "Other party's account", **C2),
        text("counterparty_name", "对手户名", "Other party's name", **C2),
        code("counterparty_bank", "对手银行", "Other party's bank; `own` for this bank"),
        boolean("own_name", "本人同名", "The other party is the same person"),
        text("merchant_code", "商户类别码", "Merchant category code"),
        text("memo", "附言", "Remark", **C2),
    ),
    date="date",
)

HOLDINGS = Contract(
    "holdings",
    "持仓",
    "Holdings",
    "wealth, fund, insurance, bond or metal position, as last delivered",
    TableKind.SNAPSHOT,
    ("account_id", "product_id"),
    (
        text(
            "account_id",
            "账号",
            "Account that holds it",
            references="accounts.account_id",
            **REQUIRED,
            **C2,
        ),
        text("product_id", "产品代码", "Product", references="products.product_id", **REQUIRED),
        date("date", "日期", "As of", **REQUIRED),
        rate("units", "份额", "Units"),
        money("value", "市值", "Value", **REQUIRED),
        money("cost", "成本", "Cost"),
        date("matures_on", "到期日", "Matures on"),
    ),
    date="date",
)

FX_RATES = Contract(
    "fx_rates",
    "汇率",
    "Exchange rates",
    "currency and day; base currency for one unit of it",
    TableKind.SNAPSHOT,
    ("currency", "date"),
    (
        code("currency", "币种", "Currency, ISO 4217", check="currency", **REQUIRED),
        date("date", "日期", "Day", **REQUIRED),
        rate("rate", "汇率", "Base currency for one unit", check="positive", **REQUIRED),
    ),
    date="date",
)
