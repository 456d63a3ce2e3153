"""For compliance: who is sent nothing, putting customers there, and letting them out."""

from __future__ import annotations

import datetime as dt

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from quanke.kernel.errors import NightError
from quanke_desk.campaigns import blocking
from quanke_desk.campaigns.known import ANY, blocks_on
from quanke_desk.campaigns.reach import MEANS
from quanke_desk.foundation.pages import page, person_of
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May

SHOWN = 200


@page(May.DATA_DECIDE)
@require_http_methods(["GET", "POST"])
def blocks(request: HttpRequest) -> HttpResponse:
    """Blocks in force, the newest first; of one customer where one is asked for."""
    if request.method == "POST":
        try:
            _end(request) if request.POST.get("do") == "end" else _add(request)
        except NotAllowed as rule:
            messages.error(request, _("Not done: %(rule)s.") % {"rule": _(str(rule))})
        except NightError:
            return render(request, "campaigns/no_night.html", {})
        return redirect("blocks")
    found, wanted = blocks_on(timezone.localdate()).select_related("by"), request.GET.get("q", "").strip()
    if wanted:
        found = found.filter(customer=_whole(wanted))
    titles = {ANY: _("any means"), **MEANS}
    rows = [(row, titles.get(row.means, row.means)) for row in found.order_by("-id")[:SHOWN]]
    shown = {"rows": rows, "wanted": wanted, "means": [(m, titles[m]) for m in blocking.MEANS]}
    return render(request, "campaigns/blocks.html", shown)


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
