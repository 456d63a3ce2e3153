"""Money that comes and goes, and what the customer does with it. One scan of the movements.

Every window here is at most 365 days, so that a night never reads older movements.
"""

from __future__ import annotations

from quanke.customers.tags.assets import aum, aum_30d_ago
from quanke.customers.tags.conditions import ELSEWHERE, INFLOW, INITIATED, OUTFLOW
from quanke.customers.tags.person import deceased
from quanke.language import (
    Tag,
    count,
    days,
    facts,
    greatest,
    largest,
    some,
    total,
    when,
    yuan,
)

LARGE_DROP_YUAN = 50_000
LARGE_DROP_SHARE = 0.3
"""Asset recall fires at a 30-day drop of at least this share and this amount (domain.md KPI-2)."""

_move = facts.transactions

inflow_30d = Tag(
    name="inflow_30d",
    title_zh="近30日资金流入",
    title_en="Money in, 30 days",
    value=total(_move.amount).where(INFLOW).within(days(30)),
    note_zh="不含本人行内互转、产品申赎及到期、利息（不改变在行资金量）。",
    note_en="Without moves between own accounts here, product switches and interest: they bring nothing new.",
)
outflow_30d = Tag(
    name="outflow_30d",
    title_zh="近30日资金流出",
    title_en="Money out, 30 days",
    value=total(_move.amount).where(OUTFLOW).within(days(30)),
)
inflow_90d = Tag(
    name="inflow_90d",
    title_zh="近90日资金流入",
    title_en="Money in, 90 days",
    value=total(_move.amount).where(INFLOW).within(days(90)),
)
outflow_90d = Tag(
    name="outflow_90d",
    title_zh="近90日资金流出",
    title_en="Money out, 90 days",
    value=total(_move.amount).where(OUTFLOW).within(days(90)),
)
net_flow_30d = Tag(
    name="net_flow_30d",
    title_zh="近30日净流入",
    title_en="Net money in, 30 days",
    value=inflow_30d - outflow_30d,
)
net_flow_90d = Tag(
    name="net_flow_90d",
    title_zh="近90日净流入",
    title_en="Net money in, 90 days",
    value=inflow_90d - outflow_90d,
)
outflow_ratio_30d = Tag(
    name="outflow_ratio_30d",
    title_zh="近30日流出流入比",
    title_en="Money out over money in, 30 days",
    value=outflow_30d / inflow_30d,
    note_zh="无流入时为空。",
    note_en="Null where nothing came in.",
)
outflow_ratio_90d = Tag(
    name="outflow_ratio_90d",
    title_zh="近90日流出流入比",
    title_en="Money out over money in, 90 days",
    value=outflow_90d / inflow_90d,
)
largest_inflow_30d = Tag(
    name="largest_inflow_30d",
    title_zh="近30日最大单笔流入",
    title_en="Largest single inflow, 30 days",
    value=largest(_move.amount).where(INFLOW).within(days(30)),
)
out_to_banks_30d = Tag(
    name="out_to_banks_30d",
    title_zh="近30日流向他行",
    title_en="Transfers to other banks, 30 days",
    value=total(_move.amount).where(ELSEWHERE & (_move.kind == "transfer")).within(days(30)),
    note_zh="仅计已知对手银行且非本行的转账转出。",
    note_en="Outgoing transfers whose other bank is known and is not this one.",
)
out_to_banks_90d = Tag(
    name="out_to_banks_90d",
    title_zh="近90日流向他行",
    title_en="Transfers to other banks, 90 days",
    value=total(_move.amount).where(ELSEWHERE & (_move.kind == "transfer")).within(days(90)),
)
own_name_out_90d = Tag(
    name="own_name_out_90d",
    title_zh="近90日同名转至他行",
    title_en="Moved to own accounts at other banks, 90 days",
    value=total(_move.amount).where(ELSEWHERE & _move.own_name).within(days(90)),
    note_zh="同名外流意味着资产搬家，是挽留的首要线索（S08）。",
    note_en="The customer moves his assets to another bank: the first lead for win-back (S08).",
)
third_party_paid_30d = Tag(
    name="third_party_paid_30d",
    title_zh="近30日第三方支付",
    title_en="Third-party payments, 30 days",
    value=total(_move.amount)
    .where((_move.direction == "out") & (_move.kind == "third_party_payment"))
    .within(days(30)),
)
transactions_30d = Tag(
    name="transactions_30d",
    title_zh="近30日主动交易笔数",
    title_en="Customer-initiated movements, 30 days",
    value=count(_move).where(INITIATED).within(days(30)),
)
transactions_90d = Tag(
    name="transactions_90d",
    title_zh="近90日主动交易笔数",
    title_en="Customer-initiated movements, 90 days",
    value=count(_move).where(INITIATED).within(days(90)),
)
transacted_amount_90d = Tag(
    name="transacted_amount_90d",
    title_zh="近90日主动交易金额",
    title_en="Customer-initiated amount, 90 days",
    value=total(_move.amount).where(INITIATED).within(days(90)),
)
last_transaction_on = Tag(
    name="last_transaction_on",
    title_zh="最近主动交易日",
    title_en="Last customer-initiated movement",
    value=largest(_move.day).where(INITIATED).within(days(365)),
    unit="date",
    note_zh="一年内无主动交易为空。",
    note_en="Null where there was none in 365 days.",
)

pays_utilities = Tag(
    name="pays_utilities",
    title_zh="水电煤缴费户",
    title_en="Pays utilities here",
    value=some(_move.kind == "utilities").within(days(90)),
)
pays_tuition = Tag(
    name="pays_tuition",
    title_zh="缴学费客户",
    title_en="Pays tuition here",
    value=some((_move.kind == "tuition") & (_move.direction == "out")).within(days(365)),
)
house_purchase_90d = Tag(
    name="house_purchase_90d",
    title_zh="近90日购房",
    title_en="Bought a house in 90 days",
    value=some((_move.kind == "house_purchase") & (_move.direction == "out")).within(days(90)),
)
_house_and_tuition_30d = (
    total(_move.amount)
    .where(_move.kind.one_of("house_purchase", "tuition") & (_move.direction == "out"))
    .within(days(30))
)

unexplained_drop_30d = Tag(
    name="unexplained_drop_30d",
    title_zh="近30日不明资产下降",
    title_en="Fall of AUM beyond house and tuition, 30 days",
    value=greatest(aum_30d_ago - aum - _house_and_tuition_30d, yuan(0)),
    note_zh="30日前AUM减现AUM减购房学费支出，不小于0（KPI-2排除项）。",
    note_en="AUM 30 days ago less AUM less house and tuition payments, at least 0 (exclusions of KPI-2).",
)
large_outflow = Tag(
    name="large_outflow",
    title_zh="资产大额流失",
    title_en="Large fall of assets",
    value=when(
        (aum_30d_ago > 0) & ~deceased,
        (unexplained_drop_30d >= LARGE_DROP_YUAN) & (unexplained_drop_30d / aum_30d_ago >= LARGE_DROP_SHARE),
    ).otherwise(False),
    note_zh="30日降幅≥30%且≥5万元，剔除购房、学费、身故（KPI-2）；行内本人互转不改变AUM。",
    note_en="A 30-day fall of at least 30 % and 50,000, beyond house and tuition, not the deceased (KPI-2).",
)

TAGS = (
    inflow_30d,
    outflow_30d,
    inflow_90d,
    outflow_90d,
    net_flow_30d,
    net_flow_90d,
    outflow_ratio_30d,
    outflow_ratio_90d,
    largest_inflow_30d,
    out_to_banks_30d,
    out_to_banks_90d,
    own_name_out_90d,
    third_party_paid_30d,
    transactions_30d,
    transactions_90d,
    transacted_amount_90d,
    last_transaction_on,
    pays_utilities,
    pays_tuition,
    house_purchase_90d,
    unexplained_drop_30d,
    large_outflow,
)
