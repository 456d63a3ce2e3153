"""How effects are shown: money from fen, people in a hundred, and coordinates that no language changes."""

from __future__ import annotations

from decimal import Decimal

from django import template
from django.utils.translation import gettext as _

from quanke_desk.campaigns.effect_words import action_word, doer_word, event_word, means_word
from quanke_desk.foundation import local_form

register = template.Library()


@register.filter
def of_unit(value: float | None, unit: str) -> str:
    """A value in its unit, with its sign; - for null."""
    if value is None:
        return "-"
    if unit == "fen":
        return local_form.whole_yuan(value, sign=True)
    if unit in ("people", "rate"):
        return f"{value * 100:+.2f} %"
    return f"{value:+,.2f}"


@register.filter
def of_all(value: float | None, unit: str) -> str:
    """The effect on all treated together: money, or a number of people; - for null."""
    if value is None:
        return "-"
    if unit == "people":
        return f"{value:+,.1f} {_('people')}"
    return of_unit(value, unit)


@register.filter
def plain(value: float) -> str:
    """A number as drawings write it: with a point, whatever the language."""
    return f"{value:.1f}"


register.filter("yuan", local_form.yuan)
for _worded in (means_word, event_word, doer_word, action_word):
    register.filter(_worded.__name__, _worded)


@register.filter
def ratio(value: Decimal | None) -> str:
    """A ratio; - for null: nothing to divide by."""
    return "-" if value is None else f"{value:,.2f}"
