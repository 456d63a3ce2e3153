"""For compliance: who is sent nothing, putting customers there, and letting them out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from quanke.kernel.errors import NightError
from quanke_desk.campaigns import blocking
from quanke_desk.campaigns.known import ANY, blocks_on
from quanke_desk.campaigns.models import Block
from quanke_desk.campaigns.reach import MEANS
from quanke_desk.foundation.lists import Column, QuerysetSource, listing
from quanke_desk.foundation.pages import page, person_of
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May

BLOCKS = (
    Column("customer", gettext_lazy("Customer"), "link"),
    Column("means", gettext_lazy("Means")),
    Column("since", gettext_lazy("Since"), "day"),
    Column("until", gettext_lazy("Free again on"), "day"),
    Column("reason", gettext_lazy("Reason")),
    Column("by", gettext_lazy("Made by")),
    Column("end", gettext_lazy("End it"), "link", sorts=False),
)


@page(May.DATA_DECIDE)
@require_http_methods(["GET", "POST"])
def blocks(request: HttpRequest) -> HttpResponse:
    """Blocks in force, the newest first; of one customer where one is asked for."""
    if request.method == "POST":
        try:
            if request.POST.get("do") == "find":
                return _find(request)
            _end(request) if request.POST.get("do") == "end" else _add(request)
        except NotAllowed as rule:
            messages.error(request, _("Not done: %(rule)s.") % {"rule": _(str(rule))})
        except NightError:
            return render(request, "campaigns/no_night.html", {})
        return redirect("blocks")
    in_force, wanted = blocks_on(timezone.localdate()).select_related("by"), request.GET.get("q", "").strip()
    found = in_force.filter(customer=_whole(wanted)) if wanted else in_force
    titles = {ANY: _("any means"), **MEANS}
    source = QuerysetSource(found.order_by("-id"), _SORTS, lambda held: _row(held, titles))
    shown = {
        "listed": listing(request, "blocks", BLOCKS, source),
        "wanted": wanted,
        "means": [(m, titles[m]) for m in blocking.MEANS],
        "ends": in_force.filter(pk=_whole(request.GET.get("end", ""))).first(),
    }
    return render(request, "campaigns/blocks.html", shown)


_SORTS = {
    "customer": "customer", "means": "means", "since": "since", "until": "until", "reason": "reason",
    "by": "by__name",
}  # fmt: skip


def _row(held: Block, titles: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "customer": (held.customer, reverse("customer", args=[held.customer])),
        "means": titles.get(held.means, held.means),
        "since": held.since,
        "until": held.until,
        "reason": held.reason,
        "by": held.by and held.by.name,
        "end": (_("End it"), f"{reverse('blocks')}?end={held.pk}#end"),
    }


def _find(request: HttpRequest) -> HttpResponse:
    """To the blocks of one customer, by his number or that of a source: such a one stands in no address."""
    wanted = request.POST.get("q", "").strip()
    if not wanted:
        return redirect("blocks")
    customers, _unknown = blocking.customers_of(wanted[:120])
    if len(customers) != 1:
        raise NotAllowed("there is no such customer")
    return redirect(f"{reverse('blocks')}?q={customers[0]}")


def _add(request: HttpRequest) -> None:
    asked = request.POST
    customers, unknown = blocking.customers_of(asked.get("customers", "")[:50_000])
    if unknown:
        rows = ", ".join(str(place) for place in unknown[:20])
        messages.error(request, _("Nobody has these numbers of the list: %(rows)s.") % {"rows": rows})
        return
    until = asked.get("until", "")
    try:
        day = dt.date.fromisoformat(until) if until else None
    except ValueError:
        raise NotAllowed("a block ends on a day to come") from None
    new = blocking.block(
        customers, asked.get("means", ""), asked.get("reason", ""), day, by=person_of(request)
    )
    messages.success(request, _("Customers put under a block: %(new)s.") % {"new": new})


def _end(request: HttpRequest) -> None:
    number = _whole(request.POST.get("block", ""))
    blocking.end_block(number, request.POST.get("reason", ""), by=person_of(request))
    messages.success(request, _("Done, and on record."))


def _whole(given: str) -> int:
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 16 else -1
