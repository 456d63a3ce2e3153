"""Regular income: wages and pensions, and who pays them."""

from __future__ import annotations

import operator
from functools import reduce

from quanke.customers.tags.conditions import ELSEWHERE, flag
from quanke.language import Tag, days, facts, largest, latest, months, some, total, when

MONTHS_SEEN = 6
"""Whole months that salary detection looks back."""

_move = facts.transactions
_salary = (_move.kind == "salary") & (_move.direction == "in")
_pension = (_move.kind == "pension") & (_move.direction == "in")
_paid_lately = some(_salary).within(days(62))

salary_months_6 = Tag(
    name="salary_months_6",
    title_zh="近6月代发月数",
    title_en="Months with wages, of the last six",
    value=reduce(
        operator.add,
        [flag(some(_salary).within(months(1, ago=ago))) for ago in range(1, MONTHS_SEEN + 1)],
    ),
    unit="months",
    note_zh="近6个完整自然月中有代发工资入账的月数。",
    note_en="Whole calendar months of the last six in which wages arrived.",
)
salary_amount = Tag(
    name="salary_amount",
    title_zh="月均代发工资",
    title_en="Wages a month",
    value=total(_move.amount).where(_salary).within(months(MONTHS_SEEN, ago=1)) / salary_months_6,
    note_zh="近6个完整月代发总额÷有代发月数；无代发为空。",
    note_en="Wages of the last six whole months over the months paid; null without any.",
)
salary_last_on = Tag(
    name="salary_last_on",
    title_zh="最近代发日",
    title_en="Last wages on",
    value=largest(_move.day).where(_salary).within(days(184)),
    unit="date",
)
has_salary = Tag(
    name="has_salary",
    title_zh="代发工资客户",
    title_en="Receives wages here",
    value=_paid_lately,
    note_zh="近62日内有代发工资入账。",
    note_en="Wages arrived in the last 62 days.",
)
salary_stopped = Tag(
    name="salary_stopped",
    title_zh="代发中断",
    title_en="Wages have stopped",
    value=(salary_months_6 >= 3) & ~has_salary,
    note_zh="近6月至少3个月有代发而近62日没有：换单位或换银行的信号。",
    note_en="Wages in at least three of six months but none in 62 days: another employer, or another bank.",
)
employer = Tag(
    name="employer",
    title_zh="代发单位",
    title_en="Employer that pays the wages",
    value=latest(_move.counterparty_name).where(_salary).within(days(184)),
    unit="name",
    note_zh="最近一笔代发的对手户名。",
    note_en="Other party's name of the last wages.",
)
has_pension = Tag(
    name="has_pension",
    title_zh="养老金客户",
    title_en="Receives a pension here",
    value=some(_pension).within(days(62)),
)
pension_last_month = Tag(
    name="pension_last_month",
    title_zh="上月养老金",
    title_en="Pension last month",
    value=total(_move.amount).where(_pension).within(months(1)),
)
_salary_last_month = total(_move.amount).where(_salary).within(months(1))
_to_banks_last_month = total(_move.amount).where(ELSEWHERE & (_move.kind == "transfer")).within(months(1))

salary_kept_rate = Tag(
    name="salary_kept_rate",
    title_zh="上月工资留存率",
    title_en="Share of last month's wages not moved to other banks",
    value=when(_salary_last_month > 0, 1 - _to_banks_last_month / _salary_last_month).otherwise(None),
    note_zh="1－上月转往他行÷上月代发；可为负（动用存量）；无代发为空。",
    note_en="1 less transfers to other banks over wages of last month; negative when savings follow.",
)

TAGS = (
    salary_months_6,
    salary_amount,
    salary_last_on,
    has_salary,
    salary_stopped,
    employer,
    has_pension,
    pension_last_month,
    salary_kept_rate,
)
