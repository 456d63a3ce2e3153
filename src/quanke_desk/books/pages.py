"""Pages of this room that show: books by branch, one book, gaps, who looks after one customer, credit."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from quanke.books.ownership import KINDS
from quanke_desk.books import actions, credited, queries
from quanke_desk.books.fault_words import book_fault
from quanke_desk.books.models import Choice, Origin, Transfer
from quanke_desk.books.proposed import reason_word
from quanke_desk.books.sources import BookSource, PlainSource, TableSource
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.asked_outside import note_asked
from quanke_desk.foundation.lists import Column, RowsSource, listing
from quanke_desk.foundation.models import Person, Post
from quanke_desk.foundation.pages import page, person_of
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import BOOK_ROLES, May, Role
from quanke_desk.foundation.scope import Extent, OutOfScope, scope_of

POSTS = (
    Column("post", gettext_lazy("Post"), "link"),
    Column("branch", gettext_lazy("Branch")),
    Column("role", gettext_lazy("Role")),
    Column("holders", gettext_lazy("Manager"), sorts=False),
    Column("stand_ins", gettext_lazy("Who stands in"), sorts=False),
    Column("customers", gettext_lazy("Customers"), "number"),
    Column("share", gettext_lazy("Load of capacity"), "share"),
    Column("state", gettext_lazy("Room")),
)
CUSTOMERS = (
    Column("number", gettext_lazy("Number"), "link"),
    Column("name", gettext_lazy("Name"), sorts=False),
    Column("tier", gettext_lazy("Tier"), sorts=False),
    Column("aum", gettext_lazy("Assets (yuan)"), "money"),
    Column("since", gettext_lazy("With this post since"), "day"),
)
GAPS = (
    Column("number", gettext_lazy("Number"), "link"),
    Column("name", gettext_lazy("Name"), sorts=False),
    Column("what", gettext_lazy("What is wrong"), sorts=False),
    Column("post", gettext_lazy("Post")),
    Column("from_date", gettext_lazy("From"), "day"),
    Column("to_date", gettext_lazy("Until"), "day"),
    Column("workdays", gettext_lazy("Working days"), "number"),
)
CREDIT = (
    Column("post", gettext_lazy("Post"), "link", sorts=False),
    Column("branch", gettext_lazy("Branch"), sorts=False),
    Column("holders", gettext_lazy("Manager"), sorts=False),
    Column("customers", gettext_lazy("Customers"), "number"),
    Column("credit", gettext_lazy("Credit for growth (yuan)"), "money"),
)
CREDITED = (
    Column("number", gettext_lazy("Number"), "link"),
    Column("name", gettext_lazy("Name"), sorts=False),
    Column("days", gettext_lazy("Days with this post"), "number"),
    Column("growth", gettext_lazy("Growth (yuan)"), "money"),
    Column("credit", gettext_lazy("Credit for growth (yuan)"), "money"),
)


def asked_day(request: HttpRequest) -> dt.date:
    """The day the address asks for: `?on=`, else today."""
    try:
        return dt.date.fromisoformat(request.GET.get("on", ""))
    except ValueError:
        return queries.today()


def whole_number(given: str | None) -> int | None:
    """A number of an address or a form; null for what is none."""
    return int(given) if given and given.isascii() and given.isdecimal() and len(given) < 10 else None


def state_of_book(state: str) -> str:
    """What the room of a book is called."""
    return {"fine": _("has room"), "warn": _("nearly full"), "block": _("full")}[state]


@page(May.BOOKS)
@require_GET
def books(request: HttpRequest) -> HttpResponse:
    """Who looks after whom on a day, by the branch tree and post."""
    person, day = person_of(request), asked_day(request)
    scope = scope_of(person)
    branch = queries.branch_of(person, scope, whole_number(request.GET.get("branch")))
    posts = queries.posts_seen(scope)
    if branch is not None:
        posts = posts.filter(branch__left__gte=branch.left, branch__right__lte=branch.right)
    held = queries.books_on(posts, day)
    listed = listing(request, "books", POSTS, PostsSource(held, day))
    below = [] if branch is None else queries.branches_under(scope, branch)
    parts = []
    spans = [(b.post.branch.left, b.post.branch.right, b) for b in held]
    for each in below:
        inside = [b for left, right, b in spans if each.left <= left and right <= each.right]
        if inside:
            parts.append({"branch": each, **_summed(inside)})
    fullest = sorted((b for b in held if b.share), key=lambda b: -(b.share or 0))[:8]
    shown = {
        "day": day, "branch": branch, "parts": parts, "listed": listed, "whole": _summed(held),
        "fullest": fullest, "above": _above(branch, scope.branches, scope.extent), "may": _may(person),
    }  # fmt: skip
    return render(request, "books/books.html", shown)


def _summed(held: list[queries.Book]) -> dict[str, Any]:
    load, capacity = sum(b.load for b in held), sum(b.capacity for b in held)
    states = [b.state for b in held]
    return {
        "posts": len(held), "customers": sum(b.customers for b in held),
        "share": load / capacity if capacity else None,
        "percent": round(100 * load / capacity) if capacity else 0,
        "warn": states.count("warn"), "block": states.count("block"),
    }  # fmt: skip


def _above(branch: Any, inside: frozenset[str], extent: Extent) -> list[Any]:
    found: list[Any] = []
    while branch is not None and branch.parent is not None:
        branch = branch.parent
        if extent is not Extent.BANK and branch.branch_id not in inside:
            break
        found.insert(0, branch)
    return found


def _may(person: Person) -> dict[str, bool]:
    return {
        "propose": person.may(May.BOOKS_PROPOSE),
        "approve": person.may(May.BOOKS_APPROVE),
        "ask": person.role in BOOK_ROLES or person.may(May.BOOKS_PROPOSE),
    }


class PostsSource(RowsSource):
    """Books as rows; who sits there, and the address, are asked of the page's posts alone."""

    def __init__(self, held: list[queries.Book], day: dt.date) -> None:
        roles = {str(value): str(label) for value, label in Role.choices}
        states = {name: state_of_book(name) for name in ("fine", "warn", "block")}
        rows = [
            {
                "of": b.post,
                "post": b.post.post_id,
                "branch": b.post.branch.name,
                "role": roles.get(b.post.role, b.post.role),
                "customers": b.customers,
                "share": b.share,
                "state": states[b.state],
            }
            for b in held
        ]
        super().__init__(rows)
        self.day = day

    def rows(self, order: str, descending: bool, start: int, count: int) -> list[dict[str, Any]]:
        """See `foundation.lists.Source`."""
        made = [dict(r) for r in super().rows(order, descending, start, count)]
        seats = queries.seated([r["of"] for r in made], self.day)
        for row in made:
            post = row["of"]
            row["post"] = (post.post_id, self.address(post))
            row["holders"] = ", ".join(p.name for p in seats[post.pk].holders) or _("vacant")
            row["stand_ins"] = ", ".join(p.name for p in seats[post.pk].stand_ins)
        return made

    def address(self, post: Post) -> str:
        """Where a row leads."""
        return reverse("book", args=[post.pk]) + f"?on={self.day.isoformat()}"


class CreditSource(PostsSource):
    """Posts with their credit for growth as rows."""

    def __init__(self, lines: list[dict[str, Any]], day: dt.date, query: str) -> None:
        RowsSource.__init__(self, [{**x, "of": x["post"], "branch": x["branch"].name} for x in lines])
        self.day, self.query = day, query

    def address(self, post: Post) -> str:
        """Where a row leads."""
        return reverse("book_credit_post", args=[post.pk]) + self.query


def post_or_404(person: Person, number: int) -> Post:
    """A post of one's scope. Raises Http404 for any other: what lies outside is not told."""
    post = queries.post_seen(person, number)
    if post is None:
        raise Http404
    return post


@page(May.BOOKS)
@require_http_methods(["GET", "POST"])
def book(request: HttpRequest, number: int) -> HttpResponse:
    """The customers of one post on a day; heads give it a stand-in, managers and heads ask for transfers."""
    person, day = person_of(request), asked_day(request)
    post = post_or_404(person, number)
    customers = queries.customers_of(post, day)
    if request.method == "POST":
        return done(request, lambda: _change_book(request, post, person), reverse("book", args=[number]))
    [held] = queries.books_on([post], day)
    seats = queries.seated([post], day)[post.pk]
    shown = {
        "post": post, "day": day, "book": held, "seats": seats, "state": state_of_book(held.state),
        "listed": listing(request, "book", CUSTOMERS, BookSource(person, customers, day)),
        "may": _may(person), "origins": Origin.choices, "today": queries.today(),
        "masked": scope_of(person).masked,
    }  # fmt: skip
    return render(request, "books/book.html", shown)


def _change_book(request: HttpRequest, post: Post, person: Person) -> None:
    if request.POST.get("do") == "stand_in":
        who = Person.objects.filter(username=request.POST.get("person", "").strip()).first()
        until = form_day(request, "until")
        if who is None:
            raise NotAllowed("no such person")
        actions.give_stand_in(post, who, until, by=person, reason=request.POST.get("reason", ""))
    elif request.POST.get("do") == "transfer":
        day = form_day(request, "since")
        numbers = [int(n) for n in queries.customers_of(post, day)]
        if request.POST.get("all") != "1":
            given = request.POST.get("customers", "").replace(",", " ").split()
            asked = [whole_number(n) for n in given]
            if not set(asked) <= set(numbers):
                raise NotAllowed("only customers of this book")
            numbers = [n for n in asked if n is not None]
        _ask(request, numbers, day, person)
    else:
        raise NotAllowed("no such change")


def _ask(request: HttpRequest, numbers: list[int], day: dt.date, person: Person) -> None:
    to = Post.objects.select_related("branch").filter(post_id=request.POST.get("to", "").strip()).first()
    if to is None:
        raise NotAllowed("no such post")
    origin = request.POST.get("origin", Origin.ASKED)
    if origin == Origin.CHOICE:
        raise NotAllowed("a choice is recorded with its proof")
    actions.ask_transfer(numbers, to, day, by=person, reason=request.POST.get("reason", ""), origin=origin)


def form_day(request: HttpRequest, name: str) -> dt.date:
    """A day of a form. Raises NotAllowed for what is none."""
    try:
        return dt.date.fromisoformat(request.POST.get(name, ""))
    except ValueError:
        raise NotAllowed("a day is written YYYY-MM-DD") from None


def done(request: HttpRequest, change: Any, back: str, said: str = "") -> HttpResponse:
    """Makes a change and says so, or says which rule forbids it; then shows the page again."""
    from quanke.kernel.errors import QuankeError

    try:
        change()
        messages.success(request, said or _("Done, and on record."))
    except NotAllowed as error:
        messages.error(request, _("Not done: %(rule)s.") % {"rule": _(str(error))})
    except QuankeError as error:
        messages.error(request, _("Not done: %(rule)s.") % {"rule": book_fault(error.message)})
    return redirect(back)


@page(May.BOOKS)
@require_GET
def gaps(request: HttpRequest) -> HttpResponse:
    """Customers nobody looks after who should have somebody, gaps and overlaps of the past (BK-1)."""
    person, day = person_of(request), asked_day(request)
    kind = request.GET.get("kind", "")
    found, counts = queries.findings(person, day, kind)
    english = (get_language() or "").startswith("en")

    def words(row: dict[str, Any]) -> None:
        row["what"] = KINDS[row["kind"]][english]

    listed = listing(request, "gaps", GAPS, TableSource(person, found, words))
    kinds = [{"name": n, "title": KINDS[n][english], "count": c} for n, c in counts.items() if n in KINDS]
    return render(request, "books/gaps.html", {"listed": listed, "kinds": kinds, "kind": kind, "day": day})


@page(May.BOOKS)
@require_http_methods(["GET", "POST"])
def customer(request: HttpRequest, number: int) -> HttpResponse:
    """Who looks after one customer as of a day, all intervals, transfers and his own choice."""
    person, day = person_of(request), asked_day(request)
    try:
        told = queries.history(person, number)
    except OutOfScope:
        if scope_of(person).asks and request.method == "GET":
            return redirect("customer", number)  # which asks for a purpose, and counts that he was asked for
        note_asked(person, number)
        raise Http404 from None
    if request.method == "POST":
        back = reverse("book_customer", args=[number])
        return done(request, lambda: _change_customer(request, number, person), back)
    now = next((r for r in told if r["since"] <= day and (r["until"] is None or r["until"] > day)), None)
    for row in told:
        row["why"] = _why(row["reason"])
    post = Post.objects.select_related("branch").filter(post_id=now["post"]).first() if now else None
    choice = Choice.objects.filter(customer=number, withdrawn_on=None).select_related("post").first()
    shown = {
        "number": number, "day": day, "now": now, "post": post, "history": told,
        "seats": queries.seated([post], day)[post.pk] if post else None,
        "transfers": Transfer.objects.filter(customer=number).select_related(
            "from_post", "to_post", "asked_by", "approval"
        ),
        "choice": choice, "place": choice is not None and choice.pk in actions.next_in_line([choice.post]),
        "name": queries.name_of(person, number), "may": _may(person), "today": queries.today(),
        "origins": [o for o in Origin.choices if o[0] != Origin.CHOICE],
    }  # fmt: skip
    return render(request, "books/customer.html", shown)


def _why(reason: str | None) -> str:
    if not reason:
        return ""
    if reason in Origin.values:
        return str(Origin(reason).label)
    return {"assigned": _("assigned"), "proposal": _("proposal of books")}.get(reason, reason_word(reason))


def _change_customer(request: HttpRequest, number: int, person: Person) -> None:
    what = request.POST.get("do")
    if what == "transfer":
        _ask(request, [number], form_day(request, "since"), person)
    elif what == "choose":
        post = (
            Post.objects.select_related("branch").filter(post_id=request.POST.get("to", "").strip()).first()
        )
        if post is None:
            raise NotAllowed("no such post")
        actions.choose(number, post, proof=request.POST.get("proof", ""), by=person)
    elif what in ("withdraw", "place"):
        held = Choice.objects.filter(customer=number, withdrawn_on=None).first()
        if held is None:
            raise NotAllowed("it is withdrawn already")
        change = actions.give_place if what == "place" else actions.withdraw_choice
        change(held.pk, by=person)
    else:
        raise NotAllowed("no such change")


def _asked_month(request: HttpRequest) -> tuple[list[dt.date], dt.date | None, int]:
    known = credited.months(base())
    given = request.GET.get("month", "")
    month = next((m for m in known if f"{m:%Y-%m}" == given), known[0] if known else None)
    back = whole_number(request.GET.get("back")) or 1
    if month is None or not 1 <= back <= len(known) - known.index(month):
        back = 1
    return known, month, back


@page(May.BOOKS)
@require_GET
def credit(request: HttpRequest) -> HttpResponse:
    """Credit for growth of a month by post, settled by days of ownership."""
    person = person_of(request)
    known, month, back = _asked_month(request)
    if month is None:
        return render(request, "books/credit.html", {"months": [], "listed": None})
    done_, lines, sums = credited.by_post(person, month, back)
    source = CreditSource(lines, done_.last, f"?month={month:%Y-%m}&back={back}")
    shown = {
        "months": known, "month": month, "back": back, "settled": done_, "sums": sums,
        "listed": listing(request, "credit", CREDIT, source),
        "backs": range(1, len(known) - known.index(month) + 1),
        "wide": scope_of(person).extent is not Extent.BOOK,
    }  # fmt: skip
    return render(request, "books/credit.html", shown)


@page(May.BOOKS)
@require_GET
def credit_post(request: HttpRequest, number: int) -> HttpResponse:
    """The customers whose credit sums to that of a post."""
    person = person_of(request)
    post = post_or_404(person, number)
    _known, month, back = _asked_month(request)
    if month is None:
        raise Http404
    done_, rows = credited.of_post(post, month, back)
    whole = sum(r["credit"] for r in rows)
    # amounts of single customers are for who looks after them now
    seen = [
        not scope_of(person).masked and yes
        for yes in queries.seen_among(person, [r["customer"] for r in rows])
    ]
    rows = [r if yes else {**r, "growth": None, "credit": None} for r, yes in zip(rows, seen, strict=True)]
    shown = {
        "post": post, "month": month, "back": back, "settled": done_, "whole": whole,
        "listed": listing(request, "credited", CREDITED, PlainSource(person, rows)),
    }  # fmt: skip
    return render(request, "books/credit_post.html", shown)
