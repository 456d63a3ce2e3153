"""Money across the border."""

from __future__ import annotations

from quanke.customers.tags.conditions import OPEN_CARD
from quanke.customers.tags.products import has_foreign_currency
from quanke.language import Tag, days, facts, some, total, year_to_date

_move = facts.transactions

fx_purchase_ytd = Tag(
    name="fx_purchase_ytd",
    title_zh="本年购汇金额",
    title_en="Foreign exchange bought this year, in home currency",
    value=total(_move.amount)
    .where((_move.kind == "fx_purchase") & (_move.direction == "out"))
    .within(year_to_date()),
    note_zh="按本币付出计；便利化额度以外汇局系统为准（FX-1）。",
    note_en="The home-currency side; the quota itself is counted by the authority's system (FX-1).",
)
fx_settlement_ytd = Tag(
    name="fx_settlement_ytd",
    title_zh="本年结汇金额",
    title_en="Foreign exchange sold this year, in home currency",
    value=total(_move.amount)
    .where((_move.kind == "fx_settlement") & (_move.direction == "in"))
    .within(year_to_date()),
    note_zh="按本币收入计；购汇与结汇分别计算（FX-1）。",
    note_en="The home-currency side; purchase and settlement are counted apart (FX-1).",
)
overseas_paid_365d = Tag(
    name="overseas_paid_365d",
    title_zh="近一年境外支付",
    title_en="Paid abroad, 365 days",
    value=total(_move.amount)
    .where((_move.kind == "overseas_payment") & (_move.direction == "out"))
    .within(days(365)),
)
has_dual_card = Tag(
    name="has_dual_card",
    title_zh="持有一卡双币",
    title_en="Has a dual-currency card",
    value=some((facts.cards.kind == "dual_currency") & OPEN_CARD),
)
is_cross_border = Tag(
    name="is_cross_border",
    title_zh="跨境客户",
    title_en="Cross-border customer",
    value=has_foreign_currency
    | has_dual_card
    | (fx_purchase_ytd > 0)
    | (fx_settlement_ytd > 0)
    | (overseas_paid_365d > 0),
)

TAGS = (fx_purchase_ytd, fx_settlement_ytd, overseas_paid_365d, has_dual_card, is_cross_border)
