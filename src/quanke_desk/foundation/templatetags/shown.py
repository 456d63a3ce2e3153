"""How values are shown: money from fen, days, shares, links; and the addresses of a list."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.html import format_html
from django.utils.translation import gettext as _

from quanke_desk.foundation import local_form
from quanke_desk.foundation.lists import Column, Listed, Row

register = template.Library()


for _name in ("day", "said_day", "short_day", "week_day", "month", "moment", "short_moment"):
    register.filter(_name, getattr(local_form, _name))
register.filter("money", local_form.yuan)
register.filter("amount", local_form.amount)


@register.filter
def moment_exact(of: dt.datetime | None) -> str:
    """A day and its time to the second; - for null."""
    return local_form.moment(of, seconds=True)


@register.filter
def clock_exact(of: dt.datetime | None) -> str:
    """The time of a day to the second; - for null."""
    return local_form.clock(of, seconds=True)


@register.filter
def as_read(held: Any) -> Any:
    """A value of any kind: a day in local form, all else as it is."""
    return local_form.day(held) if isinstance(held, dt.date) else held


@register.filter
def share(value: float | None) -> str:
    """A share of one in per cent with two decimals; - for null."""
    return "-" if value is None else f"{value * 100:.2f} %"


@register.simple_tag
def cell(row: Row, column: Column) -> Any:
    """A row's value in a column, as its kind is shown; - for null."""
    value = row.get(column.name)
    if value is None or value == "":
        return "-"
    if column.kind == "money":
        return local_form.yuan(value)
    if column.kind == "share":
        return share(value)
    if column.kind == "number":
        return intcomma(value, use_l10n=False)
    if column.kind == "day":
        return local_form.day(value)
    if column.kind == "moment":
        return local_form.moment(value)
    if column.kind == "yes":
        return _("yes") if value else _("no")
    if column.kind == "link":
        text, address = value
        return format_html('<a href="{}">{}</a>', address, text)
    return value


@register.simple_tag
def order_link(listed: Listed, column: Column) -> str:
    """Address of the list in the order of a column; the other way round where it is that already."""
    back = listed.order == column.name and not listed.descending
    return listed.address(order=("-" if back else "") + column.name)


@register.simple_tag
def page_link(listed: Listed, step: int) -> str:
    """Address of the page before or after."""
    return listed.address(page=listed.number + step)


@register.simple_tag
def without(listed: Listed, names: tuple[str, ...]) -> str:
    """Address of the list without one filter."""
    return listed.without(names)


@register.simple_tag
def without_all(listed: Listed) -> str:
    """Address of the list without any filter."""
    return listed.without([n for f in listed.state.filters for n in f.names])


@register.simple_tag
def density_link(listed: Listed) -> str:
    """Address of the list with its rows closer, or apart again."""
    return listed.address(dense="0" if listed.dense else "1")


@register.filter
def points(chart: dict[str, Any]) -> list[tuple[str, Any, str]]:
    """Name, value and address of each point of a chart."""
    links = chart.get("links") or [""] * len(chart["names"])
    return list(zip(chart["names"], chart["values"], links, strict=True))
