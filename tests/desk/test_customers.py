"""Search, lists, the page of one customer: scope before anything, masks by role, nothing typed is kept."""

from __future__ import annotations

import logging
import re
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone

from quanke_desk.customers import actions, ordering, portrait, queries
from quanke_desk.customers.at_night import reading
from quanke_desk.customers.sight import sight_of
from quanke_desk.foundation import outbox
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import AuditEntry, Opening, Person
from quanke_desk.foundation.roles import Role
from quanke_desk.foundation.scope import OutOfScope, rows, scope_of


def first_of(person: Person, column: str = "phone", inside: bool = True) -> tuple[int, dict[str, Any]]:
    """A person in (or outside) a scope who has a field and an account, with his golden record."""
    flags = rows(scope_of(person))
    for customer in np.flatnonzero(flags if inside else ~flags & base().there).tolist():
        golden = {f.name: f.value for f in reading().golden(customer)}
        if golden.get(column) and base().row(customer, ["accounts_open"])["accounts_open"]:
            return customer, golden
    raise AssertionError("nobody like that in the sample")


def opened(client: Client, customer: int) -> None:
    """Opens a customer for a purpose, as who searches the whole bank has to."""
    given = {"customer": customer, "purpose": "investigation", "reason": "核查"}
    assert client.post("/customers/open/", given)["Location"] == f"/customers/{customer}/"


def said(page: str) -> str:
    """What a page says beside tokens and numbers of customers."""
    text = re.sub(r'"[A-Za-z0-9]{64}"', "", page.split('id="content"')[1])
    return re.sub(r'value="\d+"', "", text)


def post(client: Client, text: str) -> Any:
    return client.post("/customers/", {"text": text})


def test_a_manager_finds_his_own_by_name_and_phone(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    manager = desk[Role.WEALTH_MANAGER]
    customer, golden = first_of(manager)
    for text in (golden["name"], golden["phone"], golden["id_number"], str(customer)):
        answer = post(entered[Role.WEALTH_MANAGER], text).context["answer"]
        assert customer in [row["customer"] for row in answer.found], "found"
        assert answer.count == len(answer.found)
        [row] = [r for r in answer.found if r["customer"] == customer]
        assert row["name"] == golden["name"]


def test_nothing_of_others_is_counted(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    manager = desk[Role.WEALTH_MANAGER]
    customer, golden = first_of(manager, inside=False)
    by_name = post(entered[Role.WEALTH_MANAGER], golden["name"]).context["answer"]
    inside = rows(scope_of(manager))
    assert all(inside[r["customer"]] for r in by_name.found) and not by_name.outside
    for text in (golden["phone"], golden["id_number"], str(customer)):
        answer = post(entered[Role.WEALTH_MANAGER], text).context["answer"]
        assert customer not in [r["customer"] for r in answer.found]
        assert customer in [hit.customer for hit in answer.outside]
    assert not post(entered[Role.ANALYST], golden["phone"]).context["answer"].outside
    part = post(entered[Role.WEALTH_MANAGER], golden["phone"][:7]).context["answer"]
    assert not part.outside, "a part of a number finds nobody outside"


def test_what_is_typed_stands_nowhere(
    desk: dict[str, Person], entered: dict[str, Client], caplog: pytest.LogCaptureFixture
) -> None:
    _, golden = first_of(desk[Role.WEALTH_MANAGER], inside=False)
    client = entered[Role.WEALTH_MANAGER]
    with caplog.at_level(logging.DEBUG):
        answer = post(client, golden["phone"])
        text = answer.content.decode()
        client.get("/customers/", {"q": golden["phone"], "text": golden["phone"]})
    assert golden["phone"] not in caplog.text
    assert not re.search(rf'(href|action)="[^"]*{golden["phone"]}', text)
    kept = [str(e.detail) + e.subject + e.reason for e in AuditEntry.objects.all()]
    assert not any(golden["phone"] in k or golden["name"] in k for k in kept)
    form = re.search(r'<form[^>]*role="search"[^>]*>', text.split('id="content"')[1])
    assert form and 'method="post"' in form[0]
    assert "answer" not in (client.get("/customers/", {"q": golden["phone"]}).context or {}), "not by address"


def test_opening_outside_takes_a_purpose_and_is_on_record(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    manager, client = desk[Role.WEALTH_MANAGER], entered[Role.WEALTH_MANAGER]
    customer, golden = first_of(manager, inside=False)
    page = client.get(f"/customers/{customer}/")
    assert page.status_code == 200 and golden["name"] not in page.content.decode()
    assert client.get(f"/customers/{customer}/part/money/").status_code == 404
    nobody = client.get(f"/customers/{base().night.rows + 5}/").content.decode()
    assert said(nobody) == said(page.content.decode()), "no oracle"
    assert (
        client.post("/customers/open/", {"customer": customer, "purpose": "", "reason": "x"}).status_code
        == 302
    )
    assert not Opening.objects.filter(customer=customer).exists()
    given = {"customer": customer, "purpose": "serve", "reason": "客户在柜台"}
    assert client.post("/customers/open/", given)["Location"] == f"/customers/{customer}/"
    text = client.get(f"/customers/{customer}/").content.decode()
    assert golden["name"] not in text and "*" in text
    assert client.get(f"/customers/{customer}/part/money/").status_code == 200
    entry = AuditEntry.objects.filter(action="customer.open_outside").latest("id")
    assert entry.purpose == "serve" and entry.subject == f"customer:{customer}"


def test_a_reason_with_a_number_in_it_is_refused(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    customer, golden = first_of(desk[Role.WEALTH_MANAGER], inside=False)
    given = {"customer": customer, "purpose": "serve", "reason": f"来电 {golden['phone']}"}
    entered[Role.WEALTH_MANAGER].post("/customers/open/", given)
    assert not Opening.objects.filter(customer=customer).exists()


def test_masked_fields_open_one_by_one(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    client = entered[Role.COMPLIANCE]
    customer, golden = first_of(desk[Role.COMPLIANCE])
    opened(client, customer)
    text = client.get(f"/customers/{customer}/").content.decode()
    assert golden["phone"] not in text and golden["id_number"] not in text and golden["name"] not in text
    given = {"field": "phone", "purpose": "investigation", "reason": "核查"}
    assert client.post(f"/customers/{customer}/show/", given).status_code == 302
    text = client.get(f"/customers/{customer}/").content.decode()
    assert golden["phone"] in text and golden["id_number"] not in text
    entry = AuditEntry.objects.filter(action="customer.reveal").latest("id")
    assert entry.detail == {"field": "phone"} and golden["phone"] not in entry.reason
    other = entered[Role.RISK].get(f"/customers/{customer}/").context
    assert other["asks"], "what one opened another has not"
    opened(entered[Role.RISK], customer)
    text = entered[Role.RISK].get(f"/customers/{customer}/").content.decode()
    assert golden["phone"] not in text, "what one opened another has not"
    assert client.post(f"/customers/{customer}/show/", {**given, "field": "password"}).status_code == 200
    assert Opening.objects.filter(customer=customer).exclude(field="").count() == 1


@pytest.mark.parametrize("role", [Role.COMPLIANCE, Role.RISK])
def test_who_searches_the_bank_opens_nobody_without_a_purpose(
    desk: dict[str, Person], entered: dict[str, Client], role: str
) -> None:
    client, (customer, golden) = entered[role], first_of(desk[role])
    found = post(client, golden["phone"]).context["answer"].found
    assert [row["customer"] for row in found] == [customer]
    asks, parts = f"/customers/{customer}/", ("money", "cases", "family", "owners")
    page = client.get(asks)
    assert page.context["asks"] and golden["name"][1:] not in said(page.content.decode())
    unseen = [*(f"{asks}part/{part}/" for part in parts), f"{asks}tag/tier/", f"{asks}show/?field=phone"]
    assert {client.get(at).status_code for at in unseen} == {404}
    books = client.get(f"/books/customer/{customer}/")
    assert (books.status_code, books["Location"]) == (302, asks), "from the books, too, it asks for a purpose"
    assert client.get(f"/api/customers/{customer}").status_code == 404
    given = {"field": "phone", "purpose": "investigation", "reason": "核查"}
    assert client.post(f"{asks}show/", given).status_code == 404
    assert client.post("/customers/open/", {"customer": customer, "reason": "核查"}).status_code == 302
    assert not Opening.objects.exists()
    opened(client, customer)
    assert {client.get(at).status_code for at in unseen} == {200}
    entry = AuditEntry.objects.latest("id")
    told = (entry.person, entry.action, entry.subject, entry.purpose, entry.reason)
    assert told == (
        desk[role], "customer.open_outside", f"customer:{customer}", "investigation", "核查"
    )  # fmt: skip
    Opening.objects.update(until=timezone.now())
    assert client.get(asks).context["asks"], "what was opened closes by itself"


def test_an_analyst_sees_masked_rows_and_bands(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    customer, golden = first_of(desk[Role.ANALYST])
    client = entered[Role.ANALYST]
    listed = client.get("/customers/").context["listed"]
    assert listed.count == int(rows(scope_of(desk[Role.ANALYST])).sum())
    masked = reading().masked_names([r["number"][0] for r in listed.rows])
    assert [r["name"] for r in listed.rows] == [masked[r["number"][0]] for r in listed.rows]
    text = client.get(f"/customers/{customer}/").content.decode()
    assert golden["name"] not in text and golden["phone"] not in text and "万" in text
    assert client.get(f"/customers/{customer}/show/").status_code == 403


def test_lists_by_codes_are_of_the_scope_and_paged(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    inside = rows(scope_of(desk[Role.COMPLIANCE]))
    counts = base().counts("tier", inside)
    tier = max(counts, key=lambda t: counts[t])
    client = entered[Role.COMPLIANCE]
    listed = client.get("/customers/", {"tier": tier}).context["listed"]
    assert listed.count == counts[tier] > 50 and len(listed.rows) == 50
    second = client.get("/customers/", {"tier": tier, "page": "2"}).context["listed"]
    assert not {r["number"] for r in second.rows} & {r["number"] for r in listed.rows}
    assert client.get("/customers/", {"owner": "nobody"}).context["listed"].count == 0
    head = entered[Role.TEAM_HEAD].get("/customers/", {"tier": tier}).context["listed"]
    assert head.count == base().counts("tier", rows(scope_of(desk[Role.TEAM_HEAD])))[tier]


def test_every_part_of_the_page(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    for role in (Role.WEALTH_MANAGER, Role.COMPLIANCE, Role.ANALYST):
        customer, _ = first_of(desk[role])
        if role == Role.COMPLIANCE:
            opened(entered[role], customer)
        for part in (
            "money",
            "plan",
            "advice",
            "moves",
            "family",
            "contacts",
            "owners",
            "consents",
            "scores",
        ):
            at = f"/customers/{customer}/part/{part}/"
            whole, inner = entered[role].get(at), entered[role].get(at, headers={"HX-Request": "true"})
            assert whole.status_code == inner.status_code == 200, part
            assert "<html" in whole.content.decode() and "<html" not in inner.content.decode()
    assert entered[Role.WEALTH_MANAGER].get(f"/customers/{customer}/part/nothing/").status_code == 404


def test_findings_are_for_who_may(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    findings = base().night.table("findings").to_pylist()
    catalogue = base().bank.catalogue
    by_purpose = {
        purpose: next(f for f in findings if catalogue[f["check"]].purpose == purpose)
        for purpose in ("risk", "compliance")
    }
    for purpose, finding in by_purpose.items():
        customer = finding["customer"]
        for role, allowed in ((Role.RISK, purpose == "risk"), (Role.COMPLIANCE, True)):
            opened(entered[role], customer)
            told = portrait.cases(desk[role], sight_of(desk[role], customer))["findings"]
            assert (finding["check"] in {f["check"] for f in told}) == allowed
    manager = desk[Role.WEALTH_MANAGER]
    mine, _ = first_of(manager)
    assert entered[Role.WEALTH_MANAGER].get(f"/customers/{mine}/part/cases/").status_code == 404
    assert entered[Role.COMPLIANCE].get(f"/customers/{customer}/part/cases/").status_code == 200
    sight = sight_of(manager, mine)
    for name in base().known & set(catalogue):
        if str(catalogue[name].purpose) in ("risk", "compliance"):
            assert not sight.may_read(name, catalogue)
            assert entered[Role.WEALTH_MANAGER].get(f"/customers/{mine}/tag/{name}/").status_code == 404


def test_a_figure_opens_to_its_definition(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    customer, _ = first_of(desk[Role.WEALTH_MANAGER])
    client = entered[Role.WEALTH_MANAGER]
    page = client.get(f"/customers/{customer}/tag/tier/")
    told = page.context["expression"]
    assert "tier_rank" in told and page.context["fields"] and page.context["day"] == base().day
    assert client.get(f"/customers/{customer}/tag/credit_score_band/").status_code == 404
    assert entered[Role.RISK].get(f"/customers/{customer}/tag/credit_score_band/").status_code in (200, 404)
    assert client.get(f"/customers/{customer}/tag/nothing/").status_code == 404


def test_who_is_outside_is_nobody(desk: dict[str, Person]) -> None:
    customer, _ = first_of(desk[Role.WEALTH_MANAGER], inside=False)
    for number in (customer, -1, base().night.rows):
        with pytest.raises(OutOfScope):
            sight_of(desk[Role.WEALTH_MANAGER], number)
    assert queries.search(desk[Role.STAFF], "张").count == 0


def test_names_are_text(desk: dict[str, Person], entered: dict[str, Client], monkeypatch: Any) -> None:
    from quanke.night.reading import Reading

    evil = "<img src=x>{{7*7}}"
    monkeypatch.setattr(Reading, "names", lambda self, who: dict.fromkeys(who, evil))
    text = entered[Role.WEALTH_MANAGER].get("/customers/").content.decode()
    assert "<img src=x>" not in text and "&lt;img src=x&gt;{{7*7}}" in text


def test_the_api_answers_as_the_pages_do(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    customer, golden = first_of(desk[Role.WEALTH_MANAGER])
    client = entered[Role.WEALTH_MANAGER]
    found = client.post(
        "/api/customers/search", {"text": golden["phone"]}, content_type="application/json"
    ).json()
    assert [line["customer"] for line in found["found"]] == [customer]
    told = client.get(f"/api/customers/{customer}").json()
    assert told["name"] == golden["name"] and golden["phone"] not in str(told) and not told["masked"]
    other, _ = first_of(desk[Role.WEALTH_MANAGER], inside=False)
    assert client.get(f"/api/customers/{other}").status_code == 404
    assert client.get(f"/api/customers/{2**40}").status_code == 404
    assert (
        client.post("/api/customers/search", {"text": ""}, content_type="application/json").status_code == 422
    )


def test_what_is_only_told_to_others_is_in_no_panel(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    head = desk[Role.BRANCH_HEAD]
    customer, _ = first_of(head)
    outbox.tell(ordering.ORDERS, "1", {"order": 1}, customer=customer)
    outbox.tell("contact_proofs", "DESK-1", {"contact_id": "DESK-1"}, customer=customer)
    actions.record_consent(customer, "marketing", "sms", False, "counter", "F-1", by=head)
    shown = entered[Role.BRANCH_HEAD].get(f"/customers/{customer}/part/contacts/")
    assert shown.status_code == 200 and len(shown.context["pending"]) == 1
