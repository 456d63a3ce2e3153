"""Pages of a lobby: the cards of who is here, what comes of them, and in a demo a ticket machine."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from quanke.kernel.errors import NightError
from quanke_desk.foundation.pages import page, person_of
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May
from quanke_desk.work import lobby_actions, lobby_queries, visitors
from quanke_desk.work.held import held
from quanke_desk.work.models import Arrival, Said
from quanke_desk.work.suggesting import suggest, words


@dataclass(frozen=True)
class Desk:
    """Where cards are shown: the lobby, with everybody who is here, or the counters, with who was handed to
    them. Names of its addresses."""

    page: str
    cards: str
    card: str
    counter: bool


LOBBY = Desk("lobby", "lobby_cards", "lobby_card", False)
COUNTER = Desk("counter", "counter_cards", "counter_card", True)
MOST_SEEN = 200


@page(May.LOBBY)
@require_GET
def lobby(request: HttpRequest) -> HttpResponse:
    """Who is here: a card each, the newest first. New ones appear by themselves."""
    return _all(request, LOBBY)


@page(May.COUNTER)
@require_GET
def counter(request: HttpRequest) -> HttpResponse:
    """Who was handed to the counters: a card each. New ones appear by themselves."""
    return _all(request, COUNTER)


@page(May.LOBBY)
@require_GET
def lobby_cards(request: HttpRequest) -> HttpResponse:
    """Cards of who came after the last one seen, and those that were changed by others; 204 for none."""
    return _new(request, LOBBY)


@page(May.COUNTER)
@require_GET
def counter_cards(request: HttpRequest) -> HttpResponse:
    """The same for the counters."""
    return _new(request, COUNTER)


@page(May.LOBBY)
@require_http_methods(["GET", "POST"])
def lobby_card(request: HttpRequest, number: int) -> HttpResponse:
    """One visitor: the card, and whatever is tapped on it."""
    return _one(request, number, LOBBY)


@page(May.COUNTER)
@require_http_methods(["GET", "POST"])
def counter_card(request: HttpRequest, number: int) -> HttpResponse:
    """One visitor who was handed to the counters."""
    return _one(request, number, COUNTER)


def _all(request: HttpRequest, desk: Desk) -> HttpResponse:
    person = person_of(request)
    began = time.perf_counter()
    visits = _visits(request, 0, desk)
    shown = {
        **_around(request, desk),
        "cards": _cards(visits),
        "after": max([a.pk for a in visits], default=0),
        "outlets": [o for o in lobby_queries.outlets(person) if o.kind == "outlet"],
        "demo": settings.QUANKE_DEMO and not desk.counter,
    }
    answer = render(request, "work/lobby.html", shown)
    lobby_actions.shown(visits, person, (time.perf_counter() - began) * 1000)
    return answer


def _around(request: HttpRequest, desk: Desk) -> dict[str, Any]:
    """What every page with cards needs."""
    return {
        "desk": desk, "poll": value("lobby.poll"), "outlet": request.GET.get("outlet", ""),
        "said": Said.choices,
    }  # fmt: skip


def _new(request: HttpRequest, desk: Desk) -> HttpResponse:
    began = time.perf_counter()
    seen = _seen(request)
    # a visitor who came before others may be handed to the counter after them
    after = 0 if desk.counter else _number(request.GET.get("after", "0"))
    visits = [a for a in _visits(request, after, desk) if a.pk not in seen]
    changed = lobby_queries.changed(person_of(request), seen, desk.counter)
    if not visits and not changed:
        return HttpResponse(status=204)
    shown = {
        **_around(request, desk),
        "cards": _cards(visits),
        "changed": _cards(changed),
        "after": max([_number(request.GET.get("after", "0")), *(a.pk for a in visits)]),
        "arriving": True,
    }
    answer = render(request, "work/cards.html", shown)
    lobby_actions.shown(visits, person_of(request), (time.perf_counter() - began) * 1000)
    return answer


def _seen(request: HttpRequest) -> dict[int, int]:
    """Which visits a tablet shows, and after how many changes."""
    found = {}
    for given in request.GET.getlist("has")[:MOST_SEEN]:
        number, _dash, changes = given.partition("-")
        found[_number(number)] = _number(changes)
    return found


def _number(given: str) -> int:
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 16 else 0


def _one(request: HttpRequest, number: int, desk: Desk) -> HttpResponse:
    person = person_of(request)
    visit = lobby_queries.arrival(person, number, desk.counter)
    if visit is None:
        raise Http404
    rule = ""
    if request.method == "POST":
        try:
            _tapped(request, visit, desk)
        except NotAllowed as error:
            rule = _(str(error))
        if not request.htmx:  # type: ignore[attr-defined]
            if rule:
                messages.error(request, _("Not done: %(rule)s.") % {"rule": rule})
            return redirect(desk.page)
        visit = lobby_queries.arrival(person, number, desk.counter)
        assert visit is not None
    [card] = _cards([visit])
    shown: dict[str, Any] = {**_around(request, desk), "card": card, "rule": rule}
    if request.GET.get("why") and visit.customer is not None:
        shown["why"] = _left_out(visit.customer)
    if request.GET.get("to") and not desk.counter:
        shown["takers"] = lobby_queries.named_takers(visit)
    name = "work/card.html" if request.htmx else "work/card_page.html"  # type: ignore[attr-defined]
    return render(request, name, shown)


def _tapped(request: HttpRequest, visit: Arrival, desk: Desk) -> None:
    person, asked = person_of(request), request.POST
    do = asked.get("do", "")
    if desk.counter and do in ("counter", "post"):
        raise NotAllowed("the lobby hands visitors over")
    if do == "said":
        place = asked.get("place", "")
        if not visit.suggestions.filter(
            place=int(place) if place.isdecimal() and len(place) < 3 else 0
        ).exists():
            raise NotAllowed("there is no such suggestion")
        lobby_actions.said(visit.pk, int(place), asked.get("outcome", ""), by=person)
    elif do == "task":
        task = asked.get("task", "")
        number = int(task) if task.isascii() and task.isdecimal() and len(task) < 16 else 0
        lobby_actions.task_done(visit.pk, number, asked.get("outcome", ""), by=person)
    elif do == "identify":
        lobby_actions.identify(visit.pk, asked.get("kind", ""), asked.get("value", ""), by=person)
    elif do == "counter":
        lobby_actions.hand_over(visit.pk, None, by=person)
    elif do == "post":
        post = next((p for p in lobby_queries.takers(visit) if str(p.pk) == asked.get("post")), None)
        if post is None:
            raise NotAllowed("nobody sits on this post today")
        lobby_actions.hand_over(visit.pk, post, by=person)
    elif do in ("served", "left"):
        lobby_actions.end(visit.pk, do == "served", by=person)
    else:
        raise NotAllowed("say what came of it")


def _left_out(customer: int) -> list[tuple[str, str]]:
    of, speaks = held(), lobby_queries.english()
    found = suggest(customer, of)
    return [
        (str(words(customer, action, of, speaks)["title"]), str(reason)) for action, reason in found.left_out
    ]


@page(May.ANNOUNCE)
@require_http_methods(["GET", "POST"])
def lobby_machine(request: HttpRequest) -> HttpResponse:
    """A ticket machine to press, in a demo only: some sample visitors of the outlet."""
    person = person_of(request)
    if not settings.QUANKE_DEMO or person.branch is None:
        raise Http404
    if request.method == "POST":
        try:
            ticket = visitors.press(person, request.POST.get("visitor", ""))
            messages.success(request, _("Ticket %(ticket)s") % {"ticket": ticket})
        except NotAllowed as error:
            messages.error(request, _("Not done: %(rule)s.") % {"rule": _(str(error))})
        return redirect("lobby_machine")
    try:
        found = visitors.samples(person.branch)
    except NightError:
        found = []
    return render(request, "work/machine.html", {"visitors": found, "outlet": person.branch})


def _visits(request: HttpRequest, after: int, desk: Desk) -> list[Arrival]:
    outlet = request.GET.get("outlet", "")
    return lobby_queries.arrivals(person_of(request), after, outlet, desk.counter)


def _cards(visits: list[Arrival]) -> list[lobby_queries.Card]:
    try:
        return lobby_queries.cards(visits)
    except NightError:
        return []
