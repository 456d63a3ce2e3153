"""Guarded roles: nobody becomes compliance, a head or an administrator by one person's hand."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from quanke_desk.foundation import guarded
from quanke_desk.foundation.approvals import KINDS
from quanke_desk.foundation.models import (
    Approval,
    AuditEntry,
    Factor,
    PasswordLink,
    Person,
    RecoveryCode,
)
from quanke_desk.foundation.passwords import use_link
from quanke_desk.foundation.people import NotAllowed, give_role, link_for, make_person, take_factors
from quanke_desk.foundation.roles import ALLOWED, GUARDED, May, Role, roles_with


def test_which_are_guarded() -> None:
    """Whoever sees customers one by one, decides on anything that is asked in any room, or keeps people."""
    for role in Role:
        may = ALLOWED[role]
        assert (role in GUARDED) == (
            bool(may & {May.OPEN, May.REVEAL, May.CASES, May.PEOPLE, May.BOOKS_APPROVE})
            or any(what.endswith("_decide") for what in may)
        ), role
    deciding = {role for kind in KINDS.values() for role in roles_with(kind.decides)}
    assert deciding and deciding <= GUARDED
    assert Role.COMMITTEE in GUARDED and Role.WEALTH_MANAGER in GUARDED and Role.TELLER not in GUARDED


def test_one_person_alone_is_refused_everywhere(desk: dict[str, Person]) -> None:
    keeper, teller, compliance = desk[Role.ADMINISTRATOR], desk[Role.TELLER], desk[Role.COMPLIANCE]
    for agreed in (None, keeper, desk[Role.BRANCH_HEAD], teller):
        for role in GUARDED:
            with pytest.raises(NotAllowed, match="second person"):
                give_role(teller, role, by=keeper, reason="x", agreed=agreed)
        with pytest.raises(NotAllowed, match="second person"):
            link_for(compliance, by=keeper, reason="x", agreed=agreed)
        with pytest.raises(NotAllowed, match="second person"):
            take_factors(compliance, by=keeper, reason="x", agreed=agreed)
    with pytest.raises(NotAllowed, match="second person"):
        make_person("new", "新", Role.RISK, by=keeper)
    assert not AuditEntry.objects.filter(action__startswith="people.").exists()


def test_a_role_asked_for_and_agreed_to(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    keeper, teller = entered[Role.ADMINISTRATOR], desk[Role.TELLER]
    path = f"/people/{teller.pk}/"
    answer = keeper.post(path, {"do": "role", "role": "risk", "reason": "调岗"})
    asked = Approval.objects.get()
    assert answer["Location"] == f"/approvals/{asked.pk}/" and teller.role == Role.TELLER
    assert "同一" in keeper.post(path, {"do": "role", "role": "risk", "reason": "调岗"}).content.decode()
    keeper.post(f"/approvals/{asked.pk}/", {"do": "approve"})
    teller.refresh_from_db()
    assert teller.role == Role.TELLER, "who asked does not decide"
    shown = entered[Role.COMPLIANCE].get(f"/approvals/{asked.pk}/").content.decode()
    assert teller.name in shown and "风险" in shown
    entered[Role.COMPLIANCE].post(f"/approvals/{asked.pk}/", {"do": "approve"})
    teller.refresh_from_db()
    assert teller.role == Role.RISK
    entry = AuditEntry.objects.get(action="people.role")
    assert entry.person == desk[Role.ADMINISTRATOR] and entry.detail["agreed"] == "demo-compliance"


def test_what_changed_meanwhile_is_not_done(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    keeper, teller = desk[Role.ADMINISTRATOR], desk[Role.TELLER]
    asked = guarded.ask_for(guarded.ROLE, teller, by=keeper, reason="x", role=Role.RISK)
    give_role(teller, Role.STAFF, by=keeper, reason="first")
    entered[Role.COMPLIANCE].post(f"/approvals/{asked.pk}/", {"do": "approve"})
    asked.refresh_from_db()
    assert asked.state == "failed" and Person.objects.get(pk=teller.pk).role == Role.STAFF
    with pytest.raises(NotAllowed, match="himself"):
        guarded.ask_for(guarded.ROLE, keeper, by=keeper, reason="x", role=Role.RISK)
    with pytest.raises(NotAllowed):
        guarded.ask_for(guarded.ROLE, teller, by=keeper, reason="x", role="king")


def test_nobody_decides_about_himself(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    compliance = desk[Role.COMPLIANCE]
    asked = guarded.ask_for(guarded.FACTORS, compliance, by=desk[Role.ADMINISTRATOR], reason="lost")
    assert entered[Role.COMPLIANCE].get(f"/approvals/{asked.pk}/").status_code == 404
    second = Person.objects.create(username="second", name="王", role=Role.COMPLIANCE)
    client = Client()
    client.force_login(second)
    client.post(f"/approvals/{asked.pk}/", {"do": "approve"})
    asked.refresh_from_db()
    assert asked.state == "done"
    assert AuditEntry.objects.get(action="people.factors").detail == {"count": 0, "agreed": "second"}


def test_a_link_is_made_once_and_within_a_day(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    keeper, risk = entered[Role.ADMINISTRATOR], desk[Role.RISK]
    path, words = f"/people/{risk.pk}/", {"do": "link", "reason": "forgot"}
    for turn in range(2):
        answer = keeper.post(path, words)
        asked = Approval.objects.get(state="asked")
        assert answer["Location"] == f"/approvals/{asked.pk}/"
        entered[Role.COMPLIANCE].post(f"/approvals/{asked.pk}/", {"do": "approve"})
        if turn:
            Approval.objects.filter(pk=asked.pk).update(decided_at=timezone.now() - dt.timedelta(hours=25))
            assert keeper.post(path, words)["Location"] != f"/approvals/{asked.pk}/", "asked anew"
        else:
            assert "/login/link/" in keeper.post(path, words).content.decode()


@pytest.mark.parametrize("role", ["branch_head", "wealth_manager", "committee"])
def test_a_new_person_begins_as_staff(desk: dict[str, Person], entered: dict[str, Client], role: str) -> None:
    """He who makes somebody gets no link to be him: neither before the role is agreed to, nor after."""
    words = {"username": "new.one", "name": "钱进", "role": role, "staff_id": "", "branch": ""}
    keeper, compliance = entered[Role.ADMINISTRATOR], entered[Role.COMPLIANCE]
    answer = keeper.post("/people/new/", words)
    made, asked = Person.objects.get(username="new.one"), Approval.objects.get()
    assert answer["Location"] == f"/approvals/{asked.pk}/" and not PasswordLink.objects.exists()
    assert made.role == Role.STAFF and asked.arguments["role"] == role
    compliance.post(f"/approvals/{asked.pk}/", {"do": "approve"})
    assert Person.objects.get(pk=made.pk).role == role
    path, reason = f"/people/{made.pk}/", {"do": "link", "reason": "new"}
    asked = Approval.objects.get(pk=keeper.post(path, reason)["Location"].split("/")[2])
    assert asked.kind == "people.link" and not PasswordLink.objects.exists()
    compliance.post(f"/approvals/{asked.pk}/", {"do": "approve"})
    assert "/login/link/" in keeper.post(path, reason).content.decode()


def test_who_gets_a_guarded_role_enters_anew(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    """What one person could set while the role was nothing to guard opens nothing afterwards."""
    keeper, compliance = desk[Role.ADMINISTRATOR], desk[Role.COMPLIANCE]
    made = make_person("new", "新", Role.STAFF, by=keeper)
    used, kept = link_for(made, by=keeper, reason="new"), "a longer pass phrase 9"
    assert use_link(used, kept)
    unused = link_for(made, by=keeper, reason="again")
    Factor.objects.create(person=made, kind="key", name="mine", key_digest="x")
    RecoveryCode.objects.create(person=made, digest="x")
    made.refresh_from_db()
    give_role(made, Role.LOBBY, by=keeper, reason="moved")
    assert made.check_password(kept) and made.factors.count() == 1, "nothing to guard"
    give_role(made, Role.WEALTH_MANAGER, by=keeper, reason="moved", agreed=compliance)
    made.refresh_from_db()
    assert not made.has_usable_password() and not use_link(unused, kept)
    assert not made.factors.exists() and not made.recovery_codes.exists()
    made.set_password(kept)
    made.save()
    give_role(made, Role.RISK, by=keeper, reason="moved", agreed=compliance)
    made.refresh_from_db()
    assert made.check_password(kept), "his own: a link took two people"
