"""What scores foretell: definitions of the language as of the later day, beside what stood on the earlier
one."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from quanke.bank.contracts import ASSET_CATEGORIES, LOAN_CATEGORIES
from quanke.customers.tags.assets import aum, loan_balance
from quanke.customers.tags.products import CATEGORY_TITLES, accounts_open
from quanke.customers.tags.scores import may_be_profiled, profiling_agreed, profiling_refused
from quanke.language import Purpose, Tag, absolute, count, days, earlier, facts, level, when
from quanke.language.facts import SCORED_CATEGORIES
from quanke.plans.scores.rules import DEFAULT_RULES, ScoreRules

CHURN = "churn_risk"
VALUE = "expected_value"
_balances = facts.balances


@dataclass(frozen=True)
class Target:
    """One thing foretold. `name` is the score's, and its column of the table `scores`; `label` says on the
    later day whether it came true; `category` is the product it is about ("" for leaving)."""

    name: str
    title_zh: str
    title_en: str
    label: Tag
    category: str = ""


def held(category: str) -> Tag:
    """What a customer has or owes in accounts of a category, never below zero."""
    return Tag(
        name=f"held_{category}",
        title_zh=f"{CATEGORY_TITLES[category][0]}余额",
        title_en=f"Balance: {CATEGORY_TITLES[category][1]}",
        value=absolute(level(_balances.balance).where(_balances.category == category)),
        purpose=Purpose.MARKETING,
    )


HELD: dict[str, Tag] = {c: held(c) for c in dict.fromkeys((*ASSET_CATEGORIES, *LOAN_CATEGORIES))}
"""Balances by category, for the margin of what is held and of what is opened."""

SHEET: tuple[Tag, ...] = (aum, loan_balance, accounts_open, may_be_profiled, profiling_agreed, *HELD.values())
"""What is kept of a sheet beside its features: outcomes and margins stand on it."""
WALL: tuple[Tag, ...] = (profiling_refused, profiling_agreed)
"""Looked at on the last day as well: who refuses today is not learned from, whatever he said then."""


def _opened(category: str, horizon: int) -> Target:
    accounts = facts.accounts
    zh, en = CATEGORY_TITLES[category]
    label = Tag(
        name=f"opened_{category}",
        title_zh=f"新开{zh}",
        title_en=f"Opened: {en}",
        value=count(accounts).where(accounts.category == category).within(days(horizon)) > 0,
        purpose=Purpose.MARKETING,
    )
    titles = (f"{horizon}日内新开{zh}", f"Opens within {horizon} days: {en}")
    return Target(f"propensity_{category}", *titles, label, category)


def left(day: dt.date, rules: ScoreRules = DEFAULT_RULES) -> Tag:
    """Whether a customer left between two days (the attrition of the KPI table, whose rate this foretells):
    AUM fell by so much of it and by so much, or no account is open any more."""
    fall = earlier(aum) - aum
    share, amount = rules.fall_percent.on(day), rules.fall_yuan.on(day)
    halved = when(earlier(aum) > 0, fall * 100 >= earlier(aum) * share).otherwise(False)
    return Tag(
        name="left_or_emptied",
        title_zh="流失",
        title_en="Left, or took most assets away",
        value=(halved & (fall >= amount)) | (accounts_open == 0),
        purpose=Purpose.MARKETING,
    )


def targets(day: dt.date, rules: ScoreRules = DEFAULT_RULES) -> tuple[Target, ...]:
    """Everything a model may be trained for, by the rules in force on a day."""
    horizon = rules.horizon.on(day)
    leaving = Target(CHURN, f"{horizon}日内流失", f"Leaves within {horizon} days", left(day, rules))
    return (*(_opened(category, horizon) for category in SCORED_CATEGORIES), leaving)


def brought(category: str) -> Tag:
    """How much more is held in a category than on the earlier day: what an opening brought."""
    more = HELD[category] - earlier(HELD[category])
    return Tag(
        name=f"brought_{category}",
        title_zh=f"新增{CATEGORY_TITLES[category][0]}",
        title_en=f"Added: {CATEGORY_TITLES[category][1]}",
        value=when(more > 0, more).otherwise(0),
        purpose=Purpose.MARKETING,
    )


LEFT_BEHIND = Tag(
    name="aum_after",
    title_zh="期末AUM",
    title_en="AUM on the later day",
    value=aum,
    purpose=Purpose.MARKETING,
)
"""For the share of assets that leaves with those who leave."""
