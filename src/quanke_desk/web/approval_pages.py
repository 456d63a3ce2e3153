"""Pages of four eyes, for what every room asks for: to decide, asked by me, decided by me."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from quanke.kernel.errors import QuankeError
from quanke_desk.foundation import approvals
from quanke_desk.foundation.approvals import KINDS
from quanke_desk.foundation.lists import Column, QuerysetSource, RowsSource, listing
from quanke_desk.foundation.models import Approval, ApprovalState, Person
from quanke_desk.foundation.pages import page, person_of
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May

SHOWN = ("open", "mine", "decided")
COLUMNS = (
    Column("what", pgettext_lazy("approval", "What is asked"), kind="link", sorts=False),
    Column("subject", gettext_lazy("Of"), sorts=False),
    Column("reason", gettext_lazy("Reason"), sorts=False),
    Column("asked_by", gettext_lazy("Asked by"), sorts=False),
    Column("asked_at", gettext_lazy("When"), kind="moment"),
    Column("state", gettext_lazy("State"), sorts=False),
)

_log = logging.getLogger(__name__)


@page(May.OWN)
@require_GET
def approvals_page(request: HttpRequest) -> HttpResponse:
    """What waits for one's decision; what one asked for; what one decided."""
    person = person_of(request)
    which = request.GET.get("show", "open")
    which = which if which in SHOWN else "open"
    source: Any
    if which == "open":
        source = RowsSource([_row(asked, person) for asked in approvals.to_decide(person)])
    else:
        found = approvals.asked_by(person) if which == "mine" else approvals.decided_by(person)
        source = QuerysetSource(
            found.select_related("asked_by"), {"asked_at": "asked_at"}, lambda asked: _row(asked, person)
        )
    listed = listing(request, f"approvals-{which}", COLUMNS, source)
    return render(request, "desk/approvals.html", {"listed": listed, "which": which})


@page(May.OWN)
@require_http_methods(["GET", "POST"])
def approval(request: HttpRequest, number: int) -> HttpResponse:
    """One thing asked for: what, by whom and why; approve or refuse it with a reason, or take it back."""
    person = person_of(request)
    asked = get_object_or_404(Approval.objects.select_related("asked_by", "decided_by"), pk=number)
    if asked.kind not in KINDS or not approvals.may_see(asked, person):
        raise Http404  # neither a number nor a kind is told to others
    lines = _lines(asked)
    if request.method == "POST":
        try:
            if lines is None and request.POST.get("do") == "approve":
                raise NotAllowed("what it is about cannot be read: it can be refused, or taken back")
            _do(request, asked, person)
            return redirect(reverse("approval", args=[number]))
        except NotAllowed as refused:
            messages.error(request, _("Not done: %(rule)s.") % {"rule": _(str(refused))})
            return redirect(reverse("approval", args=[number]))
    kind = KINDS[asked.kind]
    why = approvals.why_not(asked, person)
    found = {
        "asked": asked,
        "kind": kind,
        "lines": lines or [],
        "unreadable": lines is None,
        "whole": kind.page(asked) if kind.page and lines is not None else "",
        "decides": not why,
        "why": why,
        "withdraws": asked.asked_by_id == person.pk and asked.state == ApprovalState.ASKED,
    }
    return render(request, "desk/approval.html", found)


def _lines(asked: Approval) -> list[tuple[str, str]] | None:
    """What is asked for, in words; null where the row or what it points to cannot be read any more: nobody
    agrees to what he cannot see."""
    described = KINDS[asked.kind].described
    try:
        return list(described(asked)) if described else []
    except (ObjectDoesNotExist, LookupError, TypeError, ValueError, QuankeError) as error:
        _log.warning("approval %s cannot be described: %s", asked.pk, type(error).__name__)
        return None


def _do(request: HttpRequest, asked: Approval, person: Person) -> None:
    what = request.POST.get("do", "")
    if what == "withdraw":
        approvals.withdraw(asked.pk, by=person)
    elif what in ("approve", "refuse"):
        answer = request.POST.get("answer", "")[:200]
        done = approvals.decide(asked.pk, what == "approve", by=person, answer=answer)
        if done.state == ApprovalState.FAILED:
            raise NotAllowed(done.answer)
    else:
        raise NotAllowed("no such decision")
    messages.success(request, _("Done, and on record."))


def _row(asked: Approval, person: Person) -> dict[str, Any]:
    return {
        "what": (f"{asked.pk} {KINDS[asked.kind].title}", reverse("approval", args=[asked.pk])),
        "subject": asked.subject,
        "reason": asked.reason,
        "asked_by": asked.asked_by.name,
        "asked_at": asked.asked_at,
        "state": asked.get_state_display(),
    }
