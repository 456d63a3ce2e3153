"""A visitor handed to a counter is the tellers'; a tablet shows what another one changed."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Branch, Notice, Person
from quanke_desk.foundation.roles import Role
from quanke_desk.work.lobby_actions import arrive, end, hand_over, said
from quanke_desk.work.models import Arrival, ArrivalState, Suggestion

HTMX = {"HX-Request": "true"}


@pytest.fixture
def outlet(desk: dict[str, Person]) -> Branch:
    branch = desk[Role.LOBBY].branch
    assert branch is not None
    return branch


def visit(outlet: Branch, by: Person, ticket: str = "A1", customer: int | None = 7) -> Arrival:
    made, _new = arrive(outlet, ticket, "ticket", "", machine=None, by=by)
    Arrival.objects.filter(pk=made.pk).update(customer=customer)
    if customer is not None:
        Suggestion.objects.create(arrival=made, place=1, action=next(iter(actions())))
    made.refresh_from_db()
    return made


def actions() -> list[str]:
    from quanke_desk.work.held import held

    return sorted(held().actions)


def shown(made: Arrival) -> str:
    made.refresh_from_db()
    return f"{made.pk}-{made.changes}"


def test_the_tellers_of_the_outlet_are_told_and_have_him_on_their_list(
    desk: dict[str, Person], entered: dict[str, Client], outlet: Branch
) -> None:
    lobby, teller = desk[Role.LOBBY], desk[Role.TELLER]
    other = Branch.objects.filter(kind="outlet").exclude(pk=outlet.pk)[0]
    far = Person.objects.create(username="far", name="far", role=Role.TELLER, branch=other)
    here, waits = visit(outlet, lobby), visit(outlet, lobby, "A2")
    client = entered[Role.TELLER]
    assert "A1" not in client.get("/counter/").content.decode()
    assert client.get(f"/counter/{here.pk}/").status_code == 404, "not before he is handed over"
    hand_over(here.pk, None, by=lobby)
    told = Notice.objects.filter(link="/counter/")
    assert {n.person.branch for n in told} == {outlet} and {n.person.role for n in told} == {Role.TELLER}
    assert told.get(person=teller).values["ticket"] == "A1"
    assert "柜台" in client.get("/notices/").content.decode()
    page = client.get("/counter/").content.decode()
    assert "A1" in page and "A2" not in page and "转柜台" not in page
    assert client.get(f"/counter/{waits.pk}/").status_code == 404
    assert (
        client.get("/lobby/").status_code == 403 and entered[Role.LOBBY].get("/counter/").status_code == 403
    )
    elsewhere = Client()
    elsewhere.force_login(far)
    assert "A1" not in elsewhere.get("/counter/").content.decode()
    assert elsewhere.post(f"/counter/{here.pk}/", {"do": "served"}).status_code == 404
    client.post(f"/counter/{here.pk}/", {"do": "counter"})
    client.post(f"/counter/{here.pk}/", {"do": "said", "place": "1", "outcome": "interested"})
    client.post(f"/counter/{here.pk}/", {"do": "served"})
    here.refresh_from_db()
    assert (here.state, here.by) == (ArrivalState.SERVED, teller)
    assert here.contacts.get().person == teller
    assert "A1" not in client.get("/counter/").content.decode()


def test_who_came_first_may_be_handed_over_last(
    desk: dict[str, Person], entered: dict[str, Client], outlet: Branch
) -> None:
    lobby, client = desk[Role.LOBBY], entered[Role.TELLER]
    first, second = visit(outlet, lobby), visit(outlet, lobby, "A2")
    hand_over(second.pk, None, by=lobby)
    hand_over(first.pk, None, by=lobby)
    at = f"/counter/cards/?after={second.pk}&has={shown(second)}"
    new = client.get(at, headers=HTMX).content.decode()
    assert f'id="arrival-{first.pk}"' in new and f'id="arrival-{second.pk}"' not in new
    assert client.get(f"{at}&has={shown(first)}", headers=HTMX).status_code == 204


def test_a_second_tablet_shows_what_the_first_did(
    desk: dict[str, Person], entered: dict[str, Client], outlet: Branch
) -> None:
    lobby, client = desk[Role.LOBBY], entered[Role.LOBBY]
    one, two = visit(outlet, lobby), visit(outlet, lobby, "A2")
    page = client.get("/lobby/").content.decode()
    for made in (one, two):
        assert f'name="has" value="{shown(made)}"' in page
    poll = f"/lobby/cards/?after={two.pk}&has={shown(one)}&has={shown(two)}"
    assert client.get(poll, headers=HTMX).status_code == 204
    said(one.pk, 1, "interested", by=lobby)
    answer = client.get(poll, headers=HTMX).content.decode()
    assert f'id="arrival-{one.pk}" hx-swap-oob="true"' in answer and "有意向" in answer
    assert f'id="arrival-{two.pk}"' not in answer, "what did not change is left as it is typed into"
    poll = f"/lobby/cards/?after={two.pk}&has={shown(one)}&has={shown(two)}"
    end(two.pk, True, by=lobby)
    answer = client.get(poll, headers=HTMX).content.decode()
    card = answer.partition(f'id="arrival-{two.pk}"')[2]
    assert "已服务" in card and 'value="served"' not in card, "it is over, and nothing can be done to it"
    poll = f"/lobby/cards/?after={two.pk}&has={shown(one)}&has={shown(two)}"
    assert client.get(poll, headers=HTMX).status_code == 204
    foreign = Branch.objects.filter(kind="outlet").exclude(pk=outlet.pk)[0]
    Arrival.objects.filter(pk=one.pk).update(outlet=foreign, changes=9)
    assert client.get(poll, headers=HTMX).status_code == 204, "of other outlets nothing is told"


@pytest.mark.parametrize("has", ["x", "1-x", "99999999999999999999-1", "-", ""])
def test_what_a_tablet_says_it_shows_may_be_anything(
    entered: dict[str, Client], has: str, desk: dict[str, Person]
) -> None:
    given: dict[str, Any] = {"after": "0", "has": has}
    assert entered[Role.LOBBY].get("/lobby/cards/", given, headers=HTMX).status_code == 204
    assert base().night.rows and timezone.localdate()
