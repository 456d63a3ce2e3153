"""The standard triggers: moments at which the bank answers (随时随地、智慧感知、随需触发)."""

from __future__ import annotations

from quanke.customers.tags.activity import in_scope
from quanke.customers.tags.assets import deposits
from quanke.customers.tags.conditions import ELSEWHERE, INFLOW, OPEN_ACCOUNT
from quanke.customers.tags.cross_border import fx_purchase_ytd
from quanke.customers.tags.person import deceased, is_person
from quanke.customers.tags.service import has_owner
from quanke.language import (
    Expression,
    Trigger,
    as_of,
    count,
    customers,
    days,
    days_between,
    earlier,
    facts,
    largest,
    some,
    working_day,
    years_between,
)
from quanke.segments.tiers import TIER_TAGS
from quanke.segments.triggers.rules import TriggerRules, amount

_move = facts.transactions
_event = facts.channel_events
_account = facts.accounts
_card = facts.cards
_ON_A_WORKING_DAY = working_day(0) == as_of()


def _money_in(rules: TriggerRules) -> tuple[Trigger, ...]:
    edge, gap = TIER_TAGS["edge"], TIER_TAGS["tier_gap"]
    return (
        Trigger(
            name="inflow_near_next_tier",
            title_zh="临界客户大额入账",
            title_en="Large inflow for a customer near the next tier",
            value=INFLOW
            & (_move.amount >= amount(rules.large_inflow))
            & ~edge.is_null()
            & (_move.amount >= gap * rules.share_of_gap.expression() / 100),
            note_zh="入账达到门槛，且不少于距上一档差额的规定比例；差额含当日已到账变动。",
            note_en="Large enough by itself and beside what is missing to the next tier.",
        ),
        Trigger(
            name="salary_arrived",
            title_zh="代发工资到账",
            title_en="Salary arrived",
            value=(_move.kind == "salary")
            & (_move.direction == "in")
            & (_move.amount >= amount(rules.salary)),
        ),
        Trigger(
            name="escrow_released",
            title_zh="存管资金释放到账",
            title_en="Escrow released to the customer",
            value=(_move.kind == "escrow") & (_move.direction == "in") & (_move.category != "escrow"),
            note_zh="存管资金解付到客户本人账户。",
            note_en="Money in escrow has come to an account of the customer's own.",
        ),
    )


def _money_out(rules: TriggerRules) -> tuple[Trigger, ...]:
    near, before = rules.near_quota(), fx_purchase_ytd - _move.amount
    return (
        Trigger(
            name="large_outflow_to_bank",
            title_zh="大额资金流向他行",
            title_en="Large outflow to another bank",
            value=ELSEWHERE
            & (_move.amount >= amount(rules.large_outflow))
            & (_move.amount >= earlier(deposits) * rules.share_of_deposits.expression() / 100),
            note_zh="达到门槛，且不少于上一夜存款余额的规定比例。",
            note_en="Large by itself and beside the deposits of the night before.",
        ),
        Trigger(
            name="fx_purchase_near_quota",
            title_zh="购汇接近年度便利化额度",
            title_en="FX purchase near the yearly quota",
            value=(_move.kind == "fx_purchase")
            & (_move.direction == "out")
            & (fx_purchase_ytd >= near)
            & (before < near),
            note_zh="本笔使本年购汇首次达到额度的规定比例（FX-1）；以外汇局系统为准。",
            note_en="This purchase takes the year's sum past the share of the quota (FX-1).",
        ),
    )


def _channels(rules: TriggerRules) -> tuple[Trigger, ...]:
    login = _event.kind == "login"
    before = largest(_event.day).where(login).within(days(3_650, ago=1))
    today = count(_event).where(login).within(days(1))
    return (
        Trigger(
            name="branch_arrival",
            title_zh="客户到店取号",
            title_en="Branch arrival: a ticket was taken",
            value=_event.kind == "ticket",
        ),
        Trigger(
            name="login_after_silence",
            title_zh="沉默后首次登录",
            title_en="First login after silence",
            value=login & (today == 1) & (days_between(before, as_of()) >= rules.silent_days.expression()),
            note_zh="当日首次登录，且上一次登录在规定天数之前。",
            note_en="The day's first login, and the one before it long ago.",
        ),
        Trigger(
            name="etc_bound",
            title_zh="ETC绑定",
            title_en="ETC bound",
            value=_event.kind == "bind_etc",
        ),
    )


def _waits(rules: TriggerRules) -> tuple[Trigger, ...]:
    used = (_move.kind == "card_payment") | _move.channel.one_of("atm", "pos")
    return (
        Trigger(
            name="new_card_unused",
            title_zh=f"新卡{rules.new_card_days}日未用",
            title_en=f"New card not used within {rules.new_card_days} days",
            value=_card.kind.one_of("debit", "credit", "dual_currency") & _card.closed_on.is_null(),
            unless=used,
            within=days(rules.new_card_days),
            note_zh="按客户判断：期间任一卡的用卡交易即视为已用。",
            note_en="Looked at by customer: a card payment with any card of his counts as use.",
        ),
    )


def _days(rules: TriggerRules) -> tuple[Trigger, ...]:
    ahead = rules.maturity_working_days
    due = (_account.matures_on > working_day(ahead - 1)) & (_account.matures_on <= working_day(ahead))
    if ahead == 1:
        due = (_account.matures_on > as_of()) & (_account.matures_on <= working_day(1))
    born = customers.birth_date
    return (
        Trigger(
            name="term_deposit_maturing",
            title_zh=f"定期存款到期前{ahead}个工作日",
            title_en=f"Term deposit matures in {ahead} working days",
            value=_on_working_days(some((_account.category == "term") & OPEN_ACCOUNT & due)),
            note_zh="到期日逢休息日的，按其前最近的提醒日计；仅工作日触发。",
            note_en="A maturity on a day off is told on the same day as the next working day's.",
        ),
        Trigger(
            name="birthday",
            title_zh="客户生日",
            title_en="Birthday",
            value=is_person & ~deceased & (years_between(born, as_of()) > years_between(born, as_of() - 1)),
            note_zh="2月29日生者，平年在2月28日。",
            note_en="Born on 29 February: on the 28th in other years.",
        ),
        Trigger(
            name="holiday_ahead",
            title_zh="节前最后一个工作日",
            title_en="Last working day before a holiday",
            value=_on_working_days(in_scope & has_owner)
            & (days_between(as_of(), working_day(1)) > rules.holiday_days.expression()),
            note_zh="其后连续休息不少于规定天数；限有管户人的在管客户。",
            note_en="At least so many days off follow; for customers whom a manager looks after.",
        ),
    )


def _on_working_days(condition: Expression) -> Expression:
    return condition & _ON_A_WORKING_DAY


def trigger_definitions(rules: TriggerRules | None = None) -> tuple[Trigger, ...]:
    """The standard triggers by given rules.

    They read the standard tags and those of the default tier scheme and must stand in one catalogue with
    them.
    """
    given = rules or TriggerRules()
    return (*_money_in(given), *_money_out(given), *_channels(given), *_waits(given), *_days(given))
