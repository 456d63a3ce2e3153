"""How a figure over customers is written: counts, shares, sums over persons, changes since the comparison."""

from __future__ import annotations

from quanke.customers.tags.assets import aum
from quanke.customers.tags.person import is_person
from quanke.language import Expression, Tag, count, customers, earlier, total, when
from quanke.language.expressions import Operators

PERSONS_BEFORE: Expression = earlier(is_person) & earlier(aum).is_known()
"""Persons the comparison night knew: the start members."""


def number_of(condition: Operators) -> Expression:
    """How many customers fulfil a condition."""
    return count(customers).where(condition)


def share_of(condition: Operators, among: Operators) -> Expression:
    """Of the customers `among`, the share that fulfils a condition; null where there are none."""
    return number_of(among & condition) / number_of(among)


def of_persons(value: Operators) -> Expression:
    """The sum over persons."""
    return total(value).where(is_person)


def since_comparison(tag: Tag) -> Expression:
    """Change of a sum over persons since the comparison night; null without one."""
    before = total(earlier(tag)).where(PERSONS_BEFORE)
    return when(number_of(PERSONS_BEFORE) > 0, of_persons(tag) - before).otherwise(None)
