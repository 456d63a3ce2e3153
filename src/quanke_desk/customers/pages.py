"""Pages of this room: search, lists, one customer, consents, requests about personal data."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from quanke.kernel.errors import NightError
from quanke_desk.customers import actions, ordering, portrait, queries
from quanke_desk.customers.copying import copy_of
from quanke_desk.customers.definitions import definition_of
from quanke_desk.customers.models import (
    ConsentChannel,
    DataRequest,
    RequestKind,
    RequestState,
    Restriction,
    SourceOrder,
)
from quanke_desk.customers.sight import AMOUNTS, Sight, sight_of
from quanke_desk.customers.texts import TEXTS
from quanke_desk.customers.words import called
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.asked_once import asking_once
from quanke_desk.foundation.asked_outside import TOO_MANY, asked_too_often, note_asked
from quanke_desk.foundation.filters import Filter, asked_of
from quanke_desk.foundation.lists import Column, QuerysetSource, listing
from quanke_desk.foundation.local_form import said_day
from quanke_desk.foundation.models import Approval, Person, Purpose
from quanke_desk.foundation.pages import page, person_of
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May
from quanke_desk.foundation.scope import OutOfScope, scope_of

COLUMNS = (
    Column("number", gettext_lazy("Number"), "link"),
    Column("name", gettext_lazy("Name"), sorts=False),
    Column("tier", gettext_lazy("Tier"), sorts=False),
    Column("edge", gettext_lazy("Edge"), sorts=False),
    Column("stage", gettext_lazy("Stage"), sorts=False),
    Column("key_group", gettext_lazy("Key group"), sorts=False),
    Column("owner", gettext_lazy("Post"), sorts=False),
)
REQUESTS = (
    Column("number", gettext_lazy("Number"), "link"),
    Column("customer", gettext_lazy("Customer"), sorts=False),
    Column("kind", gettext_lazy("Kind")),
    Column("received", gettext_lazy("Received"), "day"),
    Column("due", gettext_lazy("Due"), "day"),
    Column("state", gettext_lazy("State")),
    Column("overdue", gettext_lazy("Overdue"), "yes", sorts=False),
)
REQUEST_FILTERS = (
    Filter("kind", gettext_lazy("Kind"), "choice", RequestKind.choices),
    Filter("state", gettext_lazy("State"), "choice", RequestState.choices),
    Filter("due", gettext_lazy("Due"), "days"),
)
PARTS = {
    "money": gettext_lazy("Accounts and holdings"),
    "plan": gettext_lazy("Plan and reasons"),
    "advice": gettext_lazy("Suitability and advice"),
    "moves": gettext_lazy("Moves"),
    "family": gettext_lazy("Family and employer"),
    "contacts": gettext_lazy("Contacts"),
    "owners": gettext_lazy("Who looks after the customer"),
    "consents": gettext_lazy("Consents"),
    "scores": gettext_lazy("Scores"),
    "cases": gettext_lazy("Open cases"),
}
"""Parts of a customer's page that are loaded when they come into view."""


@page(May.FIND)
@require_http_methods(["GET", "POST"])
def customers(request: HttpRequest) -> HttpResponse:
    """Search by what is typed, and lists by the night's codes.

    What is typed is posted, whatever it is: a name, phone or document must stand in no address, history or
    log. Codes of a list (tier, stage) are nobody's values and stand in the address.
    """
    with asking_once():  # what is searched for is posted, and yet only read
        return _customers(request)


def _customers(request: HttpRequest) -> HttpResponse:
    person, shown = person_of(request), dict[str, Any]()
    try:
        if request.method == "POST":
            text = (request.POST.get("text") or request.POST.get("q", "")).strip()
            answer = queries.searched(person, text) if text else queries.SearchAnswer(0, [], problem="text")
            shown |= {"answer": answer, "text": text, "purposes": Purpose.choices}
        else:
            asked = asked_of(request, "customers", _filters())
            found = queries.customers_by(person, {n: asked.text(n) for n in queries.FILTERS})
            shown["listed"] = listing(request, "customers", COLUMNS, Rows(found, person), asked)
    except NightError:
        shown["no_night"] = True
    scope = scope_of(person)
    shown |= {"may_open": person.may(May.OPEN), "masked": scope.masked, "asks": scope.asks}
    return render(request, "customers/customers.html", shown)


class Rows:
    """A listing as the lists of pages show it: numbers lead to the customer's page."""

    def __init__(self, found: queries.Listing, person: Person) -> None:
        self.found, self.may_open = found, person.may(May.OPEN)

    def count(self) -> int:
        """How many rows."""
        return self.found.count()

    def rows(self, order: str, descending: bool, start: int, count: int) -> list[dict[str, Any]]:
        """Rows of a page."""
        return [
            {
                **{
                    name: row.get(f"{name}_title") for name in ("tier", "edge", "stage", "key_group", "owner")
                },
                "name": row["name"],
                "number": (row["customer"], reverse("customer", args=[row["customer"]]))
                if self.may_open
                else (row["customer"], reverse("customer_consents", args=[row["customer"]])),
            }
            for row in self.found.rows(order, descending, start, count)
        ]


@page(May.OPEN_OUTSIDE)
@require_POST
def open_outside(request: HttpRequest) -> HttpResponse:
    """Opens a customer outside one's scope, with a purpose and a reason."""
    person = person_of(request)
    given = request.POST.get("customer", "")
    try:
        number = int(given) if given.isascii() and given.isdecimal() and len(given) < 10 else -1
        if asked_too_often(person):
            raise NotAllowed(TOO_MANY)
        actions.open_outside(
            number, request.POST.get("purpose", ""), request.POST.get("reason", ""), by=person
        )
    except (NotAllowed, OutOfScope) as error:
        rule = str(error) if isinstance(error, NotAllowed) else "no such customer"
        if isinstance(error, OutOfScope):
            note_asked(person, number)
        messages.error(request, _("Not done: %(rule)s.") % {"rule": _(rule)})
        return redirect("customers")
    messages.success(request, _("Opened for a while, and on record."))
    return redirect("customer" if person.may(May.OPEN) else "customer_consents", number)


@page(May.OPEN)
@require_GET
def customer(request: HttpRequest, number: int) -> HttpResponse:
    """The page of one customer: who he is, where he stands, what is planned; the rest comes part by part."""
    person = person_of(request)
    try:
        sight = sight_of(person, number)
    except (OutOfScope, NightError):
        return _outside(request, person, number)
    shown: dict[str, Any] = {"number": number, "sight": sight, **portrait.head(sight)}
    shown["parts"] = [(k, v) for k, v in PARTS.items() if k != "cases" or person.may(May.CASES)]
    shown["restriction"] = Restriction.objects.filter(customer__in=base().numbers(number)).first()
    shown |= {
        "amounts": AMOUNTS,
        "may_consent": person.may(May.CONSENT),
        "may_ask": person.may(May.DATA_REQUEST),
    }
    return render(request, "customers/customer.html", shown)


@page(May.OPEN)
@require_GET
def part(request: HttpRequest, number: int, part: str) -> HttpResponse:
    """One part of the page, alone or within it."""
    person = person_of(request)
    if part not in PARTS or (part == "cases" and not person.may(May.CASES)):
        raise Http404
    sight = _sight(person, number)
    make = getattr(portrait, part)
    try:
        held = make(person, sight) if part in ("family", "cases") else make(sight)
    except NightError:
        held = {"none": True}
    shown = {"number": number, "part": part, "title": PARTS[part], "sight": sight, **held}
    return render(request, _frame(request, "part"), {**shown, "body": f"customers/part_{part}.html"})


@page(May.OPEN)
@require_GET
def tag(request: HttpRequest, number: int, name: str) -> HttpResponse:
    """A figure of a customer with its definition and where it comes from."""
    sight = _sight(person_of(request), number)
    try:
        shown = portrait.definition(sight, name)
    except NightError:
        raise Http404 from None
    shown |= {"number": number, "title": shown["title"], "body": "customers/part_tag.html"}
    return render(request, _frame(request, "part"), shown)


@page(May.DASHBOARD)
@require_GET
def definition(request: HttpRequest, name: str) -> HttpResponse:
    """What a tag of the catalogue means, beside any customer."""
    try:
        shown = definition_of(person_of(request), name)
    except NightError:
        raise Http404 from None
    return render(request, "customers/definition.html", shown)


@page(May.REVEAL)
@require_http_methods(["GET", "POST"])
def show(request: HttpRequest, number: int) -> HttpResponse:
    """Takes the mask off one field, with a purpose and a reason."""
    person = person_of(request)
    sight = _sight(person, number)
    field = request.POST.get("field") or request.GET.get("field", "")
    if request.method == "POST":
        try:
            actions.reveal(
                number, field, request.POST.get("purpose", ""), request.POST.get("reason", ""), by=person
            )
            messages.success(request, _("Opened for a while, and on record."))
            return redirect("customer", number)
        except NotAllowed as error:
            messages.error(request, _("Not done: %(rule)s.") % {"rule": _(str(error))})
    titles = {AMOUNTS: _("Amounts")}
    titles |= {f["name"]: f["title"] for f in portrait.head(sight)["fields"] if f["hidden"]}
    shown = {"number": number, "field": field, "fields": titles, "purposes": Purpose.choices}
    return render(request, "customers/show.html", shown)


@page(May.CONSENT)
@require_http_methods(["GET", "POST"])
def consents(request: HttpRequest, number: int) -> HttpResponse:
    """What a customer agreed to and refused, and recording what he says now: nothing is ticked beforehand,
    and no is one click as yes is."""
    person = person_of(request)
    sight = _sight(person, number)
    standing = queries.consents_of(number)
    if request.method == "POST":
        said = [
            (s.purpose, s.means, answer == "yes")
            for s in standing
            if (answer := request.POST.get(f"{s.purpose}.{s.means}", "")) in ("yes", "no")
        ]
        given = {n: request.POST.get(n, "").strip() for n in ("channel", "proof", "recipient", "evidence")}
        try:
            actions.record_consents(
                number, said, given["channel"], given["proof"], given["recipient"],
                evidence=given["evidence"], said_on=_day(request.POST.get("said_on", "")), by=person,
            )  # fmt: skip
            messages.success(request, _("Recorded; it holds from now on."))
            return redirect("customer_consents", number)
        except NotAllowed as error:
            messages.error(request, _("Not done: %(rule)s.") % {"rule": _(str(error))})
    name = queries.names_of(person, [number])[number] if sight.clear else _masked_name(number)
    shown = {
        "number": number, "name": name, "consents": portrait.matrix(number),
        "channels": ConsentChannel.choices, "heard": portrait.heard(number), "today": timezone.localdate(),
        "texts": _texts(), "may_open": person.may(May.OPEN), "may_ask": person.may(May.DATA_REQUEST),
    }  # fmt: skip
    return render(request, "customers/consents.html", shown)


def _day(text: str) -> dt.date | None:
    """A day of a form; null where none was given. Raises NotAllowed."""
    try:
        return dt.date.fromisoformat(text.strip()) if text.strip() else None
    except ValueError:
        raise NotAllowed("a day is year, month and day") from None


@page(May.DATA_REQUEST)
@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest, number: int) -> HttpResponse:
    """Records a request about personal data."""
    person = person_of(request)
    _sight(person, number)
    if request.method == "POST":
        given = {n: request.POST.get(n, "").strip() for n in ("kind", "about", "proof", "field", "right")}
        try:
            made = actions.record_request(
                number, given["kind"], given["about"], given["proof"], given["field"],
                _day(request.POST.get("received_on", "")), by=person, right=given["right"],
            )  # fmt: skip
            messages.success(
                request, _("Recorded; an answer is due on %(day)s.") % {"day": said_day(made.due_on)}
            )
            return redirect("data_request", made.pk)
        except NotAllowed as error:
            messages.error(request, _("Not done: %(rule)s.") % {"rule": _(str(error))})
    shown = {
        "number": number, "kinds": RequestKind.choices, "name": _masked_name(number),
        "asked": DataRequest.objects.filter(customer=number),
        "corrected": portrait.field_titles(actions.corrected_fields()),
        "today": timezone.localdate(), "earliest": timezone.localdate() - actions.SAID_BEFORE,
    }  # fmt: skip
    return render(request, "customers/ask.html", shown)


@page(May.DATA_REQUEST)
@require_GET
def data_requests(request: HttpRequest) -> HttpResponse:
    """The register of requests: those due first in front, overdue ones said so."""
    person, today = person_of(request), timezone.localdate()
    found = DataRequest.objects.all()
    if not person.may(May.DATA_DECIDE):
        found = found.filter(recorded_by=person)
    actions.reopen_refused()
    filters = asked_of(request, "data_requests", REQUEST_FILTERS)
    found = filters.narrow(found, {"kind": "kind", "state": "state", "due": "due_on"})
    waiting = (RequestState.OPEN, RequestState.ASKED)
    overdue = found.filter(state__in=waiting, due_on__lt=today).count()
    late = SourceOrder.objects.filter(answered_at=None, due_on__lt=today, request__in=found).count()
    paths = {"number": "pk", "kind": "kind", "received": "received_on", "due": "due_on", "state": "state"}

    def row(r: DataRequest) -> dict[str, Any]:
        return {
            "number": (r.pk, reverse("data_request", args=[r.pk])), "customer": r.customer,
            "kind": r.get_kind_display(), "received": r.received_on, "due": r.due_on,
            "state": r.get_state_display(), "overdue": r.state in waiting and r.due_on < today,
        }  # fmt: skip

    listed = listing(request, "data_requests", REQUESTS, QuerysetSource(found, paths, row), filters)
    return render(request, "customers/requests.html", {"listed": listed, "overdue": overdue, "late": late})


@page(May.DATA_REQUEST)
@require_http_methods(["GET", "POST"])
def data_request(request: HttpRequest, number: int) -> HttpResponse:
    """One request; who may decides it."""
    person = person_of(request)
    actions.reopen_refused()
    asked = get_object_or_404(DataRequest, pk=number)
    if not person.may(May.DATA_DECIDE) and asked.recorded_by_id != person.pk:
        raise Http404
    if request.method == "POST":
        grant, answer = request.POST.get("do") == "grant", request.POST.get("answer", "")
        try:
            decide = actions.decide_deletion if asked.state == RequestState.ASKED else actions.decide_request
            decide(number, grant, answer, by=person)
            messages.success(request, _("Done, and on record."))
            return redirect("data_request", number)
        except NotAllowed as error:
            messages.error(request, _("Not done: %(rule)s.") % {"rule": _(str(error))})
            asked.refresh_from_db()
    waiting = Approval.objects.filter(pk=asked.approval).first() if asked.approval else None
    overdue = asked.state in (RequestState.OPEN, RequestState.ASKED) and asked.due_on < timezone.localdate()
    orders = list(asked.orders.select_related("answered_by"))
    shown = {
        "orders": orders, "unanswered": [o for o in orders if o.answered_at is None],
        "today": timezone.localdate(), "asked": asked, "waiting": waiting, "overdue": overdue,
        "may_decide": person.may(May.DATA_DECIDE),
        "own": waiting is not None and waiting.asked_by_id == person.pk,
        "restriction": Restriction.objects.filter(request=asked).first(),
        "gives_copy": asked.kind in actions.GIVES_COPY,
        "field_title": dict(portrait.field_titles([asked.field])).get(asked.field, ""),
    }  # fmt: skip
    return render(request, "customers/request.html", shown)


@page(May.DATA_DECIDE)
@require_POST
def data_order(request: HttpRequest, number: int) -> HttpResponse:
    """Notes what a source answered that does not say so itself."""
    given = request.POST.get("order", "")
    one = get_object_or_404(SourceOrder, request=number, pk=int(given) if given.isdecimal() else 0)
    try:
        done, proof = request.POST.get("do") == "done", request.POST.get("proof", "").strip()
        ordering.answer(one.pk, done, proof, by=person_of(request))
        messages.success(request, _("Done, and on record."))
    except NotAllowed as error:
        messages.error(request, _("Not done: %(rule)s.") % {"rule": _(str(error))})
    return redirect("data_request", number)


@page(May.DATA_DECIDE)
@require_POST
def data_copy(request: HttpRequest, number: int) -> HttpResponse:
    """The copy of a granted request: given out once, and on record."""
    get_object_or_404(DataRequest, pk=number)
    try:
        asked = actions.take_copy(number, by=person_of(request))
    except NotAllowed as error:
        messages.error(request, _("Not done: %(rule)s.") % {"rule": _(str(error))})
        return redirect("data_request", number)
    answer = HttpResponse(copy_of(asked), content_type="application/zip")
    answer["Content-Disposition"] = f'attachment; filename="request-{asked.pk}.zip"'
    return answer


def _filters() -> tuple[Filter, ...]:
    titles = {c.name: c.title for c in COLUMNS}
    coded = [
        Filter(n, titles[n], "choice", queries.choices(n)) for n in ("tier", "stage", "key_group", "edge")
    ]
    return (*coded, Filter("owner", titles["owner"]))


def _outside(request: HttpRequest, person: Person, number: int) -> HttpResponse:
    """The answer for a customer one may not see: how to open him, the same whether or not there is one."""
    if not person.may(May.OPEN_OUTSIDE):
        raise Http404
    allowed = note_asked(person, number)
    shown = {
        "number": number, "purposes": Purpose.choices, "asks": scope_of(person).asks, "too_many": not allowed
    }  # fmt: skip
    return render(request, "customers/outside.html", shown, status=200 if allowed else 429)


def _sight(person: Person, number: int) -> Sight:
    try:
        return sight_of(person, number)
    except OutOfScope:
        note_asked(person, number)
        raise Http404 from None
    except NightError:
        raise Http404 from None


def _masked_name(number: int) -> str:
    return queries.masked_name(number)


def _texts() -> list[tuple[str, str, str]]:
    return [
        (called("purpose", t.purpose), t.en if queries.english() else t.zh, t.version) for t in TEXTS.values()
    ]


def _frame(request: HttpRequest, name: str) -> str:
    """The whole page, or what htmx puts into one that is there."""
    inner = getattr(request, "htmx", None)
    return f"customers/{name}.html" if inner else f"customers/{name}_page.html"
