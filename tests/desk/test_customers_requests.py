"""Requests about personal data: deadlines, four eyes for deletion, retention, a copy given out once."""

from __future__ import annotations

import datetime as dt
import io
import json
import zipfile
from typing import Any

import numpy as np
import pytest
from django.apps import apps
from django.test import Client
from django.utils import timezone

from quanke.kernel.calendars import working_days_between
from quanke_desk.books.models import Choice
from quanke_desk.campaigns.models import Block, Receipt, Send
from quanke_desk.customers import actions, queries, reminding
from quanke_desk.customers.consenting import hidden, may_contact
from quanke_desk.customers.copying import copy_of
from quanke_desk.customers.models import DataRequest, RequestKind, RequestState, Restriction, RestrictionKind
from quanke_desk.foundation import approvals, parameters
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import AuditEntry, Notice, Opening, Person, Post
from quanke_desk.foundation.notices import said
from quanke_desk.foundation.opening import open_customer
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import Role
from quanke_desk.foundation.scope import rows, scope_of
from quanke_desk.work.actions import Said, record_contact
from quanke_desk.work.lobby_actions import arrive
from quanke_desk.work.models import Arrival, Suggestion
from tests.desk.test_customers import first_of, opened, post


@pytest.fixture
def second(desk: dict[str, Person]) -> Person:
    """Another person of compliance."""
    return Person.objects.create(username="second", name="复核", role=Role.COMPLIANCE)


def without_accounts(desk: dict[str, Person]) -> int:
    """Somebody the bank knows who never had an account: nothing has to be kept of him."""
    codes, numbers = base().codes("stage")
    never = (codes == numbers["prospect"]) & rows(scope_of(desk[Role.COMPLIANCE]))
    return int(np.flatnonzero(never)[0])


def asked_of(customer: int, kind: str, by: Person, **more: Any) -> DataRequest:
    if scope_of(by).asks:
        open_customer(by, customer, "data_request", "客户来函")
    return actions.record_request(customer, kind, "客户书面申请", "F-2026-001", by=by, **more)


def test_a_deadline_in_working_days(desk: dict[str, Person]) -> None:
    customer, _ = first_of(desk[Role.BRANCH_HEAD])
    made = asked_of(customer, "access", desk[Role.BRANCH_HEAD])
    assert working_days_between(made.received_on, made.due_on) == parameters.value("request.workdays") == 15
    with pytest.raises(NotAllowed, match="asked already"):
        asked_of(customer, "access", desk[Role.BRANCH_HEAD])


def test_corrections_of_two_fields_stand_beside_each_other(desk: dict[str, Person]) -> None:
    customer, _ = first_of(desk[Role.BRANCH_HEAD])
    made = [
        asked_of(customer, "correction", desk[Role.BRANCH_HEAD], field=field, right=right)
        for field, right in (("phone", "13911112222"), ("email", "a@b.example"))
    ]
    with pytest.raises(NotAllowed, match="asked already"):
        asked_of(customer, "correction", desk[Role.BRANCH_HEAD], field="phone", right="13911113333")
    for one in made:
        decided = actions.decide_request(one.pk, True, "身份已核实", by=desk[Role.COMPLIANCE])
        assert decided.state == RequestState.GRANTED and decided.orders.exists()
    assert asked_of(customer, "correction", desk[Role.BRANCH_HEAD], field="phone", right="13911113333")


@pytest.mark.parametrize(
    ("kind", "more", "rule"),
    [
        ("cooking", {}, "kind"),
        ("correction", {}, "field"),
        ("access", {"field": "phone"}, "field"),
        ("access", {"received_on": dt.date(2020, 1, 2)}, "received"),
    ],
)
def test_what_breaks_a_rule_is_not_recorded(
    desk: dict[str, Person], kind: str, more: dict[str, Any], rule: str
) -> None:
    customer, _ = first_of(desk[Role.BRANCH_HEAD])
    with pytest.raises(NotAllowed, match=rule):
        asked_of(customer, kind, desk[Role.BRANCH_HEAD], **more)


def test_who_decides_is_reminded_once_a_day(desk: dict[str, Person]) -> None:
    from quanke_desk.customers.reminding import TEXT, remind

    customer, _ = first_of(desk[Role.BRANCH_HEAD])
    made = asked_of(customer, "explanation", desk[Role.BRANCH_HEAD])
    day = made.received_on
    assert remind(day) == 0, "the deadline is far"
    DataRequest.objects.filter(pk=made.pk).update(due_on=day)
    assert remind(day) >= 1 and remind(day) == 0, "once"
    told = Notice.objects.filter(text=TEXT)
    assert {n.person.role for n in told} == {Role.COMPLIANCE}
    assert told[0].values["count"] == 1 and told[0].values["late"] == 0
    told.delete()
    assert remind(day + dt.timedelta(days=1)) >= 1
    assert Notice.objects.filter(text=TEXT)[0].values["late"] == 1


def test_overdue_ones_are_said_so(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    customer, _ = first_of(desk[Role.BRANCH_HEAD])
    made = asked_of(customer, "explanation", desk[Role.BRANCH_HEAD])
    assert not entered[Role.COMPLIANCE].get("/customers/requests/").context["overdue"]
    DataRequest.objects.filter(pk=made.pk).update(due_on=dt.date(2020, 1, 2))
    page = entered[Role.COMPLIANCE].get("/customers/requests/")
    assert page.context["overdue"] == 1 and page.context["listed"].rows[0]["overdue"]
    assert entered[Role.TELLER].get("/customers/requests/").context["overdue"] == 0, "others' are not theirs"
    assert entered[Role.TELLER].get(f"/customers/requests/{made.pk}/").status_code == 404


def test_deletion_takes_two_and_hides_at_once(
    desk: dict[str, Person], entered: dict[str, Client], second: Person
) -> None:
    compliance, customer = desk[Role.COMPLIANCE], without_accounts(desk)
    analyst = entered[Role.ANALYST]
    before = analyst.get("/customers/").context["listed"].count
    assert [r["customer"] for r in post(analyst, str(customer)).context["answer"].found] == [customer]
    made = asked_of(customer, "deletion", compliance)
    assert actions.decide_request(made.pk, True, "可以删除", by=compliance).state == RequestState.ASKED
    with pytest.raises(NotAllowed, match="does not decide"):
        actions.decide_deletion(made.pk, True, "自批", by=compliance)
    assert not Restriction.objects.exists()
    done = actions.decide_deletion(made.pk, True, "复核同意", by=second)
    assert done.state == RequestState.GRANTED and done.decided_by == second
    assert Restriction.objects.get(customer=customer).kind == "deleted"
    assert post(analyst, str(customer)).context["answer"].count == 0
    assert analyst.get("/customers/").context["listed"].count == before - 1
    assert analyst.get(f"/customers/{customer}/").status_code == 404
    assert not queries.may_contact(customer, "call") and customer in queries.refused_here("sms")
    assert not queries.may_contact(customer, "call", "service")
    assert "sight" in entered[Role.COMPLIANCE].get(f"/customers/{customer}/").context
    Opening.objects.all().delete()
    given = {"customer": customer, "purpose": "data_request", "reason": "核对结果"}
    entered[Role.RISK].post("/customers/open/", given)
    assert not Opening.objects.exists(), "whoever decides no deletions sees nothing of them"
    entered[Role.COMPLIANCE].post("/customers/open/", given)
    assert "sight" in entered[Role.COMPLIANCE].get(f"/customers/{customer}/").context
    assert AuditEntry.objects.filter(action="customer.restrict", subject=f"customer:{customer}").exists()


def test_a_refused_deletion_leaves_the_request_open(desk: dict[str, Person], second: Person) -> None:
    compliance, customer = desk[Role.COMPLIANCE], without_accounts(desk)
    made = asked_of(customer, "deletion", compliance)
    actions.decide_request(made.pk, True, "可以删除", by=compliance)
    assert actions.decide_deletion(made.pk, False, "资料不全", by=second).state == RequestState.OPEN
    assert not Restriction.objects.exists()
    again = actions.decide_request(made.pk, True, "补齐资料", by=compliance)
    assert again.approval is not None
    approvals.decide(again.approval, False, by=second, answer="仍不全")  # on the page of approvals
    assert actions.reopen_refused() == 1 and actions.reopen_refused() == 0
    assert actions.decide_request(made.pk, False, "不符合条件", by=second).state == RequestState.REFUSED


def test_a_request_is_due_from_the_day_it_came_in(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    customer, _ = first_of(desk[Role.BRANCH_HEAD])
    at, today = f"/customers/{customer}/requests/", timezone.localdate()
    assert (
        f'name="received_on" type="date" value="{today}"'
        in entered[Role.BRANCH_HEAD].get(at).content.decode()
    )
    given = {"kind": "access", "about": "书面申请", "proof": "F-2026-002"}
    for days in (-1, 61):
        refused = {**given, "received_on": (today - dt.timedelta(days=days)).isoformat()}
        entered[Role.BRANCH_HEAD].post(at, refused)
    assert not DataRequest.objects.exists()
    came = today - dt.timedelta(days=20)
    entered[Role.BRANCH_HEAD].post(at, {**given, "received_on": came.isoformat()})
    made = DataRequest.objects.get()
    assert made.received_on == came and working_days_between(came, made.due_on) == 15


@pytest.mark.parametrize(
    ("last", "until"),
    [
        (dt.date(2026, 2, 28), dt.date(2036, 2, 28)),
        (dt.date(2026, 3, 31), dt.date(2036, 3, 31)),
        (dt.date(2024, 2, 29), dt.date(2034, 3, 1)),
    ],
)
def test_what_is_kept_is_kept_to_the_day(
    desk: dict[str, Person], monkeypatch: pytest.MonkeyPatch, last: dt.date, until: dt.date
) -> None:
    customer, _ = first_of(desk[Role.COMPLIANCE])
    ended = {"accounts_open": 0, "last_transaction_on": last}
    monkeypatch.setattr("quanke_desk.customers.at_night.AtNight.row", lambda *_: ended)
    none = {"closed_on": type("Column", (), {"to_pylist": lambda _: []})()}
    monkeypatch.setattr(
        "quanke_desk.customers.actions.reading", lambda: type("R", (), {"rows": lambda *_: none})()
    )
    assert actions.retention(customer) == ("storage_only", until)


def test_retention_comes_before_deletion(
    desk: dict[str, Person], second: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    compliance = desk[Role.COMPLIANCE]
    customer, _ = first_of(compliance)
    made = asked_of(customer, "deletion", compliance)
    with pytest.raises(NotAllowed, match="accounts are open"):
        actions.decide_request(made.pk, True, "可以删除", by=compliance)
    ended = {"accounts_open": 0, "last_transaction_on": dt.date(2026, 2, 28)}
    monkeypatch.setattr("quanke_desk.customers.at_night.AtNight.row", lambda *_: ended)
    actions.decide_request(made.pk, True, "可以删除", by=compliance)
    actions.decide_deletion(made.pk, True, "同意", by=second)
    held = Restriction.objects.get(customer=customer)
    assert held.kind == "storage_only" and held.until == dt.date(2036, 2, 28)


def test_a_copy_is_whole_without_secrets_and_given_out_once(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    client = entered[Role.COMPLIANCE]
    customer, golden = first_of(desk[Role.BRANCH_HEAD])
    made = asked_of(customer, "access", desk[Role.BRANCH_HEAD])
    at = f"/customers/requests/{made.pk}/"
    assert client.post(f"{at}copy/").status_code == 302, "not before it is granted"
    client.post(at, {"do": "grant", "answer": "身份已核实"})
    assert DataRequest.objects.get(pk=made.pk).state == RequestState.GRANTED
    answer = client.post(f"{at}copy/")
    assert answer["Content-Type"] == "application/zip"
    packed = zipfile.ZipFile(io.BytesIO(answer.content))
    told = json.loads(packed.read("copy.json"))
    assert golden["phone"] in str(told["tables"]["parties"]) and told["tables"]["accounts"]["rows"]
    assert golden["phone"] in packed.read("copy.html").decode()
    names = {t["name"] for t in told["tags"]}
    assert {"tier", "aum", "churn_risk"} & names >= {"tier", "aum"}
    assert not {"credit_score_band", "shared_device_persons"} & names
    assert "credit_score" not in str(told["tables"]["parties"]) and all(t["definition"] for t in told["tags"])
    assert client.post(f"{at}copy/").status_code == 302, "once"
    assert AuditEntry.objects.filter(action="customer.copy").count() == 1


def test_a_copy_has_what_the_desk_holds(
    desk: dict[str, Person], entered: dict[str, Client], second: Person
) -> None:
    head, manager = desk[Role.BRANCH_HEAD], desk[Role.WEALTH_MANAGER]
    customer, _ = first_of(manager)
    other, _ = first_of(desk[Role.CUSTOMER_MANAGER])
    for who, by, note in (
        (customer, manager, "想换大额存单"),
        (other, desk[Role.CUSTOMER_MANAGER], "别人的"),
    ):
        said = Said("call", True, "interested", 60, note=note, next_on=timezone.localdate())
        record_contact(who, said, by=by)
    outlet = desk[Role.LOBBY].branch
    assert outlet is not None
    visit, _new = arrive(outlet, "A7", "ticket", "", machine=None, by=desk[Role.LOBBY])
    Arrival.objects.filter(pk=visit.pk).update(customer=customer)
    Suggestion.objects.create(arrival=visit, place=1, action="fund")
    at = int(timezone.now().timestamp())
    sent = Send.objects.create(
        key="k1", customer=customer, template="t", means="sms", purpose="service", state="t", made=at,
        decided=at,
    )  # fmt: skip
    Receipt.objects.create(send=sent, kind="delivered", at=at)
    Block.objects.create(customer=customer, means="any", since=timezone.localdate(), reason="法院协查")
    post = Post.objects.order_by("pk")[0]
    Choice.objects.create(customer=customer, post=post, chosen_on=timezone.localdate(), proof="F-7", by=head)
    open_customer(desk[Role.COMPLIANCE], customer, "investigation", "核查")
    made = asked_of(customer, "access", second)
    packed = zipfile.ZipFile(io.BytesIO(copy_of(made)))
    told = json.loads(packed.read("copy.json"))["held_at_the_desk"]
    [contact] = told["desk_contacts"]["rows"]
    assert (contact["note"], contact["seconds"]) == ("想换大额存单", 60)
    assert [t["kind"] for t in told["desk_tasks"]["rows"]] == ["follow_up"]
    assert told["desk_visits"]["rows"][0]["ticket"] == "A7"
    assert told["desk_suggestions"]["rows"][0]["action"] == "fund"
    assert told["desk_messages"]["rows"][0]["key"] == told["desk_receipts"]["rows"][0]["send__key"] == "k1"
    assert told["desk_choices"]["rows"][0]["proof"] == "F-7"
    assert [r["kind"] for r in told["data_requests"]["rows"]] == ["access"]
    whole = "".join(packed.read(name).decode() for name in packed.namelist())
    assert "desk_contacts.csv" in packed.namelist() and whole.count("想换大额存单") == 3
    for withheld in ("别人的", "法院协查", "核查", manager.name, manager.username):
        assert withheld not in whole


def test_every_table_about_a_customer_is_in_the_copy_or_withheld_for_a_reason() -> None:
    """A new table with a customer in it has to say whether he gets it."""
    given = {
        "ConsentAnswer", "DataRequest", "Restriction", "Contact", "Evidence", "FollowUp", "Arrival",
        "Transfer", "Choice", "DepartedCustomer", "Relation", "Enrolment", "Send", "Refusal", "Told",
    }  # fmt: skip
    withheld = {
        "Opening": "who looked, and why: an investigation would be told",
        "AskedOutside": "a number somebody tried: an hour",
        "Block": "why nothing is sent: courts, reports",
        "Outgoing": "the same rows, on their way into the bank's tables, which are in the copy",
    }
    named = {
        m.__name__
        for m in apps.get_models()
        if m.__module__.startswith("quanke_desk.")
        and any(f.name == "customer" for f in m._meta.concrete_fields)
    }
    assert named == given | set(withheld)


def test_a_copy_holds_no_formulas(desk: dict[str, Person], monkeypatch: pytest.MonkeyPatch) -> None:
    customer, _ = first_of(desk[Role.COMPLIANCE])
    made = asked_of(customer, "access", desk[Role.COMPLIANCE])
    rows_of = {"parties": {"title_zh": "", "title_en": "", "rows": [{"name": "=1+1", "city": "-x"}]},
               "consents": {"title_zh": "", "title_en": "", "rows": []}}  # fmt: skip
    monkeypatch.setattr("quanke_desk.customers.copying.tables_of", lambda _: rows_of)
    text = zipfile.ZipFile(io.BytesIO(copy_of(made))).read("parties.csv").decode("utf-8-sig")
    assert "'=1+1" in text and "'-x" in text


def test_a_value_does_not_slip_into_the_register(desk: dict[str, Person]) -> None:
    customer, golden = first_of(desk[Role.BRANCH_HEAD])
    with pytest.raises(NotAllowed, match="numbers"):
        actions.record_request(
            customer, "correction", f"新手机 {golden['phone']}", "F-100", "phone", by=desk[Role.BRANCH_HEAD]
        )


def test_a_deletion_holds_for_who_a_night_finds_to_be_the_same(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    old, into = next((n, i) for n, i in base().night.absorbed.items() if i is not None)
    assert reminding.tell_of_merged() == 0 and into not in hidden()
    request = DataRequest.objects.create(
        customer=old, kind=RequestKind.DELETION, proof="F-1", about="x", received_on=timezone.localdate(),
        due_on=timezone.localdate(), recorded_by=desk[Role.BRANCH_HEAD],
    )  # fmt: skip
    Restriction.objects.create(
        customer=old, kind=RestrictionKind.DELETED, since=timezone.localdate(), request=request
    )
    assert {old, into} <= hidden() and not may_contact(into, "sms", "service")
    reminding.remind_today()
    assert reminding.tell_of_merged() == 0, "once"
    told = Notice.objects.filter(text=reminding.MERGED, person=desk[Role.COMPLIANCE])
    assert [n.link for n in told] == [f"/customers/{into}/"] and "撤销合并" in said(told[0])
    opened(entered[Role.COMPLIANCE], into)
    assert entered[Role.COMPLIANCE].get(f"/customers/{into}/").context["restriction"].customer == old
    Restriction.objects.create(
        customer=into, kind=RestrictionKind.DELETED, since=timezone.localdate(), request=request
    )
    Restriction.objects.filter(customer=old).delete()
    assert old in hidden(), "under every number"
