"""Pages of long jobs and of the delivery of what the desk recorded: how far, what came of it, again."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from quanke.bank.contracts import CONTRACTS
from quanke_desk.books import proposing
from quanke_desk.books.fault_words import book_fault
from quanke_desk.foundation import mending
from quanke_desk.foundation.jobs import begin, cancel, jobs_of, title_of
from quanke_desk.foundation.lists import Column, QuerysetSource, listing
from quanke_desk.foundation.models import Batch, Job, JobState, Outgoing
from quanke_desk.foundation.pages import page, person_of
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May

ROWS = 20
OPEN = (JobState.WAITING, JobState.RUNNING)
_AGAIN = gettext_lazy("waiting for another try")


@page(May.JOBS)
@require_GET
def jobs(request: HttpRequest) -> HttpResponse:
    """One's own jobs; while one is open, the list asks for itself every two seconds."""
    listed = Paginator(jobs_of(person_of(request)), ROWS).get_page(request.GET.get("page"))
    shown = [_shown(held) for held in listed.object_list]
    held = {"listed": listed, "jobs": shown, "open": any(s["open"] for s in shown)}
    partial = bool(request.headers.get("HX-Request"))
    return render(request, "desk/jobs_rows.html" if partial else "desk/jobs.html", held)


@page(May.JOBS)
@require_GET
def job(request: HttpRequest, number: int) -> HttpResponse:
    """One of one's own jobs."""
    held = jobs_of(person_of(request)).filter(pk=number).first()
    if held is None:
        raise Http404
    shown = {"job": _shown(held)}
    partial = bool(request.headers.get("HX-Request"))
    return render(request, "desk/job_card.html" if partial else "desk/job.html", shown)


@page(May.JOBS)
@require_POST
def job_cancel(request: HttpRequest, number: int) -> HttpResponse:
    """Cancels a job: at once where it waits, else at its next step."""
    try:
        cancel(number, by=person_of(request))
        messages.success(request, _("Done, and on record."))
    except Job.DoesNotExist:
        raise Http404 from None
    except NotAllowed as error:
        messages.error(request, _("Not done: %(rule)s.") % {"rule": _(str(error))})
    return redirect("job", number)


REFUSED = (
    Column("number", gettext_lazy("Number"), "link"),
    Column("table", gettext_lazy("Table")),
    Column("key", gettext_lazy("Row number")),
    Column("rule", gettext_lazy("Rule it breaks")),
    Column("at", gettext_lazy("When"), "moment"),
)
AGAIN = {"deliver": "outbox.deliver", "replay": "outbox.replay"}


@page(May.SETTINGS)
@require_http_methods(["GET", "POST"])
def outbox(request: HttpRequest) -> HttpResponse:
    """What waits to be delivered, the last batches, and rows the load refused, with the rule and no value."""
    if request.method == "POST":
        kind = AGAIN.get(request.POST.get("do", ""), "outbox.deliver")
        return redirect("job", begin(kind, by=person_of(request)).pk)
    waiting = Outgoing.objects.filter(delivered_at=None, rule="")
    refused = Outgoing.objects.filter(delivered_at=None).exclude(rule="").order_by("-id")
    paths = {"number": "id", "table": "table", "key": "key", "rule": "rule", "at": "at"}
    shown = {
        "waiting": waiting.count(),
        "oldest": waiting.order_by("id").values_list("at", flat=True).first(),
        "batches": Batch.objects.all()[:10],
        "listed": listing(request, "refused", REFUSED, QuerysetSource(refused, paths, _refused)),
    }
    return render(request, "desk/outbox.html", shown)


def _refused(held: Outgoing) -> dict[str, Any]:
    contract = CONTRACTS[held.table]
    english = (get_language() or "").startswith("en")
    title = contract.title_en if english else contract.title_zh
    number = (held.pk, reverse("refused_row", args=[held.pk]))
    return {"number": number, "table": title, "key": held.key, "rule": held.rule, "at": held.at}


@page(May.SETTINGS)
@require_http_methods(["GET", "POST"])
def refused_row(request: HttpRequest, number: int) -> HttpResponse:
    """One row the load refused: other values, or none, asked for and decided by another."""
    row = mending.refused(number)
    if row is None:
        raise Http404
    if request.method == "POST":
        person, reason = person_of(request), request.POST.get("reason", "")
        given = {name[2:]: text for name, text in request.POST.items() if name.startswith("f.")}
        try:
            if request.POST.get("do") == "drop":
                mending.ask_drop(number, by=person, reason=reason)
            else:
                mending.ask_mend(number, {n: str(t) for n, t in given.items()}, by=person, reason=reason)
            messages.success(request, _("Asked for; a second person decides."))
        except NotAllowed as error:
            messages.error(request, _("Not done: %(rule)s.") % {"rule": _(str(error))})
        return redirect("refused_row", number)
    shown = {
        "row": row, "table": _refused(row)["table"], "waits": mending.waiting(row),
        "fields": [(field, mending.title_of(field), value) for field, value in mending.fields_of(row)],
        "hidden": mending.hidden_of(row),
    }  # fmt: skip
    return render(request, "desk/refused_row.html", shown)


def _shown(held: Job) -> dict[str, Any]:
    link, told = held.result.get("link", ""), held.result.get("told", "")
    inside = isinstance(link, str) and link.startswith("/") and not link.startswith("//")
    again = held.state == JobState.WAITING and held.attempts > 0
    return {
        "number": held.pk,
        "title": title_of(held),
        "at": held.at,
        "ended_at": held.ended_at,
        "by": held.by,
        "state": held.state,
        "state_text": str(_AGAIN) if again else held.get_state_display(),
        "open": held.state in OPEN,
        "cancelling": held.cancel and held.state in OPEN,
        "step": _(held.step) if held.step else "",
        "done": held.done,
        "total": held.total,
        "share": min(1.0, held.done / held.total) if held.total else None,
        "left": _left(held.left_seconds) if held.state == JobState.RUNNING else "",
        "link": link if inside and held.state == JobState.DONE else "",
        "told": _(told) if told else "",
        "error": _error(held) if held.error and held.state != JobState.DONE else "",
    }


def _error(held: Job) -> str:
    """What stopped a job, in the language of who looks."""
    if held.kind in (proposing.PROPOSE_JOB, proposing.APPLY_JOB, proposing.UNDO_JOB):
        known = _(held.error)
        return known if known != held.error else book_fault(held.error)
    return _(held.error)


def _left(seconds: int | None) -> str:
    if seconds is None:
        return ""
    if seconds < 60:
        return ngettext("%(n)s second left", "%(n)s seconds left", seconds) % {"n": seconds}
    minutes = -(-seconds // 60)
    return ngettext("%(n)s minute left", "%(n)s minutes left", minutes) % {"n": minutes}
