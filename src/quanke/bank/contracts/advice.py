"""Contracts about advice on investments: risk assessments, sales, answers to proposals, unit values."""

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
    money,
    rate,
    text,
)

SALES_AREA = ("counter", "lobby")
"""Channels in the bank's own sales area, where a sale is recorded in sound and picture (SUI-4)."""

RISK_ASSESSMENTS = Contract(
    "risk_assessments",
    "风险测评",
    "Risk assessments",
    "assessment of how much risk a party can bear (SUI-2)",
    TableKind.EVENT,
    ("assessment_id",),
    (
        text("assessment_id", "测评编号", "Number of the assessment", **REQUIRED),
        code("source", "来源系统", "Source system of the party", **REQUIRED),
        text("party_id", "客户编号", "The party", **REQUIRED, **C2),
        date("date", "日期", "Day", **REQUIRED),
        instant("at", "时间", "Moment"),
        code("risk_class", "风险承受等级", "Investor risk class", "C1", "C2", "C3", "C4", "C5", **REQUIRED),
        code("channel", "渠道", "Where it was made", "counter", "lobby", "mobile", "web", "remote"),
        boolean("confirmed", "客户确认", "The customer confirmed a class that changed"),
    ),
    date="date",
)

SALES = Contract(
    "sales",
    "销售记录",
    "Sales of investment products",
    "sale of an investment product to a party",
    TableKind.EVENT,
    ("sale_id",),
    (
        text("sale_id", "销售编号", "Number of the sale", **REQUIRED),
        code("source", "来源系统", "Source system of the party", **REQUIRED),
        text("party_id", "客户编号", "The party", **REQUIRED, **C2),
        text("product_id", "产品代码", "Product", references="products.product_id", **REQUIRED),
        date("date", "日期", "Day", **REQUIRED),
        instant("at", "时间", "Moment"),
        money("amount", "金额", "Amount", check="positive", **REQUIRED),
        code("channel", "渠道", "Where it was sold", *SALES_AREA, "mobile", "web", "remote", **REQUIRED),
        text("staff_id", "工号", "Member of staff who sold it", references="staff.staff_id"),
        text(
            "recording_id",
            "双录编号",
            "Number of the recording in sound and picture",
            required_where=("channel", SALES_AREA),
        ),
        date("proposed_on", "建议日期", "Night of the proposal it follows"),
    ),
    date="date",
)

ADVICE_ANSWERS = Contract(
    "advice_answers",
    "配置建议反馈",
    "What became of proposals",
    "thing a party did with a proposal of a night",
    TableKind.EVENT,
    ("answer_id",),
    (
        text("answer_id", "反馈编号", "Number of the answer", **REQUIRED),
        code("source", "来源系统", "Source system of the party", **REQUIRED),
        text("party_id", "客户编号", "The party", **REQUIRED, **C2),
        date("proposed_on", "建议日期", "Night of the proposal", **REQUIRED),
        date("date", "日期", "Day", **REQUIRED),
        instant("at", "时间", "Moment"),
        code("kind", "反馈", "What was done with it", "seen", "accepted", "changed", "declined", **REQUIRED),
        code("channel", "渠道", "Where", "counter", "lobby", "mobile", "web", "remote"),
        text("staff_id", "工号", "Member of staff who showed it", references="staff.staff_id"),
        text("education_id", "投教内容编号", "Education item that was shown with it"),
    ),
    date="date",
)

PRODUCT_VALUES = Contract(
    "product_values",
    "产品净值",
    "Unit values of products",
    "product and day; value of one unit, income reinvested",
    TableKind.SNAPSHOT,
    ("product_id", "date"),
    (
        text("product_id", "产品代码", "Product", references="products.product_id", **REQUIRED),
        date("date", "日期", "Day", **REQUIRED),
        rate("value", "单位净值", "Value of one unit, income reinvested", check="positive", **REQUIRED),
    ),
    date="date",
)
