"""Consent and refusal: with proof, in both directions as easily, refusal at once, home to the tables."""

from __future__ import annotations

import datetime as dt
import re

import numpy as np
import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from quanke_desk.customers import actions, queries
from quanke_desk.customers.at_night import reading
from quanke_desk.customers.models import ConsentAnswer
from quanke_desk.customers.texts import TEXTS
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import AuditEntry, Outgoing, Person
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import Role
from quanke_desk.foundation.scope import OutOfScope, rows, scope_of
from tests.desk.test_customers import first_of


def own(person: Person, column: str, value: bool, inside: bool = True) -> int:
    """A customer of a scope, alive and of age, of whom a tag has a value."""
    names = [column, "deceased", "relationship_closed", "is_minor"]
    flags = rows(scope_of(person))
    for customer in np.flatnonzero(flags).tolist():
        row = base().row(customer, names)
        if row[column] is value and not any(row[n] is not False for n in names[1:]):
            return int(customer)
    raise AssertionError(f"nobody with {column}")


@pytest.mark.parametrize("means", ["call", "sms", "push", "wecom", "email"])
def test_without_the_desk_it_is_what_the_night_says(desk: dict[str, Person], means: str) -> None:
    flags = np.flatnonzero(rows(scope_of(desk[Role.BRANCH_HEAD])))[:150]
    walls = ["deceased", "relationship_closed", "is_minor"]
    seen = set()
    for customer in flags.tolist():
        row = base().row(customer, [f"agrees_{means}", *walls])
        free = not row["deceased"] and not row["relationship_closed"] and row["is_minor"] is False
        assert queries.may_contact(customer, means) == (row[f"agrees_{means}"] and free)
        seen.add(row[f"agrees_{means}"])
    assert seen == {True, False}, "of the sample some agree and some do not"


def test_a_refusal_holds_at_once_and_only_for_its_means(desk: dict[str, Person]) -> None:
    manager = (
        desk[Role.SERVICE_MANAGER]
        if rows(scope_of(desk[Role.SERVICE_MANAGER])).any()
        else desk[Role.BRANCH_HEAD]
    )
    customer = own(desk[Role.BRANCH_HEAD], "agrees_call", True)
    others = {m: queries.may_contact(customer, m) for m in ("sms", "push", "wecom", "email")}
    assert queries.may_contact(customer, "call")
    actions.record_consent(
        customer, "marketing", "call", False, "call", "", evidence="said", by=desk[Role.BRANCH_HEAD]
    )
    assert not queries.may_contact(customer, "call") and customer in queries.refused_here("call")
    assert {m: queries.may_contact(customer, m) for m in others} == others
    assert queries.may_contact(customer, "call", "service"), "service messages are no marketing"
    assert manager.is_active


def test_yes_after_no_holds_again_and_goes_home_as_two_rows(desk: dict[str, Person]) -> None:
    head = desk[Role.BRANCH_HEAD]
    customer = own(head, "agrees_sms", False)
    for given in (False, True):
        actions.record_consent(customer, "marketing", "sms", given, "counter", "FORM-1", by=head)
    assert queries.may_contact(customer, "sms") and customer not in queries.refused_here("sms")
    sent = [o.row for o in Outgoing.objects.filter(table="consents", customer=customer).order_by("id")]
    assert [r["withdrawn_on"] is None for r in sent] == [False, True]
    assert {r["text_hash"] for r in sent} == {TEXTS["marketing"].digest}
    assert AuditEntry.objects.filter(action="customer.consent", subject=f"customer:{customer}").count() == 2


def test_a_paper_recorded_late_is_no_newer_than_the_no_after_it(desk: dict[str, Person]) -> None:
    head, today = desk[Role.BRANCH_HEAD], timezone.localdate()
    customer = own(head, "agrees_sms", True)
    signed = today - dt.timedelta(days=20)
    actions.refuse_by_message(customer, "sms", "push-1", timezone.now())
    for day in (signed, today):
        with pytest.raises(NotAllowed, match="refused after that"):
            actions.record_consent(customer, "marketing", "sms", True, "counter", "F-1", said_on=day, by=head)
    assert not queries.may_contact(customer, "sms")
    late = actions.record_consent(
        customer, "marketing", "call", True, "counter", "F-1", said_on=signed, by=head
    )
    assert (late.on, late.said_on) == (signed, signed)
    row = Outgoing.objects.get(key=f"DESK-{late.pk}").row
    assert (row["granted_on"], row["withdrawn_on"]) == (signed.isoformat(), None)


def test_a_no_to_one_recipient_is_none_to_another(desk: dict[str, Person]) -> None:
    head, before = desk[Role.BRANCH_HEAD], timezone.localdate() - dt.timedelta(days=2)
    customer = own(head, "agrees_sms", True)
    actions.record_consent(customer, "sharing", "any", False, "counter", "F-2", "A", by=head)
    actions.record_consent(customer, "sharing", "any", True, "counter", "F-1", "B", said_on=before, by=head)
    with pytest.raises(NotAllowed, match="refused after that"):
        actions.record_consent(
            customer, "sharing", "any", True, "counter", "F-1", "A", said_on=before, by=head
        )


@pytest.mark.parametrize(
    ("purpose", "means", "given", "channel", "proof", "recipient", "rule"),
    [
        ("marketing", "call", True, "counter", "", "", "proof"),
        ("marketing", "call", True, "counter", "x y", "", "proof"),
        ("marketing", "any", True, "counter", "F-1", "", "means"),
        ("profiling", "call", False, "counter", "F-1", "", "means"),
        ("cooking", "any", False, "counter", "", "", "purpose"),
        ("marketing", "call", False, "dream", "", "", "where"),
        ("marketing", "call", False, "call", "", "", "without a document"),
        ("marketing", "call", False, "call", "x y", "", "letters and digits"),
        ("sharing", "any", True, "counter", "F-11", "", "recipient"),
    ],
)
def test_what_breaks_a_rule_is_not_recorded(
    desk: dict[str, Person], purpose: str, means: str, given: bool, channel: str, proof: str, recipient: str,
    rule: str,
) -> None:  # fmt: skip
    head = desk[Role.BRANCH_HEAD]
    customer, _ = first_of(head)
    with pytest.raises(NotAllowed, match=rule):
        actions.record_consent(customer, purpose, means, given, channel, proof, recipient, by=head)
    assert not ConsentAnswer.objects.exists() and not Outgoing.objects.exists()


def test_only_whom_one_sees_and_only_who_may(desk: dict[str, Person]) -> None:
    customer, _ = first_of(desk[Role.WEALTH_MANAGER], inside=False)
    with pytest.raises(OutOfScope):
        actions.record_consent(customer, "profiling", "any", False, "call", "", by=desk[Role.WEALTH_MANAGER])
    with pytest.raises(NotAllowed):
        actions.record_consent(customer, "profiling", "any", False, "call", "", by=desk[Role.COMPLIANCE])


def test_the_page_ticks_nothing_and_takes_no_as_easily(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    client = entered[Role.BRANCH_HEAD]
    customer = own(desk[Role.BRANCH_HEAD], "agrees_call", True)
    at = f"/customers/{customer}/consents/"
    text = client.get(at).content.decode()
    assert not re.search(r"<input[^>]*checked", text)
    assert text.count('value="yes"') == text.count('value="no"') == 8
    refused = {"marketing.call": "no", "profiling.any": "no", "channel": "call"}
    client.post(at, refused)
    assert not ConsentAnswer.objects.filter(customer=customer).exists(), "how it was said is not left open"
    client.post(at, {**refused, "evidence": "said"})
    assert not queries.may_contact(customer, "call")
    said = ConsentAnswer.objects.filter(customer=customer)
    assert {(a.purpose, a.means, a.given) for a in said} == {
        ("marketing", "call", False),
        ("profiling", "any", False),
    }
    client.post(at, {"marketing.call": "yes", "advice.any": "yes", "channel": "call", "proof": ""})
    assert said.count() == 2, "all or none: a yes without proof records nothing"
    client.post(at, {"channel": "call"})
    assert said.count() == 2


def test_profiling_refused_hides_scores_at_once(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    head = desk[Role.BRANCH_HEAD]
    customer = own(head, "profiling_refused", False)
    at = f"/customers/{customer}/part/scores/"
    assert entered[Role.BRANCH_HEAD].get(at).context["refused"] is False
    actions.record_consent(customer, "profiling", "any", False, "lobby", "", evidence="said", by=head)
    answer = entered[Role.BRANCH_HEAD].get(at)
    assert answer.context["refused"] is True and answer.context["scores"] == []


def test_profiling_refused_is_what_the_night_says(desk: dict[str, Person]) -> None:
    told = base().night.read(["profiling_refused"])["profiling_refused"].to_pylist()
    chosen = [n for n, refused in enumerate(told) if refused][:5] + [
        n for n, r in enumerate(told) if r is False
    ][:40]
    assert any(told[n] for n in chosen), "somebody in the sample refused"
    for customer in chosen:
        if base().there[customer]:
            assert queries.profiling_refused(customer) == told[customer]


def test_the_api_records_and_reads(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    client = entered[Role.BRANCH_HEAD]
    customer = own(desk[Role.BRANCH_HEAD], "agrees_call", True)
    at = f"/api/customers/{customer}/consents"
    told = {"purpose": "marketing", "means": "call", "given": False, "channel": "call"}
    without = client.post(at, told, content_type="application/json")
    assert without.status_code == 422 and "without a document" in without.json()["detail"]
    told["evidence"] = "said"
    assert client.post(at, told, content_type="application/json").status_code == 201
    [line] = [c for c in client.get(at).json() if (c["purpose"], c["means"]) == ("marketing", "call")]
    assert line["given"] is False and line["here"]
    assert (line["channel"], line["evidence"], line["proof"]) == ("call", "said", "")
    assert line["by"] == desk[Role.BRANCH_HEAD].username
    assert line["said_on"] == timezone.localdate().isoformat()
    bad = client.post(at, {**told, "given": True}, content_type="application/json")
    assert bad.status_code == 422 and "proof" in bad.json()["detail"]
    assert reading().rows("consents", customer).num_rows >= 1


def test_a_refusal_is_kept_with_how_it_was_said(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    head, today = desk[Role.BRANCH_HEAD], timezone.localdate()
    customer = own(head, "agrees_call", True)
    at, written = f"/customers/{customer}/consents/", today - dt.timedelta(days=3)
    letter = {
        "marketing.call": "no", "channel": "letter", "proof": "L-77", "said_on": written.isoformat(),
    }  # fmt: skip
    assert entered[Role.BRANCH_HEAD].post(at, letter).status_code == 302
    actions.record_consent(customer, "profiling", "any", False, "call", "", evidence="said", by=head)
    by_letter, by_call = ConsentAnswer.objects.filter(customer=customer).order_by("id")
    assert (by_letter.channel, by_letter.proof, by_letter.evidence) == ("letter", "L-77", "reference")
    assert (by_letter.said_on, by_letter.on, by_letter.by) == (written, today, head)
    assert not queries.may_contact(customer, "call"), "it holds from the moment it is recorded"
    assert (by_call.channel, by_call.proof, by_call.evidence, by_call.said_on) == ("call", "", "said", today)
    for page in (at, f"/customers/{customer}/part/consents/"):
        text = entered[Role.BRANCH_HEAD].get(page).content.decode()
        rows = re.findall(r"<tr>(.*?)</tr>", text.partition('class="heard"')[2], re.DOTALL)
        told = [re.sub(r"<[^>]*>", " ", row) for row in rows[1:]]
        assert "口头告知，无凭证" in told[0] and "电话" in told[0] and head.name in told[0]
        assert "L-77" in told[1] and "书面" in told[1] and written.isoformat() in told[1]
    entry = AuditEntry.objects.filter(action="customer.consent", subject=f"customer:{customer}").latest("pk")
    assert (entry.detail["channel"], entry.detail["evidence"]) == ("call", "said")


@pytest.mark.parametrize("days", [-61, 1])
def test_a_refusal_is_said_today_or_lately(desk: dict[str, Person], days: int) -> None:
    head = desk[Role.BRANCH_HEAD]
    customer, _ = first_of(head)
    said_on = timezone.localdate() + dt.timedelta(days=days)
    with pytest.raises(NotAllowed, match="60 days"):
        actions.record_consent(customer, "profiling", "any", False, "letter", "L-1", said_on=said_on, by=head)
    assert not ConsentAnswer.objects.exists()


@pytest.mark.parametrize(
    ("given", "proof", "evidence", "holds"),
    [
        (False, "", "said", True),
        (False, "", "", True),  # recorded before it was asked how
        (True, "", "said", False),
        (False, "", "reference", False),
    ],
)
def test_the_database_keeps_no_yes_by_word_of_mouth(
    db: None, given: bool, proof: str, evidence: str, holds: bool
) -> None:
    answer = ConsentAnswer(
        customer=1, purpose="profiling", means="any", given=given, text_version="1", text_hash="",
        channel="call", proof=proof, evidence=evidence, on=timezone.localdate(),
    )  # fmt: skip
    if holds:
        answer.save()
        return
    with pytest.raises(IntegrityError), transaction.atomic():
        answer.save()
