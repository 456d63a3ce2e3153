"""Pages of a manager: the morning, one customer's contacts, the calendar."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from quanke.kernel.errors import NightError
from quanke.plans.worklist import working_day_after
from quanke_desk.customers.consenting import hidden
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.asked_outside import note_asked
from quanke_desk.foundation.models import Person, Post, Purpose, Seat
from quanke_desk.foundation.opening import may_see, open_customer
from quanke_desk.foundation.pages import page, person_of
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import BOOK_ROLES, May
from quanke_desk.foundation.scope import OutOfScope, post_of
from quanke_desk.work import actions, queries, who
from quanke_desk.work.asked_for import asked_for
from quanke_desk.work.held import held
from quanke_desk.work.models import FollowUp, FollowUpKind, Means, Outcome
from quanke_desk.work.notes import read_note

BY_HAND = [(m.value, m.label) for m in (Means.CALL, Means.WECOM, Means.VISIT, Means.SMS, Means.EMAIL)]
RESULTS = [(o.value, o.label) for o in Outcome]


@page(May.WORK)
@require_GET
def morning(request: HttpRequest) -> HttpResponse:
    """What is to be done today, in order."""
    person = person_of(request)
    actions.opened_morning(person)
    try:
        seen = queries.morning(person)
    except NightError:
        seen = None
    shown = {"seen": seen, "taps": taps(), "today": timezone.localdate()}
    return render(request, "work/morning.html", shown)


def taps() -> SafeString:
    """The buttons of outcomes, and what one may add, as every line has them: made once a language, for they
    were two thirds of what a list of forty costs."""
    return _taps(get_language() or "")


@lru_cache(maxsize=8)
def _taps(language: str) -> SafeString:
    return render_to_string("work/taps.html", {"results": RESULTS})


@page(May.WORK)
@require_http_methods(["GET", "POST"])
def record(request: HttpRequest) -> HttpResponse:
    """Records a contact; by htmx the row changes in place."""
    person = person_of(request)
    if request.method == "GET":
        return redirect("morning")
    asked = request.POST
    customer, action = _whole(asked.get("customer")), asked.get("action", "")
    if customer is None:
        raise Http404
    try:
        follow_up = _whole(asked.get("follow_up"))
        if follow_up is not None:
            _may_do(person, follow_up, customer)
        contact = actions.record_contact(customer, _said(asked, person), by=person, follow_up=follow_up)
    except OutOfScope:
        raise Http404 from None
    except (NotAllowed, ValueError) as error:
        rule = _(str(error)) if isinstance(error, NotAllowed) else _("a day is written YYYY-MM-DD")
        return _refused(request, customer, action, rule)
    if request.htmx:  # type: ignore[attr-defined]
        line = queries.line(person, customer, action)
        shown = {
            "line": line,
            "contact": contact,
            "name": who.names([customer])[customer],
            "results": RESULTS,
        }
        return render(request, "work/done_row.html", shown)
    messages.success(request, _("Done, and on record."))
    to = asked.get("back", "")
    ours = url_has_allowed_host_and_scheme(to, {request.get_host()}, request.is_secure())
    return redirect(to if ours else "morning")


def _refused(request: HttpRequest, customer: int, action: str, rule: str) -> HttpResponse:
    person = person_of(request)
    if request.htmx:  # type: ignore[attr-defined]
        shown = {"line": queries.line(person, customer, action), "rule": rule, "taps": taps()}
        if shown["line"] is not None:
            return render(request, "work/line.html", shown)
    messages.error(request, _("Not done: %(rule)s.") % {"rule": rule})
    return redirect("morning")


@page(May.WORK)
@require_http_methods(["GET", "POST"])
def undo(request: HttpRequest, number: int) -> HttpResponse:
    """Takes back what one recorded a moment ago; by htmx the row comes back."""
    person = person_of(request)
    if request.method == "GET":
        return redirect("morning")
    try:
        undone = actions.take_back(number, by=person)
    except NotAllowed as error:
        messages.error(request, _("Not done: %(rule)s.") % {"rule": _(str(error))})
        return redirect("morning")
    line = queries.line(person, undone.customer, undone.action) if undone.action else None
    if request.htmx and line is not None:  # type: ignore[attr-defined]
        shown = {"line": line, "taps": taps()}
        return render(request, "work/line.html", shown)
    messages.success(request, _("Done, and on record."))
    return redirect("morning")


@page(May.WORK)
@require_http_methods(["GET", "POST"])
def note(request: HttpRequest, number: int) -> HttpResponse:
    """What was noted of a contact, in place of the button that asked for it."""
    if request.method == "GET":
        return redirect("morning")
    try:
        shown = {"text": read_note(number, by=person_of(request))}
    except OutOfScope:
        raise Http404 from None
    part = request.headers.get("HX-Request") == "true"
    return render(request, "work/note.html" if part else "work/note_page.html", shown)


@page(May.WORK)
@require_http_methods(["GET", "POST"])
def customer(request: HttpRequest, number: int) -> HttpResponse:
    """One customer's contacts and what is still to be done. Outside one's own book: what is to be done must
    be opened first, which is on record with its purpose."""
    person = person_of(request)
    try:
        of = base()
    except NightError:
        raise Http404 from None
    if not 0 <= number < of.night.rows or number in hidden():
        note_asked(person, number)
        raise Http404
    number = of.goes_by(number)
    task = _task(person, number, _whole(request.GET.get("do") or request.POST.get("follow_up")))
    if not may_see(person, number, of):
        return _opened(request, person, number, task)
    if request.method == "POST":
        try:
            messages.success(request, _changed(request, number, person))
        except ValueError as error:
            rule = _(str(error)) if isinstance(error, NotAllowed) else _("a day is written YYYY-MM-DD")
            messages.error(request, _("Not done: %(rule)s.") % {"rule": rule})
        return redirect("work_customer", number)
    row = held().row(number)
    shown = {
        "number": number,
        "name": who.names([number], of)[number],
        "tier": queries.tier_word(row.get("tier")),
        "post": post_of(number, of),
        "history": queries.history(number, person),
        "task": task,
        "about": _about(task),
        "open": queries.open_follow_ups(number, person),
        "means": BY_HAND,
        "results": RESULTS,
        "next_day": _next_day(),
        "colleagues": _colleagues(person),
        "today": timezone.localdate(),
        "mine": [post for post in queries.posts_of(person) if post != post_of(number, of)],
    }
    return render(request, "work/customer.html", shown)


def _changed(request: HttpRequest, number: int, person: Person) -> str:
    """Does what a form of the page asks; what is said of it."""
    asked = request.POST
    if asked.get("do") == "follow_up":
        actions.add_follow_up(number, _day(asked.get("next_on", "")), by=person, who=_who(asked, person))
        return _("Done, and on record.")
    if asked.get("do") == "ask_for":
        mine = Post.objects.filter(post_id=asked.get("to"), post_id__in=queries.posts_of(person)).first()
        if mine is None:
            raise NotAllowed("you sit on no such post today")
        actions.ask_for(number, mine, by=person, reason=asked.get("reason", "")[:200])
        return _("Asked for; a second person decides.")
    raise NotAllowed("no such change")


def _opened(request: HttpRequest, person: Person, number: int, task: FollowUp | None) -> HttpResponse:
    """A customer outside the scope is opened by what is to be done with him, and by nothing else here."""
    if task is None:
        note_asked(person, number)
        raise Http404
    if request.method == "POST" and request.POST.get("do") == "open":
        purpose = Purpose.CALL_BACK if task.kind == FollowUpKind.CALL_BACK else Purpose.SERVE
        try:
            open_customer(person, number, purpose, f"{task.get_kind_display()} {task.pk}")
            if task.post is None and task.person is None:
                FollowUp.objects.filter(pk=task.pk, person=None).update(person=person)
            return redirect(f"/work/customers/{number}/?do={task.pk}")
        except NotAllowed as error:
            messages.error(request, _("Not done: %(rule)s.") % {"rule": _(str(error))})
    masked = who.masked_names([number])[number]
    shown = {"number": number, "name": masked, "task": task, "about": _about(task)}
    return render(request, "work/closed.html", shown)


def _task(person: Person, customer: int, number: int | None) -> FollowUp | None:
    """What a person is to do with a customer: his own, his posts', or the remote team's."""
    mine = FollowUp.objects.filter(customer__in=base().numbers(customer), done_at=None)
    mine = mine.select_related("arrival__outlet", "of_left")
    if number is not None:
        mine = mine.filter(pk=number)
    for each in mine[:20]:
        if _is_his(person, each):
            each.customer = customer  # by the number he goes by now
            return each
    return None


def _about(task: FollowUp | None) -> dict[str, str]:
    return queries.about(held(), task, asked_for([task])) if task is not None else {}


def _is_his(person: Person, task: FollowUp) -> bool:
    if task.person_id == person.pk:
        return True
    if task.post_id is not None:
        return Seat.objects.filter(Seat.on(timezone.localdate()), person=person, post=task.post_id).exists()
    return (
        task.person_id is None
        and queries.call_backs(person).filter(pk=task.pk).exists()
        and person.may(May.CALL_BACK)
    )


def _may_do(person: Person, number: int, customer: int) -> None:
    task = FollowUp.objects.filter(pk=number, customer__in=base().numbers(customer)).first()
    if task is None or not _is_his(person, task):
        raise Http404


def _said(asked: Any, person: Person) -> actions.Said:
    outcome = asked.get("outcome", "")
    seconds, minutes = _whole(asked.get("seconds")), _whole(asked.get("minutes"))
    if minutes is not None:
        seconds = (seconds or 0) + minutes * 60
    next_on = asked.get("next_on", "").strip()
    return actions.Said(
        means=asked.get("means", ""),
        connected=outcome != Outcome.NO_ANSWER,
        outcome=outcome,
        seconds=seconds,
        action=asked.get("action", ""),
        note=asked.get("note", "")[:1000],
        next_on=_day(next_on) if next_on else None,
        next_for=_who(asked, person),
    )


def _who(asked: Any, person: Person) -> Person | None:
    number = _whole(asked.get("next_for"))
    if number is None:
        return None
    found = _with_a_book(person).filter(pk=number).first()
    if found is None:
        raise NotAllowed("a follow-up is given to a colleague of the same branch who has a book")
    return found


def _whole(text: str | None) -> int | None:
    given = (text or "").strip()
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 16 else None


def _day(text: str) -> dt.date:
    return dt.date.fromisoformat(text.strip())


def _next_day() -> dt.date:
    return working_day_after(timezone.localdate(), 1)


def _colleagues(person: Person) -> list[Person]:
    """Who else may be given a follow-up: people of the same branch with a book."""
    return list(_with_a_book(person)[:50])


def _with_a_book(person: Person) -> QuerySet[Person]:
    today = Seat.objects.filter(Seat.on(timezone.localdate())).values("person")
    found = Person.objects.filter(branch__isnull=False, branch=person.branch_id, is_active=True)
    return found.filter(role__in=BOOK_ROLES, pk__in=today).exclude(pk=person.pk)
