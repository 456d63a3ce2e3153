"""Every address and operation about a customer, as every role: somebody else's customer is shown nowhere."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from quanke_desk.books.models import Choice, Transfer
from quanke_desk.customers.models import ConsentAnswer, DataRequest
from quanke_desk.customers.pages import PARTS
from quanke_desk.foundation.models import Opening, Person
from quanke_desk.foundation.roles import BOOK_ROLES, May, Role
from quanke_desk.work.models import Contact, FollowUp
from tests.desk.test_addresses import addresses, operations
from tests.desk.test_customers import first_of

ABOUT = re.compile(r"(customers|work/customers|books/customer)/<int:number>/")
OPERATION = re.compile(r"/api/(?:customers|books/relations)/\{(?:number|customer)\}")
SCOPED = (*BOOK_ROLES, Role.TEAM_HEAD, Role.BRANCH_HEAD, Role.LOBBY, Role.TELLER)
SHOWN = ("name", "phone", "id_number", "address")
WRITTEN = (ConsentAnswer, DataRequest, Contact, FollowUp, Transfer, Choice, Opening)
SENT = {
    "do": "record", "reason": "x", "purpose": "service", "channel": "branch", "proof": "F-1",
    "kind": "access", "about": "x", "marketing.sms": "yes", "sharing.any": "no", "field": "phone",
    "means": "call", "outcome": "served", "post": "P010001", "to": "P010001", "from": "2026-07-01",
}  # fmt: skip


def pages_of(customer: int) -> list[tuple[str, str, May]]:
    """Name, address and what is asked of a role, of every page about a customer and each of its parts."""
    found = []
    for pattern in addresses():
        if not ABOUT.match(str(pattern.pattern)):
            continue
        words: dict[str, list[dict[str, Any]]] = {
            "customer_part": [{"part": part} for part in PARTS],
            "customer_tag": [{"name": "aum"}, {"name": "tier"}],
        }
        may: Any = pattern.callback.may  # type: ignore[union-attr]
        for more in words.get(str(pattern.name), [{}]):
            path = reverse(str(pattern.name), kwargs={"number": customer, **more})
            found.append((str(pattern.name), path, may))
    return found


def values(golden: dict[str, Any]) -> list[str]:
    return [str(golden[name]) for name in SHOWN if golden.get(name)]


def test_there_are_pages_about_a_customer() -> None:
    names = {name for name, _path, _may in pages_of(1)}
    assert names >= {"customer", "customer_part", "customer_tag", "customer_consents", "customer_requests",
                     "customer_show", "work_customer", "book_customer"}  # fmt: skip


@pytest.mark.parametrize("role", SCOPED)
def test_a_customer_outside_is_shown_nowhere(
    desk: dict[str, Person], entered: dict[str, Client], role: str
) -> None:
    customer, golden = first_of(desk[role], inside=False)
    before = [model.objects.count() for model in WRITTEN]
    for name, path, may in pages_of(customer):
        for ask in (entered[role].get, lambda path: entered[role].post(path, SENT)):
            answer = ask(path)
            text = answer.content.decode() if not answer.streaming else ""
            told = [n for n in SHOWN if golden.get(n) and str(golden[n]) in text]
            assert not told, f"{name} as {role} shows {told} of somebody else's customer"
            if not desk[role].may(may):
                assert answer.status_code == 403, f"{name} as {role}: {answer.status_code}"
            elif name != "customer":  # which asks for a purpose, and shows a masked name
                assert answer.status_code in (302, 404, 405), f"{name} as {role}: {answer.status_code}"
    for method, path, allowed in operations():
        if OPERATION.match(path):
            at = re.sub(r"{[^}]*}", str(customer), path)
            answer = entered[role].generic(method, at, "{}", content_type="application/json")
            refused = (404, 405, 422) if allowed and desk[role].may(allowed) else (401, 403)
            assert answer.status_code in refused, f"{method} {path} as {role}: {answer.status_code}"
            assert not any(v in answer.content.decode() for v in values(golden))
    assert [model.objects.count() for model in WRITTEN] == before, "nothing was written about him"


@pytest.mark.parametrize("role", (Role.CUSTOMER_MANAGER, Role.WEALTH_MANAGER, Role.BRANCH_HEAD))
def test_a_customer_inside_is_shown(desk: dict[str, Person], entered: dict[str, Client], role: str) -> None:
    """What the walk above is worth."""
    customer, golden = first_of(desk[role])
    page = entered[role].get(reverse("customer", args=[customer]))
    assert page.status_code == 200 and golden["name"] in page.content.decode()


@pytest.mark.parametrize("role", (Role.ANALYST, Role.COMMITTEE))
def test_who_sees_masked_rows_sees_no_value(
    desk: dict[str, Person], entered: dict[str, Client], role: str
) -> None:
    customer, golden = first_of(desk[Role.COMPLIANCE])
    for name, path, _may in pages_of(customer):
        answer = entered[role].get(path)
        assert answer.status_code < 500 and not any(v in answer.content.decode() for v in values(golden)), (
            name
        )
