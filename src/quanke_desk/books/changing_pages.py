"""Pages of this room on which something is decided: transfers, choices, leavers' books, proposals."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from quanke.books.applying import FURTHEST_DAYS
from quanke.books.editing import Edit
from quanke.books.store import ProposalStore
from quanke_desk.books import actions, leaving, proposed, proposing, queries, telling
from quanke_desk.books.models import Choice, Transfer
from quanke_desk.books.pages import done, form_day, whole_number
from quanke_desk.books.sources import PlainSource, TableSource
from quanke_desk.customers.queries import hidden
from quanke_desk.foundation import approvals, audit
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.filters import Filter, asked_of
from quanke_desk.foundation.lists import Column, QuerysetSource, RowsSource, listing
from quanke_desk.foundation.models import Approval, ApprovalState, Branch, Job, Person
from quanke_desk.foundation.pages import page, person_of
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May
from quanke_desk.foundation.scope import Extent, scope_of

NOTICES = (
    Column("number", gettext_lazy("Customer"), "number"),
    Column("to_post", gettext_lazy("To post")),
    Column("means", gettext_lazy("Told by")),
    Column("said", gettext_lazy("Message"), sorts=False),
    Column("text", gettext_lazy("Text"), sorts=False),
)
TRANSFERS = (
    Column("link", gettext_lazy("Number"), "link", sorts=False),
    Column("subject", gettext_lazy("About"), sorts=False),
    Column("customers", gettext_lazy("Customers"), "number", sorts=False),
    Column("to", gettext_lazy("To post"), sorts=False),
    Column("since", gettext_lazy("From day"), sorts=False),
    Column("asked_by", gettext_lazy("Asked by")),
    Column("at", gettext_lazy("Asked at"), "moment"),
    Column("state", gettext_lazy("State")),
)
MOVED = (
    Column("number", gettext_lazy("Number"), "link", sorts=False),
    Column("name", gettext_lazy("Name"), sorts=False),
    Column("from_post", gettext_lazy("From post"), sorts=False),
    Column("to_post", gettext_lazy("To post"), sorts=False),
    Column("means", gettext_lazy("Told by"), sorts=False),
    Column("said", gettext_lazy("Message"), sorts=False),
)
PROPOSALS = (
    Column("link", gettext_lazy("Proposal number"), "link", sorts=False),
    Column("branch", gettext_lazy("Branch")),
    Column("on", gettext_lazy("Night"), "day"),
    Column("moves", gettext_lazy("Customers who move"), "number"),
    Column("authors", gettext_lazy("Proposed by")),
    Column("effective", gettext_lazy("Holds from"), "day"),
    Column("shown_state", gettext_lazy("State")),
)
FLOWS = (
    Column("from_post", gettext_lazy("From post")),
    Column("to_post", gettext_lazy("To post")),
    Column("reason", gettext_lazy("Reason")),
    Column("customers", gettext_lazy("Customers"), "number"),
    Column("aum", gettext_lazy("Assets (yuan)"), "money"),
)
MOVES = (
    Column("number", gettext_lazy("Number"), "link"),
    Column("name", gettext_lazy("Name"), sorts=False),
    Column("from_post", gettext_lazy("From post")),
    Column("to_post", gettext_lazy("To post")),
    Column("why", gettext_lazy("Reason"), sorts=False),
    Column("cost", gettext_lazy("Cost of the relation (yuan)"), "money"),
)
CALL_BACKS = (
    Column("number", gettext_lazy("Number"), "link", sorts=False),
    Column("name", gettext_lazy("Name"), sorts=False),
    Column("post", gettext_lazy("Post"), sorts=False),
    Column("left", gettext_lazy("Manager who left"), sorts=False),
    Column("due", gettext_lazy("Due"), "day", sorts=False),
)
WAITING = (
    Column("number", gettext_lazy("Number"), "link", sorts=False),
    Column("name", gettext_lazy("Name"), sorts=False),
    Column("post", gettext_lazy("Chosen post"), sorts=False),
    Column("chosen_on", gettext_lazy("Chosen on"), "day", sorts=False),
    Column("priority", gettext_lazy("Priority"), "number", sorts=False),
    Column("proof", gettext_lazy("Proof"), sorts=False),
    Column("state", gettext_lazy("State"), sorts=False),
    Column("price", gettext_lazy("Price of a place (yuan)"), "money", sorts=False),
)


def transfers_seen(person: Person) -> Any:
    """Approvals of transfers one asked for, or that touch posts of one's scope."""
    scope = scope_of(person)
    found = Approval.objects.filter(kind=actions.TRANSFER).select_related("asked_by", "decided_by")
    if scope.extent is Extent.BANK:
        return found
    touching = Transfer.objects.filter(to_post__post_id__in=scope.posts) | Transfer.objects.filter(
        from_post__post_id__in=scope.posts
    )
    mine = Transfer.objects.filter(asked_by=person)
    return found.filter(pk__in=(touching | mine).values("approval"))


@page(May.BOOKS)
@require_GET
def transfers(request: HttpRequest) -> HttpResponse:
    """Transfers asked for and decided, in one's scope."""
    person = person_of(request)
    found = transfers_seen(person)
    if request.GET.get("state") in ApprovalState.values:
        found = found.filter(state=request.GET["state"])

    def row(asked: Approval) -> dict[str, Any]:
        return {
            "link": (str(asked.pk), reverse("book_transfer", args=[asked.pk])),
            "subject": _subject(asked),
            "customers": asked.arguments["customers"],
            "to": asked.arguments["to"],
            "since": asked.arguments["since"],
            "asked_by": asked.asked_by.name,
            "at": asked.asked_at,
            "state": asked.get_state_display(),
        }

    paths = {"asked_by": "asked_by__name", "at": "asked_at", "state": "state"}
    listed = listing(request, "transfers", TRANSFERS, QuerysetSource(found, paths, row))
    shown = {"listed": listed, "state": request.GET.get("state", ""), "states": ApprovalState.choices}
    return render(request, "books/transfers.html", shown)


def _subject(asked: Approval) -> str:
    kind, _colon, name = asked.subject.partition(":")
    return (
        _("customer %(name)s") % {"name": name} if kind == "customer" else _("book %(name)s") % {"name": name}
    )


@page(May.BOOKS)
@require_http_methods(["GET", "POST"])
def transfer(request: HttpRequest, number: int) -> HttpResponse:
    """One transfer: who moves, why, whom to tell; who may decides."""
    person = person_of(request)
    asked = transfers_seen(person).filter(pk=number).first()
    if asked is None:
        raise Http404
    if request.method == "POST":
        return done(request, lambda: _decide(request, asked, person), reverse("book_transfer", args=[number]))
    moved = list(asked.transfers.select_related("from_post", "to_post").order_by("customer"))
    means = [proposed.means_word(m) for m in proposed.means_of([t.customer for t in moved])]
    said = telling.told([(t.customer, t.since) for t in moved])
    laid = asked.state == ApprovalState.DONE
    rows = [
        {
            "customer": t.customer, "from_post": t.from_post.post_id if t.from_post else None,
            "to_post": t.to_post.post_id, "means": m,
            "said": proposed.said_word(said.get((t.customer, t.since))) if laid else "-",
        }
        for t, m in zip(moved, means, strict=True)
    ]  # fmt: skip
    since = moved[0].since
    shown = {
        "asked": asked, "moved": moved, "since": since, "origin": moved[0].get_origin_display(),
        "listed": listing(request, "moved", MOVED, PlainSource(person, rows)),
        "counts": Counter(means).most_common(),
        "text": proposed.notice_text(moved[0].to_post.post_id, since),
        **_deciding(asked, person),
    }  # fmt: skip
    return render(request, "books/transfer.html", shown)


def _deciding(asked: Approval | None, person: Person) -> dict[str, Any]:
    """Whether a person may decide what is asked, and why not."""
    if asked is None or asked.state != ApprovalState.ASKED:
        return {"may_decide": False, "why_not": "", "may_withdraw": False}
    rule = approvals.why_not(asked, person)
    return {
        "may_decide": not rule,
        "why_not": _(rule) if rule else "",
        "may_withdraw": asked.asked_by_id == person.pk,
    }


def _decide(request: HttpRequest, asked: Approval, person: Person) -> None:
    what = request.POST.get("do")
    if what == "withdraw":
        approvals.withdraw(asked.pk, by=person)
    elif what in ("approve", "refuse"):
        answer = request.POST.get("answer", "")
        decided = approvals.decide(asked.pk, what == "approve", by=person, answer=answer)
        if decided.state == ApprovalState.FAILED:
            raise NotAllowed(decided.answer)
    else:
        raise NotAllowed("no such change")


@page(May.BOOKS)
@require_http_methods(["GET", "POST"])
def choices(request: HttpRequest) -> HttpResponse:
    """Customers who chose their manager themselves; who waits because the book is full stands in order, and
    is given the place on his own page once there is one."""
    person = person_of(request)
    if request.method == "POST":
        return done(request, lambda: _prefer(request, person), reverse("book_choices"))
    scope = scope_of(person)
    found = Choice.objects.filter(withdrawn_on=None).select_related("post__branch")
    if scope.extent is not Extent.BANK:
        found = found.filter(post__post_id__in=scope.posts)
    prices, today = _prices(), queries.today()
    waiting = list(found[:500])
    places = actions.next_in_line({c.post_id: c.post for c in waiting}.values())

    def row(held: Choice) -> dict[str, Any]:
        there = queries.owner_on(held.customer, today) == held.post.post_id
        asked = Transfer.objects.filter(customer=held.customer, approval__state=ApprovalState.ASKED).exists()
        state = (
            _("with his manager") if there else _("waits for approval") if asked
            else _("a place is free") if held.pk in places else _("waits for a place")
        )  # fmt: skip
        return {
            "customer": held.customer, "post": held.post.post_id, "chosen_on": held.chosen_on,
            "priority": held.priority, "proof": held.proof, "state": state,
            "price": prices.get(held.post.post_id),
        }  # fmt: skip

    listed = listing(request, "choices", WAITING, PlainSource(person, [row(c) for c in waiting]))
    shown = {"listed": listed, "may": person.may(May.BOOKS_APPROVE)}
    return render(request, "books/choices.html", shown)


def _prices() -> dict[str, int]:
    """What a place at each post is worth, by the last proposal: the shadow price of a unit of load (fen)."""
    stored = ProposalStore(base().bank.home).all()
    if not stored:
        return {}
    books = stored[-1].version().books
    return dict(zip(books["post"].to_pylist(), books["price"].to_pylist(), strict=True))


def _prefer(request: HttpRequest, person: Person) -> None:
    number = whole_number(request.POST.get("customer"))
    held = Choice.objects.filter(customer=number if number is not None else -1, withdrawn_on=None).first()
    if held is None:
        raise NotAllowed("this customer has chosen nobody")
    priority = whole_number(request.POST.get("priority"))
    if priority is None:
        raise NotAllowed("a priority is 0 to 9")
    actions.prefer(held.pk, priority, by=person, reason=request.POST.get("reason", ""))


@page(May.BOOKS)
@require_http_methods(["GET", "POST"])
def leavers(request: HttpRequest) -> HttpResponse:
    """Books whose manager left: deadline, who stands in, call-backs due, outflow watched."""
    person = person_of(request)
    if request.method == "POST":
        return done(request, lambda: _call_back(request, person), reverse("book_leavers"))
    due = leaving.call_backs_due(person)
    rows = [
        {
            "customer": d.customer, "post": d.departure.post.post_id, "left": d.departure.person.name,
            "due": d.departure.due_on,
        }
        for d in due
    ]  # fmt: skip
    shown = {
        "departures": leaving.departures(person),
        "watched": [] if scope_of(person).masked else leaving.watched(person)[:50],
        "listed": listing(request, "call-backs", CALL_BACKS, PlainSource(person, rows)),
    }
    return render(request, "books/leavers.html", shown)


def _call_back(request: HttpRequest, person: Person) -> None:
    number = whole_number(request.POST.get("customer"))
    mine = [d for d in leaving.call_backs_due(person) if d.customer == number]
    if not mine:
        raise NotAllowed("no call-back is due")
    leaving.record_call_back(mine[0].pk, by=person, outcome=request.POST.get("outcome", ""))


@page(May.BOOKS)
@require_http_methods(["GET", "POST"])
def proposals(request: HttpRequest) -> HttpResponse:
    """Proposals of books in one's scope; a head begins another one."""
    person = person_of(request)
    scope = scope_of(person)
    if request.method == "POST":
        said = _("Begun. You are told when it is ready.")
        return done(request, lambda: _begin(request, person), reverse("book_proposals"), said)
    rows = proposed.proposals(person)
    for row in rows:
        row["link"] = (row["name"], reverse("book_proposal", args=[row["name"]]))
        row["shown_state"] = proposed.state_word(row["state"])
        if row["waits"]:
            row["shown_state"] += " · " + _("waits for a decision")
    running = Job.objects.filter(by=person, kind=proposing.PROPOSE_JOB, state__in=("waiting", "running"))
    shown = {
        "listed": listing(request, "proposals", PROPOSALS, RowsSource(rows)), "running": running,
        "may": person.may(May.BOOKS_PROPOSE), "branch": person.branch,
        "branches": Branch.objects.filter(branch_id__in=scope.branches).exclude(kind="outlet"),
    }  # fmt: skip
    return render(request, "books/proposals.html", shown)


def _begin(request: HttpRequest, person: Person) -> None:
    number = whole_number(request.POST.get("branch"))
    branch = Branch.objects.filter(pk=number if number is not None else -1).first()
    if branch is None:
        raise NotAllowed("a branch outside your scope")
    proposing.ask_proposal(branch, request.POST.get("scope", ""), by=person)


@page(May.BOOKS)
@require_http_methods(["GET", "POST"])
def proposal(request: HttpRequest, name: str) -> HttpResponse:
    """One proposal: what moves and why, books before and after, and what may be done with it now."""
    person = person_of(request)
    found = proposed.open_proposal(person, name)
    if found is None:
        raise Http404
    stored, held = found
    if request.method == "POST":
        return done(
            request, lambda: _change_proposal(request, name, person), reverse("book_proposal", args=[name])
        )
    now = stored.standing
    asked = Approval.objects.filter(
        kind__in=(proposing.APPLY, proposing.UNDO), subject=f"proposal:{name}"
    ).select_related("asked_by", "decided_by").first()  # fmt: skip
    after = ProposalStore(base().bank.home).decided_until(held.day)
    first = max(held.day + dt.timedelta(days=1), after)
    view = request.GET.get("view", "flows")
    shown = {
        "name": name, "stored": stored, "now": now, "state": proposed.state_word(now.state), "view": view,
        "summary": held.summary, "share_moved": _part(held.summary["moves"], held.summary["customers"]),
        "over_bound": _part(held.summary["cost_fen"] - held.summary["bound_fen"], held.summary["bound_fen"]),
        "asked": asked, "first": first, "last": held.day + dt.timedelta(days=FURTHEST_DAYS),
        "jobs": _jobs(asked), "may": person.may(May.BOOKS_PROPOSE), "events": _events(stored.events),
        "books": _books(held) if view == "books" else None,
        "listed": _listed(request, person, held, view), **_deciding(asked, person),
    }  # fmt: skip
    return render(request, "books/proposal.html", shown)


def _part(some: int, whole: int) -> float | None:
    return some / whole if whole else None


def _jobs(asked: Approval | None) -> list[Job]:
    if asked is None:
        return []
    kinds = (proposing.APPLY_JOB, proposing.UNDO_JOB)
    return list(Job.objects.filter(kind__in=kinds, arguments__approval=asked.pk)[:1])


def _events(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    words = {
        "proposed": _("proposed"), "edited": _("edited by hand"), "approved": _("approved"),
        "applying": _("being applied"), "applied": _("applied"), "undoing": _("being undone"),
        "undone": _("undone"), "refused": _("refused"),
    }  # fmt: skip
    return [{**e, "what": words[e["kind"]]} for e in reversed(events)]


def _books(held: Any) -> list[dict[str, Any]]:
    rows = proposed.books_before_after(held)
    for row in rows:
        for when in ("before", "after"):
            row[f"percent_{when}"] = round(row[f"share_{when}"] * 100)
    return sorted(rows, key=lambda r: -r["share_after"])[:200]


def _listed(request: HttpRequest, person: Person, held: Any, view: str) -> Any:
    if view == "customers":
        masked = scope_of(person).masked  # amounts of single customers are for who looks after them

        def words(row: dict[str, Any]) -> None:
            row["why"] = proposed.reason_word(row["reason"])
            row["cost"] = None if masked else row["cost"]

        return listing(request, "moves", MOVES, TableSource(person, proposed.movers(held), words))
    if view == "books":
        return None
    return listing(request, "flows", FLOWS, RowsSource(proposed.flows(held)))


def _change_proposal(request: HttpRequest, name: str, person: Person) -> None:
    given, reason = request.POST, request.POST.get("reason", "")
    version = whole_number(given.get("version")) or 0
    what = given.get("do")
    if what == "edit":
        number = whole_number(given.get("customer"))
        if number is None:
            raise NotAllowed("no such customer")
        edit = Edit("pin", number, given.get("to", "").strip())
        proposing.edit_proposal(name, version, [edit], by=person, reason=reason)
    elif what == "apply":
        proposing.ask_apply(name, version, form_day(request, "effective"), by=person, reason=reason)
    elif what == "undo":
        proposing.ask_undo(name, by=person, reason=reason)
    elif what == "refuse_proposal":
        proposing.refuse(name, by=person, reason=reason)
    else:
        number = whole_number(given.get("approval"))
        kinds = (proposing.APPLY, proposing.UNDO)
        asked = Approval.objects.filter(
            pk=number if number is not None else -1, kind__in=kinds, subject=f"proposal:{name}"
        ).first()
        if asked is None:
            raise NotAllowed("no such change")
        _decide(request, asked, person)


@page(May.BOOKS)
@require_GET
def proposal_notices(request: HttpRequest, name: str) -> HttpResponse:
    """Whom to tell of his new manager and by what means: who was sent a message, and who is told by hand, to
    export and hand over. Looking at it is on record."""
    person = person_of(request)
    found = proposed.open_proposal(person, name)
    if found is None or not person.may(May.EXPORT):
        raise Http404
    stored, held = found
    effective = stored.standing.effective
    if stored.standing.state in ("undoing", "undone"):
        told = proposed.notices_of_undo(name)
    else:
        told = proposed.notices_of(held, dt.date.fromisoformat(effective) if effective else None)
    gone = hidden()
    rows = [
        {
            **r, "number": r["customer"], "means": proposed.means_word(r["means"]),
            "said": proposed.said_word(r["said"]), "way": proposed.way_of(r["said"]),
        }
        for r in told
        if r["customer"] not in gone
    ]  # fmt: skip
    asked = asked_of(request, "book_notices", (Filter("way", _("Message"), "choice", proposed.ways()),))
    by_means = Counter(str(r["said"]) for r in rows).most_common()
    rows = [r for r in rows if asked.text("way") in ("", r["way"])]
    audit.record(person, "books.notices", f"proposal:{name}", detail={"rows": len(rows)})
    listed = listing(request, "book_notices", NOTICES, RowsSource(rows), asked)
    shown = {"name": name, "listed": listed, "by_means": by_means}
    return render(request, "books/notices.html", shown)
