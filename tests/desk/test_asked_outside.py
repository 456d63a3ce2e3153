"""Trying numbers: customers outside one's scope that are asked for are counted, and stopped at a limit."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from quanke_desk.foundation import asked_outside
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import AskedOutside, AuditEntry, Notice, Opening, ParameterValue, Person
from quanke_desk.foundation.roles import Role
from tests.desk.test_customers import first_of, post, said

MOST = 6


@pytest.fixture
def limit(desk: dict[str, Person]) -> int:
    since = timezone.localdate() - dt.timedelta(days=1)
    keeper = desk[Role.ADMINISTRATOR]
    ParameterValue.objects.create(name="opening.asked", value=MOST, since=since, by=keeper, reason="x")
    return MOST


def test_number_after_number_is_answered_no_more(
    desk: dict[str, Person], entered: dict[str, Client], limit: int
) -> None:
    manager, client = desk[Role.WEALTH_MANAGER], entered[Role.WEALTH_MANAGER]
    outside, golden = first_of(manager, inside=False)
    rows = base().night.rows
    numbers = [outside, rows + 1, rows + 2, 2**70]
    assert {client.get(f"/customers/{n}/").status_code for n in numbers} == {200}
    assert client.get(f"/customers/{outside}/part/money/").status_code == 404, "one customer counts once"
    assert client.get(f"/work/customers/{rows + 3}/").status_code == 404
    assert client.get(reverse("book_customer", args=[rows + 4])).status_code == 404
    assert AskedOutside.objects.filter(person=manager).count() == limit
    assert AuditEntry.objects.filter(action="customer.asked_outside", person=manager).count() == limit
    assert not asked_outside.asked_too_often(manager) and not Notice.objects.exists()
    there, nobody = (client.get(f"/customers/{n}/") for n in (outside + 1, rows + 9))
    assert there.status_code == 429 and "请联系合规部门" in there.content.decode()
    assert said(there.content.decode()) == said(nobody.content.decode()), "no oracle"
    assert client.get(f"/api/customers/{rows + 7}").status_code == 429
    given = {"customer": outside, "purpose": "serve", "reason": "客户在柜台"}
    client.post("/customers/open/", given)
    assert not Opening.objects.exists()
    answer = post(client, golden["phone"]).context["answer"]
    assert answer.too_many and not answer.outside
    [told] = Notice.objects.all()
    assert told.person.role == Role.COMPLIANCE and told.values == {"name": manager.name, "count": limit}
    assert AuditEntry.objects.filter(action="customer.asked_too_often").count() == 1, "once, not each time"
    mine, his = first_of(manager)
    assert client.get(f"/customers/{mine}/").status_code == 200, "his own are his own"
    assert post(client, his["phone"]).context["answer"].count
    AskedOutside.objects.update(at=timezone.now() - dt.timedelta(hours=1, minutes=1))
    client.post("/customers/open/", given)
    assert Opening.objects.filter(person=manager, customer=outside).exists(), "an hour later"


def test_searching_for_others_counts_found_or_not(
    desk: dict[str, Person], entered: dict[str, Client], limit: int
) -> None:
    teller, client = desk[Role.TELLER], entered[Role.TELLER]
    _, golden = first_of(teller, inside=False)
    texts = (golden["phone"], "13900000000", "13900000001")
    found = [len(post(client, text).context["answer"].outside) for text in (*texts, *texts)]
    assert found[0] and found[3] and AskedOutside.objects.filter(person=teller).count() == limit
    post(client, "张")
    assert AskedOutside.objects.filter(person=teller).count() == limit, "a name finds nobody outside"
    answers = [post(client, text).context["answer"] for text in texts]
    assert all(a.too_many and not a.outside for a in answers)
    kept = str(list(AuditEntry.objects.values_list("subject", "reason", "detail")))
    assert golden["phone"] not in kept and "13900000000" not in kept
    asked = {"text": golden["phone"]}
    told = client.post("/api/customers/search", asked, content_type="application/json")
    assert told.status_code == 429


@pytest.mark.parametrize("role", [Role.COMPLIANCE, Role.RISK])
def test_a_search_among_masked_rows_is_counted_and_on_record(
    desk: dict[str, Person], entered: dict[str, Client], limit: int, role: Role
) -> None:
    """By what is personal, found or not; by the customer's number as often as one likes."""
    person, client = desk[role], entered[role]
    customer, golden = first_of(person)
    for _each in range(limit + 2):
        assert post(client, str(customer)).context["answer"].count
    assert not AskedOutside.objects.exists()
    texts = (golden["phone"], golden["name"], "13900000000", "没有此人", golden["id_number"], golden["phone"])
    assert [bool(post(client, text).context["answer"].count) for text in texts] == [
        True, True, False, False, True, True,
    ]  # fmt: skip
    kept = list(AuditEntry.objects.filter(action="customer.search", person=person).order_by("id"))
    assert [e.detail["kinds"][0] for e in kept] == ["phone", "name", "number", "name", "document", "phone"]
    assert [e.detail["hits"] > 0 for e in kept] == [True, True, False, False, True, True]
    assert golden["phone"] not in str([(e.subject, e.reason, e.detail) for e in kept])
    answer = post(client, golden["phone"]).context["answer"]
    assert answer.too_many and not answer.count and not answer.found
    asked = {"text": golden["phone"]}
    told = client.post("/api/customers/search", asked, content_type="application/json")
    assert told.status_code == 429


def test_an_analyst_searches_by_customer_number_only(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    client = entered[Role.ANALYST]
    customer, golden = first_of(desk[Role.ANALYST])
    for text in (golden["name"], golden["phone"], golden["id_number"]):
        page = post(client, text)
        assert not page.context["answer"].found and "分析岗只能按客户号查询" in page.content.decode()
        told = client.post("/api/customers/search", {"text": text}, content_type="application/json").json()
        assert (told["count"], told["found"]) == (0, [])
    assert [r["customer"] for r in post(client, str(customer)).context["answer"].found] == [customer]
