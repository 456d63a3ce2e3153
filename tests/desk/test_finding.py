"""Search from everywhere: all that one may open, by groups, and nobody else's customer."""

from __future__ import annotations

import logging
import re
from collections import Counter
from itertools import islice

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone

from quanke_desk.campaigns import audience_actions, plays
from quanke_desk.campaigns.models import Template
from quanke_desk.customers.at_night import reading
from quanke_desk.foundation import approvals, setting
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.finders import FINDERS, found
from quanke_desk.foundation.models import Approval, AuditEntry, Person, Post, SavedView
from quanke_desk.foundation.roles import May, Role
from quanke_desk.foundation.scope import Extent, rows, scope_of

PART = {"HTTP_HX_REQUEST": "true"}
MOST = 2


def ask(client: Client, text: str) -> str:
    """What the dialog shows for a text."""
    answer = client.post("/find/", {"q": text}, **PART)  # type: ignore[arg-type]
    assert answer.status_code == 200
    return answer.content.decode()


def typed(customer: int) -> dict[str, str]:
    """What people type to mean a customer: name, number, phone, document."""
    golden = {f.name: f.value for f in base().bank.golden(customer)}
    told = {n: str(golden[n]) for n in ("name", "phone", "id_number") if golden.get(n)}
    return {**told, "number": str(customer)}


def whole(customers: np.ndarray) -> list[int]:
    """Of some customers those who can be meant by name, phone and document."""
    return list(islice((c for c in customers.tolist() if len(typed(c)) == 4), MOST))


@pytest.mark.parametrize("role", [str(role) for role in Role])
def test_nobody_elses_customer_is_found(
    desk: dict[str, Person], entered: dict[str, Client], role: str
) -> None:
    person, client = desk[role], entered[role]
    inside = rows(scope_of(person))
    others, own = whole(np.flatnonzero(~inside & base().there)), whole(np.flatnonzero(inside))
    if scope_of(person).extent is not Extent.BANK:
        assert others
    for customer in others:
        for what, text in typed(customer).items():
            page = ask(client, text)
            assert f"/customers/{customer}/" not in page, what
            if what != "name":  # somebody of one's own may be called so
                assert (
                    'id="found-customers"' not in page and reading().names([customer])[customer] not in page
                )
            assert ("/customers/" in page) == person.may(May.FIND), "for him one goes to the page"
    for customer in own if person.may(May.FIND) else []:
        for what, text in typed(customer).items():
            if what == "number":
                assert f"/customers/{customer}/" in ask(client, text)
            elif what != "name":  # masked rows are not found by what is personal
                assert (f"/customers/{customer}/" in ask(client, text)) != scope_of(person).masked, what
    if own and not person.may(May.FIND):
        assert not any(f"/customers/{own[0]}/" in ask(client, text) for text in typed(own[0]).values())


def everything(desk: dict[str, Person]) -> None:
    """One thing of each kind that people make, called so that one text finds all of them."""
    analyst = desk[Role.ANALYST]
    members = np.flatnonzero(rows(scope_of(analyst)))[:3].astype(np.int64)
    audience_actions.keep_members("quokka audience", members, "list", "", "C-1", by=analyst)
    journey = plays.start_from(plays.PLAYS[0].name, by=analyst)
    journey.title_zh = journey.title_en = "quokka journey"
    journey.save()
    Template.objects.create(
        code="quokka", title="quokka text", means="sms", purpose="service", made_by=analyst
    )
    for role, person in desk.items():
        SavedView.objects.create(
            person=person, list_name="audit", title=f"quokka {role}", query="action=quokka"
        )
    asked = setting.set_parameter(
        "password.days", 91, timezone.localdate(), by=desk[Role.ADMINISTRATOR], reason="quokka"
    )
    assert isinstance(asked, Approval)


def test_all_kinds_are_found_by_who_may_open_them(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    everything(desk)
    post = Post.objects.get(pk=desk[Role.WEALTH_MANAGER].seats.get().post_id)  # type: ignore[misc]
    texts = ("quokka", plays.PLAYS[0].name, "aum", post.post_id, "demo-", "审", "a", "参数", "sj", "的")
    seen: dict[str, set[str]] = {}
    for role, person in desk.items():
        for text in texts:
            for group in found(person, text):
                seen.setdefault(group.name, set()).add(role)
                for hit in group.hits:
                    address = hit.address.partition("#")[0]
                    assert entered[role].get(address).status_code == 200, (role, text, hit)
    managers = {r for r in desk if desk[r].may(May.BOOKS)}
    of_campaigns = {Role.ANALYST, Role.COMMITTEE}
    assert seen["audiences"] == seen["journeys"] == seen["plays"] == of_campaigns
    assert seen["templates"] == {Role.ANALYST} and seen["people"] == {Role.ADMINISTRATOR}
    assert seen["views"] == {r for r in desk if desk[r].may(May.AUDIT)}, "a view of a list one may not open"
    assert Role.WEALTH_MANAGER in seen["posts"] <= managers
    assert seen["tags"] == {r for r in desk if desk[r].may(May.DASHBOARD)}
    assert Role.ADMINISTRATOR in seen["approvals"] and Role.TELLER not in seen["approvals"]
    assert seen["pages"] == set(desk)
    assert approvals.KINDS and set(seen) >= {*FINDERS} - {"campaigns", "contracts", "proposals", "customers"}


def test_a_manager_finds_no_post_but_his_own(desk: dict[str, Person]) -> None:
    manager = desk[Role.WEALTH_MANAGER]
    own = scope_of(manager).posts
    every = Counter(h.title for p in Post.objects.all() for h in FINDERS["posts"].find(manager, p.post_id))
    assert {title for title in every if Post.objects.filter(post_id=title).exists()} <= own


def test_what_is_asked_is_kept_nowhere(
    desk: dict[str, Person], entered: dict[str, Client], caplog: pytest.LogCaptureFixture
) -> None:
    customer = whole(np.flatnonzero(rows(scope_of(desk[Role.BRANCH_HEAD]))))[0]
    before = AuditEntry.objects.count()
    with caplog.at_level(logging.DEBUG):
        for what, text in typed(customer).items():
            page = ask(entered[Role.BRANCH_HEAD], text)
            assert what == "number" or not re.search(rf'(?:href|action)="[^"]*{re.escape(text)}', page)
            assert not re.search(r'<form[^>]*method="get"', page, re.IGNORECASE)
            if what != "number":
                assert text not in caplog.text
    assert AuditEntry.objects.count() == before


def test_how_many_is_said_to_who_does_not_see(entered: dict[str, Client]) -> None:
    page = ask(entered[Role.ADMINISTRATOR], "sj")
    count = page.count('role="option"')
    assert count >= 2 and f"找到 {count} 项" in page
    assert re.search(r'id="found-count" hx-swap-oob="innerHTML"', page)
    whole_page = entered[Role.ADMINISTRATOR].post("/find/", {"q": "sj"}).content.decode()
    assert 'role="status">找到' in whole_page and whole_page.count('id="found-count"') == 1


def test_a_definition_opens_beside_any_customer(entered: dict[str, Client]) -> None:
    page = entered[Role.WEALTH_MANAGER].get("/customers/tags/aum/")
    assert page.status_code == 200 and base().bank.catalogue["aum"].title_zh in page.content.decode()
    assert entered[Role.WEALTH_MANAGER].get("/customers/tags/nothing/").status_code == 404
    assert entered[Role.TELLER].get("/customers/tags/aum/").status_code == 403
    walled = next(
        t.name for t in base().bank.catalogue.tags
        if not {"service", "compliance"} <= {str(p) for p in base().bank.catalogue.purposes(t.name)}
        and "compliance" in {str(p) for p in base().bank.catalogue.purposes(t.name)}
    )  # fmt: skip
    assert entered[Role.WEALTH_MANAGER].get(f"/customers/tags/{walled}/").status_code == 404
    assert entered[Role.COMPLIANCE].get(f"/customers/tags/{walled}/").status_code == 200
    assert walled not in {
        h.title for g in found(Person.objects.get(username="demo-wealth-manager"), walled) for h in g.hits
    }
