"""Cards and what hangs on them: credit, the social-security card, the car."""

from __future__ import annotations

from quanke.customers.tags.conditions import OPEN_CARD
from quanke.language import Tag, as_of, count, days, facts, largest, next_days, some, total

_card = facts.cards
_unused = _card.last_used_on.is_null() | (_card.last_used_on > as_of())
_inactive = _card.activated_on.is_null() | (_card.activated_on > as_of())

cards_open = Tag(
    name="cards_open",
    title_zh="在用卡数",
    title_en="Cards in force",
    value=count(_card).where(OPEN_CARD),
)
card_new_90d = Tag(
    name="card_new_90d",
    title_zh="近90日新发卡",
    title_en="New card in 90 days",
    value=some(OPEN_CARD).within(days(90)),
)
card_new_unused = Tag(
    name="card_new_unused",
    title_zh="新卡未用",
    title_en="New card not used yet",
    value=some(OPEN_CARD & _unused).within(days(90)),
    note_zh="近90日发卡且尚未用卡：二次营销与促活名单（S08）。",
    note_en="Issued in 90 days and not used once: for activation and second marketing (S08).",
)
card_never_activated = Tag(
    name="card_never_activated",
    title_zh="卡未激活",
    title_en="Has a card not activated within 30 days",
    value=some(OPEN_CARD & _inactive).within(days(3650, ago=30)),
    note_zh="发卡满30日仍未激活。",
    note_en="Issued at least 30 days ago and not activated.",
)
card_last_used_on = Tag(
    name="card_last_used_on",
    title_zh="最近用卡日",
    title_en="Card last used on",
    value=largest(_card.last_used_on).where(_card.last_used_on <= as_of()),
    unit="date",
)
card_expires_60d = Tag(
    name="card_expires_60d",
    title_zh="60日内卡到期",
    title_en="Card expires within 60 days",
    value=some(OPEN_CARD).within(next_days(60, by="expires_on")),
)
has_credit_card_in_use = Tag(
    name="has_credit_card_in_use",
    title_zh="信用卡近90日有用卡",
    title_en="Credit card used in 90 days",
    value=some(OPEN_CARD & (_card.kind == "credit")).within(days(90, by="last_used_on")),
)
credit_limit = Tag(
    name="credit_limit",
    title_zh="信用卡额度",
    title_en="Credit limit of cards",
    value=total(_card.credit_limit).where(OPEN_CARD),
)
credit_used = Tag(
    name="credit_used",
    title_zh="信用卡已用额度",
    title_en="Credit used on cards",
    value=total(_card.credit_used).where(OPEN_CARD),
)
credit_use_rate = Tag(
    name="credit_use_rate",
    title_zh="信用额度使用率",
    title_en="Credit used over limit",
    value=credit_used / credit_limit,
    note_zh="无额度时为空。",
    note_en="Null without a limit.",
)
has_social_card = Tag(
    name="has_social_card",
    title_zh="持有社保卡",
    title_en="Has a social-security card",
    value=some(OPEN_CARD & (_card.kind == "social_security")),
    note_zh="金融功能是否激活见“社保卡未激活”（SSC-1）。",
    note_en="Whether its financial side is activated is a tag of its own (SSC-1).",
)
social_card_inactive = Tag(
    name="social_card_inactive",
    title_zh="社保卡金融功能未激活",
    title_en="Social-security card not activated",
    value=some(OPEN_CARD & _inactive & (_card.kind == "social_security")),
    note_zh="须持卡人凭身份证在任一网点激活（SSC-1、SSC-3）。",
    note_en="Activated in person with identity document at any branch (SSC-1, SSC-3).",
)
has_etc = Tag(
    name="has_etc",
    title_zh="ETC客户",
    title_en="Has an ETC card",
    value=some(OPEN_CARD & (_card.kind == "etc")),
)
etc_paid_90d = Tag(
    name="etc_paid_90d",
    title_zh="近90日通行费",
    title_en="Motorway tolls, 90 days",
    value=total(facts.transactions.amount).where(facts.transactions.kind == "etc_toll").within(days(90)),
    note_zh="按账务日，与出行日不同（ETC-1）。",
    note_en="By booking day, which is not the day of the trip (ETC-1).",
)
is_car_owner = Tag(
    name="is_car_owner",
    title_zh="车主",
    title_en="Car owner",
    value=has_etc | (etc_paid_90d > 0),
)

TAGS = (
    cards_open,
    card_new_90d,
    card_new_unused,
    card_never_activated,
    card_last_used_on,
    card_expires_60d,
    has_credit_card_in_use,
    credit_limit,
    credit_used,
    credit_use_rate,
    has_social_card,
    social_card_inactive,
    has_etc,
    etc_paid_90d,
    is_car_owner,
)
