"""What was granted of a correction or a deletion reaches the sources, and what they answer is seen."""

from __future__ import annotations

import datetime as dt
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from quanke_desk.books.models import DepartedCustomer, Departure
from quanke_desk.customers import actions, ordering, queries
from quanke_desk.customers.models import ConsentAnswer, ConsentPurpose, DataRequest, SourceOrder
from quanke_desk.customers.reminding import SOURCES, remind_of_sources
from quanke_desk.foundation import delivery, events, outbox
from quanke_desk.foundation.models import AuditEntry, Notice, Outgoing, Person, Post
from quanke_desk.foundation.outbox import OutboxError
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import Role
from quanke_desk.work.machines import make_key
from tests.desk.desk_home import home_to_load, rows_of
from tests.desk.test_customers import first_of
from tests.desk.test_customers_requests import asked_of, second, without_accounts

__all__ = ["second"]
PHONE = "13911112222"


def corrected(desk: dict[str, Person], right: str = PHONE) -> DataRequest:
    customer, _ = first_of(desk[Role.BRANCH_HEAD])
    made = asked_of(customer, "correction", desk[Role.BRANCH_HEAD], field="phone", right=right)
    return actions.decide_request(made.pk, True, "身份已核实", by=desk[Role.COMPLIANCE])


def test_a_corrected_number_finds_the_customer_before_the_sources_have_it(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    def found(role: str, text: str) -> tuple[list[int], list[int]]:
        answer = entered[role].post("/customers/", {"text": text}).context["answer"]
        return [r["customer"] for r in answer.found], [h.customer for h in answer.outside]

    customer, golden = first_of(desk[Role.BRANCH_HEAD])
    made = asked_of(customer, "correction", desk[Role.BRANCH_HEAD], field="phone", right=PHONE)
    assert found(Role.BRANCH_HEAD, PHONE) == ([], []), "not before it is granted"
    actions.decide_request(made.pk, True, "身份已核实", by=desk[Role.COMPLIANCE])
    for text in (PHONE, f"+86 {PHONE[:3]} {PHONE[3:7]} {PHONE[7:]}"):
        assert found(Role.BRANCH_HEAD, text) == ([customer], [])
    assert found(Role.TELLER, PHONE) == ([], [customer]), "outside a scope it names him, too"
    assert found(Role.COMPLIANCE, PHONE) == ([customer], [])
    assert found(Role.ANALYST, PHONE) == ([], []), "masked rows are found by customer number only"
    assert found(Role.ANALYST, str(customer)) == ([customer], [])
    assert found(Role.BRANCH_HEAD, PHONE[:7])[0] == found(Role.BRANCH_HEAD, PHONE[2:])[0] == []
    assert customer in found(Role.BRANCH_HEAD, golden["phone"])[0], "the old one, too, till sources say"
    for one in made.orders.all():
        ordering.answer(one.pk, True, f"CHG-{one.pk}", by=desk[Role.COMPLIANCE])
    made.refresh_from_db()
    assert made.value is None and made.value_phone is None and made.value_text is None
    assert found(Role.BRANCH_HEAD, PHONE) == ([], []), "the night says it from now on"


def deleted(desk: dict[str, Person], second: Person) -> int:
    customer = without_accounts(desk)
    made = asked_of(customer, "deletion", desk[Role.COMPLIANCE])
    actions.decide_request(made.pk, True, "可以删除", by=desk[Role.COMPLIANCE])
    actions.decide_deletion(made.pk, True, "复核同意", by=second)
    return customer


def key_of(desk: dict[str, Person], source: str) -> dict[str, str]:
    made = make_key("core", "sources", None, by=desk[Role.ADMINISTRATOR], source=source)
    return {"X-Quanke-Key": made[1]}


def told_of(made: DataRequest) -> list[dict[str, Any]]:
    """Events of the orders of a request, as a broker is told."""
    rows = Outgoing.objects.filter(table="source_orders").order_by("id")
    return [e for e in (json.loads(events._event(0, row).body) for row in rows) if
            e["row"]["request"] == made.pk]  # fmt: skip


def test_a_correction_is_told_to_every_source_without_a_value(desk: dict[str, Person]) -> None:
    made = corrected(desk)
    sources = ordering.records_of(made.customer)
    told = told_of(made)
    assert sources and [e["row"]["source"] for e in told] == sorted(sources)
    first = told[0]
    assert first["customer"] == made.customer and first["seq"][1] == Outgoing.objects.first().pk  # type: ignore[union-attr]
    assert first["row"] | {"order": 0, "due_on": "", "source": ""} == {
        "order": 0, "request": made.pk, "source": "", "decision": "correct", "field": "phone",
        "form": "F-2026-001", "due_on": "",
    }  # fmt: skip
    assert first["row"]["due_on"] > timezone.localdate().isoformat()
    everything = json.dumps(told) + json.dumps(list(Outgoing.objects.values_list("row", flat=True)))
    records = [number for numbers in sources.values() for number in numbers]
    assert PHONE not in everything and not any(number in everything for number in records)
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM customers_datarequest WHERE id = %s", [made.pk])
        assert PHONE.encode() not in bytes(cursor.fetchone()[0])
    assert not any(PHONE in str(e.detail) for e in AuditEntry.objects.all())


def test_what_is_refused_orders_nothing_and_keeps_no_value(desk: dict[str, Person]) -> None:
    customer, _ = first_of(desk[Role.BRANCH_HEAD])
    made = asked_of(customer, "correction", desk[Role.BRANCH_HEAD], field="phone", right=PHONE)
    assert made.value is not None
    actions.decide_request(made.pk, False, "证明不足", by=desk[Role.COMPLIANCE])
    assert DataRequest.objects.get(pk=made.pk).value is None and not SourceOrder.objects.exists()
    with pytest.raises(NotAllowed, match="right value"):
        asked_of(customer, "access", desk[Role.BRANCH_HEAD], right=PHONE)


def test_no_delivery_takes_what_only_others_are_told(
    desk: dict[str, Person], after_june: Path, tmp_path: Path, settings: Any
) -> None:
    corrected(desk)
    settings.QUANKE_HOME = str(home_to_load(after_june, tmp_path / "home"))
    assert not delivery.something_waits()
    assert delivery.deliver().batches == [] and Outgoing.objects.exists()
    for table, row in (("contacts", {}), ("source_orders", {"phone": "1"})):
        with pytest.raises(OutboxError):
            outbox.tell(table, "1", row, customer=7)


def test_a_source_takes_its_order_by_its_key_and_answers_once(desk: dict[str, Person]) -> None:
    made = corrected(desk)
    one = made.orders.all()[0]
    headers, client = key_of(desk, one.source), Client()
    other = key_of(desk, "elsewhere")
    assert client.get("/api/sources/orders").status_code == 401
    assert client.get("/api/sources/orders", headers=other).json() == []
    listed = client.get("/api/sources/orders", headers=headers).json()
    assert [o["order"] for o in listed] == [one.pk] and PHONE not in json.dumps(listed)
    at = f"/api/sources/orders/{one.pk}"
    assert client.get(at, headers=other).status_code == 404
    whole = client.get(at, headers=headers).json()
    assert whole["value"] == PHONE and whole["records"] == ordering.records_of(made.customer)[one.source]
    assert AuditEntry.objects.filter(action="customer.order_fetched").count() == 1
    told = {"done": True, "proof": "CHG-2026-88"}
    for headers_, body, status in (
        (other, told, 404), (headers, told, 200), (headers, told, 200),
        (headers, {**told, "done": False}, 422), (headers, {**told, "proof": PHONE}, 422),
    ):  # fmt: skip
        answer = client.post(f"{at}/answer", body, content_type="application/json", headers=headers_)
        assert answer.status_code == status
    one.refresh_from_db()
    assert one.done is True and one.answered_at and one.answered_by is None
    assert client.get(at, headers=headers).status_code == 409, "the value is given no more"
    for left in made.orders.filter(answered_at=None):
        assert DataRequest.objects.get(pk=made.pk).value is not None
        ordering.answer(left.pk, True, "CHG-2", by=desk[Role.COMPLIANCE])
    assert DataRequest.objects.get(pk=made.pk).value is None, "nobody needs it any more"


def test_a_key_names_its_source(desk: dict[str, Person]) -> None:
    for use, source in (("sources", ""), ("receipts", "core")):
        with pytest.raises(NotAllowed, match="names its code"):
            make_key("x", use, None, by=desk[Role.ADMINISTRATOR], source=source)
    out = StringIO()
    words = ["machine_key", "--name", "Core", "--use", "sources", "--source", "core"]
    call_command(*words, "--by", "demo-administrator", stdout=out)
    answer = Client().get("/api/sources/orders", headers={"X-Quanke-Key": out.getvalue().strip()})
    assert answer.status_code == 200


def test_the_page_says_who_has_not_answered(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    made = corrected(desk)
    one, client, at = made.orders.all()[0], entered[Role.COMPLIANCE], f"/customers/requests/{made.pk}/"
    text = client.get(at).content.decode()
    assert one.source in text and "尚未答复" in text and PHONE not in text and "•••" in text
    made.orders.update(due_on=dt.date(2020, 1, 2))
    assert "已逾期" in client.get(at).content.decode()
    listed = client.get("/customers/requests/")
    assert listed.context["late"] == made.orders.count() and "sources-late" in listed.content.decode()
    own = entered[Role.BRANCH_HEAD].get(at).content.decode()
    assert one.source in own and "受理编号" not in own, "who asked sees it and decides nothing"
    told = {"order": one.pk, "proof": "CHG-1", "do": "done"}
    assert entered[Role.BRANCH_HEAD].post(f"{at}order/", told).status_code in (302, 403)
    one.refresh_from_db()
    assert one.answered_at is None
    client.post(f"{at}order/", told)
    one.refresh_from_db()
    assert one.done is True and one.answered_by == desk[Role.COMPLIANCE]
    assert "CHG-1" in client.get(at).content.decode()
    assert client.post(f"{at}order/", {**told, "order": "x"}).status_code == 404


def test_a_source_that_is_silent_or_cannot(desk: dict[str, Person]) -> None:
    made = corrected(desk)
    today = timezone.localdate()
    assert remind_of_sources(today - dt.timedelta(days=30)) == 0
    made.orders.update(due_on=today - dt.timedelta(days=1))
    assert remind_of_sources(today) >= 1 and remind_of_sources(today) == 0, "once a day"
    told = Notice.objects.filter(text=SOURCES)
    assert {n.person.role for n in told} == {Role.COMPLIANCE}
    assert told[0].values["late"] == made.orders.count()
    one = made.orders.all()[0]
    ordering.answer(one.pk, False, "NO-1", by=None, source=one.source)
    assert Notice.objects.filter(text=ordering.COULD_NOT, person__role=Role.COMPLIANCE).exists()
    told.delete()
    made.orders.filter(answered_at=None).update(answered_at=timezone.now())
    assert remind_of_sources(today) == 0


def test_the_command(desk: dict[str, Person]) -> None:
    one = corrected(desk).orders.all()[0]
    out = StringIO()
    call_command("answer_order", str(one.pk), "--proof", "CHG-9", "--by", "demo-compliance", stdout=out)
    one.refresh_from_db()
    assert one.done is True and "noted" in out.getvalue()
    for words, said in (
        ([str(one.pk), "--by", "demo-compliance", "--not-done"], "answered already"),
        ([str(one.pk), "--by", "demo-teller"], "your role"),
        (["999999", "--by", "demo-compliance"], "no such order"),
        ([str(one.pk), "--by", "nobody"], "nobody has"),
    ):
        with pytest.raises(CommandError, match=said):
            call_command("answer_order", *words, "--proof", "CHG-9", stdout=StringIO())


def test_a_deletion_ends_every_consent_in_the_librarys_tables(
    desk: dict[str, Person], second: Person, after_june: Path, tmp_path: Path, settings: Any
) -> None:
    """The next night reads the withdrawals: it offers him nothing, and makes no score of him."""
    customer = deleted(desk, second)
    standing = queries.consents_of(customer)
    assert {s.given for s in standing} == {False} and len(standing) == 8
    assert customer in queries.refused_here("sms") and customer in queries.refused_here(
        "any", ConsentPurpose.PROFILING
    )
    request = DataRequest.objects.get(customer=customer)
    assert [e["row"]["decision"] for e in told_of(request)] == ["deleted"] * request.orders.count()
    assert request.orders.exists()
    home = home_to_load(after_june, tmp_path / "home")
    settings.QUANKE_HOME = str(home)
    assert delivery.deliver().refused == 0
    ours = [r for r in rows_of(home, "consents") if str(r["consent_id"]).startswith("DESK-")]
    assert {(r["purpose"], r["means"]) for r in ours} == {(s.purpose, s.means) for s in standing}
    assert all(r["customer"] == customer and r["withdrawn_on"] == timezone.localdate() for r in ours)


def test_a_deletion_takes_what_a_left_book_wrote_down(desk: dict[str, Person], second: Person) -> None:
    today, customer = timezone.localdate(), without_accounts(desk)
    gone = Departure.objects.create(
        person=desk[Role.STAFF], post=Post.objects.all()[0], left_on=today, due_on=today, watch_until=today
    )
    for who in (customer, customer + 1):
        DepartedCustomer.objects.create(departure=gone, customer=who, aum="12345", outcome="content")
    deleted(desk, second)
    assert [(d.aum is None, d.outcome is None) for d in gone.customers.order_by("customer")] == [
        (True, True), (False, False),
    ]  # fmt: skip


def test_nothing_is_half_done(
    desk: dict[str, Person], second: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event that cannot be put takes the decision back with it."""
    customer = without_accounts(desk)
    made = asked_of(customer, "deletion", desk[Role.COMPLIANCE])
    actions.decide_request(made.pk, True, "可以删除", by=desk[Role.COMPLIANCE])

    def fails(*_: Any, **__: Any) -> None:
        raise OutboxError("full")

    monkeypatch.setattr(outbox, "tell", fails)
    with pytest.raises(OutboxError):
        actions.decide_deletion(made.pk, True, "复核同意", by=second)
    made.refresh_from_db()
    assert made.state == "asked" and not made.orders.exists() and not ConsentAnswer.objects.exists()
    assert customer not in queries.hidden()
