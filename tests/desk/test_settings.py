"""Settings: what holds from which day, who may change it, and who must agree."""

from __future__ import annotations

import datetime as dt
import html
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from quanke_desk.foundation import parameters
from quanke_desk.foundation.models import Approval, AuditEntry, Notice, ParameterValue, Person
from quanke_desk.foundation.parameters import Parameter, ParameterError, change, value
from quanke_desk.foundation.people import NotAllowed, give_role
from quanke_desk.foundation.roles import Role
from quanke_desk.foundation.setting import set_parameter


@pytest.fixture
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A parameter of each kind."""
    two = (("a", "A"), ("b", "B"))
    for one in (
        Parameter("test.text", "文字", "Text", "", "x", most=5, kind="text"),
        Parameter("test.choice", "单选", "Choice", "", "a", kind="choice", choices=two),
        Parameter("test.choices", "多选", "Choices", "", ["a"], kind="choices", choices=two),
        Parameter("test.day", "日期", "Day", "", "", kind="day"),
    ):
        monkeypatch.setitem(parameters.PARAMETERS, one.name, one)


def test_a_parameter_of_each_kind(desk: dict[str, Person], kinds: None) -> None:
    keeper, today = desk[Role.ADMINISTRATOR], timezone.localdate()
    assert parameters.text("test.text") == "x" and parameters.choice("test.choice") == "a"
    assert parameters.choices("test.choices") == {"a"} and parameters.day("test.day") is None
    for name, to in (
        ("test.text", "按户均"), ("test.choice", "b"), ("test.choices", []), ("test.day", "2027-02-01"),
    ):  # fmt: skip
        change(name, to, today, by=keeper, reason="policy")
    assert parameters.text("test.text") == "按户均" and parameters.choice("test.choice") == "b"
    assert parameters.choices("test.choices") == set()
    assert parameters.day("test.day") == dt.date(2027, 2, 1)
    wrong: list[tuple[str, Any]] = [
        ("test.text", "123456"), ("test.text", 5), ("test.choice", "c"), ("test.choice", ["a"]),
        ("test.choices", "a"), ("test.choices", ["a", "a"]), ("test.choices", ["c"]),
        ("test.day", "2027-02-30"), ("test.day", "tomorrow"), ("test.day", "20270201"),
    ]  # fmt: skip
    for name, to in wrong:
        with pytest.raises(ParameterError):
            change(name, to, today, by=keeper, reason="policy")
    with pytest.raises(ParameterError):
        value("test.text")
    with pytest.raises(ParameterError):
        parameters.text("login.tries")


def test_a_form_of_each_kind(desk: dict[str, Person], kinds: None, entered: dict[str, Client]) -> None:
    client, since = entered[Role.ADMINISTRATOR], timezone.localdate().isoformat()
    for name, to in (
        ("test.text", "abc"), ("test.choice", "b"), ("test.choices", ["a", "b"]), ("test.day", "2027-02-01"),
    ):  # fmt: skip
        assert client.get(f"/settings/{name}/").status_code == 200
        answer = client.post(f"/settings/{name}/", {"to": to, "since": since, "reason": "r"})
        assert answer.status_code == 302 and parameters.held(name) == to


def test_the_page_of_all(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    later = timezone.localdate() + dt.timedelta(days=3)
    change("login.tries", 9, later, by=desk[Role.ADMINISTRATOR], reason="policy 12")
    client = entered[Role.ADMINISTRATOR]
    text = client.get("/settings/").content.decode()
    assert all(p.name in text and p.zh in text for p in parameters.PARAMETERS.values())
    assert f"{later.isoformat()}: 9 次" in text and "须复核" in text
    client.post("/language/", {"language": "en", "next": "/"})
    text = html.unescape(client.get("/settings/").content.decode())
    assert all(p.en in text for p in parameters.PARAMETERS.values()) and "9 times" in text


def test_a_change_by_the_form(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    client, since = entered[Role.ADMINISTRATOR], timezone.localdate().isoformat()
    path = "/settings/login.tries/"
    for wrong in (
        {"to": "2"}, {"to": "5.5"}, {"to": ""}, {"to": "-5"}, {"to": "٥"}, {"to": "9" * 30},
        {"since": "2020-01-01"}, {"since": "soon"}, {"reason": " "},
    ):  # fmt: skip
        answer = client.post(path, {"to": "7", "since": since, "reason": "r", **wrong})
        assert answer.status_code == 200 and "未完成" in answer.content.decode()
    assert value("login.tries") == 5
    answer = client.post(path, {"to": "7", "since": since, "reason": "制度 12", "name": "session.most"})
    assert answer["Location"] == path and value("login.tries") == 7 and value("session.most") == 2
    text = client.get(path).content.decode()
    assert "制度 12" in text and desk[Role.ADMINISTRATOR].name in text
    assert client.get("/settings/nothing/").status_code == 404


def test_who_may_not(desk: dict[str, Person]) -> None:
    for role, person in desk.items():
        if role != Role.ADMINISTRATOR:
            with pytest.raises(NotAllowed):
                set_parameter("login.tries", 7, timezone.localdate(), by=person, reason="r")
    assert value("login.tries") == 5


def test_a_guarded_one_needs_a_second_person(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    keeper, client = desk[Role.ADMINISTRATOR], entered[Role.ADMINISTRATOR]
    today = timezone.localdate()
    words = {"to": "120", "since": today.isoformat(), "reason": "制度 13"}
    assert client.post("/settings/password.days/", words).status_code == 302
    asked = Approval.objects.get()
    assert value("password.days") == 90 and asked.asked_by == keeper
    assert "待复核" in client.get("/settings/").content.decode()
    told = {n.person.role for n in Notice.objects.all()}
    assert told == {"compliance", "risk"}, "who may decide, and not who asked"
    again = client.post("/settings/password.days/", words)
    assert again.status_code == 200 and Approval.objects.count() == 1
    path = f"/approvals/{asked.pk}/"
    client.post(path, {"do": "approve"})
    assert value("password.days") == 90, "nobody decides what he asked"
    other = entered[Role.COMPLIANCE]
    text = other.get(path).content.decode()
    assert "90 天" in text and "120 天" in text and "制度 13" in text
    other.post(path, {"do": "approve"})
    assert value("password.days") == 120
    row = ParameterValue.objects.get(name="password.days")
    assert row.by == keeper and row.reason == "制度 13"
    done = Notice.objects.filter(person=keeper).get()
    assert done.link == path and "approved" in done.text
    assert AuditEntry.objects.filter(action="parameters.change").get().person == keeper


def test_what_became_wrong_meanwhile_is_not_done(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    keeper, today = desk[Role.ADMINISTRATOR], timezone.localdate()
    asked = set_parameter("password.days", 120, today, by=keeper, reason="r")
    assert isinstance(asked, Approval)
    asked.arguments = {**asked.arguments, "since": (today - dt.timedelta(days=1)).isoformat()}
    asked.save()
    entered[Role.RISK].post(f"/approvals/{asked.pk}/", {"do": "approve"})
    asked.refresh_from_db()
    assert asked.state == "failed" and value("password.days") == 90


def test_who_keeps_people_makes_no_second_pair_of_eyes(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    keeper, helper = desk[Role.ADMINISTRATOR], desk[Role.LOBBY]
    give_role(helper, Role.RISK, by=keeper, reason="moved", agreed=desk[Role.COMPLIANCE])
    asked = set_parameter("password.days", 0, timezone.localdate(), by=keeper, reason="r")
    assert isinstance(asked, Approval)
    client = Client()
    client.force_login(Person.objects.get(pk=helper.pk))
    assert client.get(f"/approvals/{asked.pk}/").status_code == 404
    client.post(f"/approvals/{asked.pk}/", {"do": "approve"})
    assert value("password.days") == 90
    assert not Notice.objects.filter(person=helper).exists()


def test_every_parameter_is_whole() -> None:
    for p in parameters.PARAMETERS.values():
        assert parameters._fits(p, p.default), p.name
        assert p.zh and p.en and len({p.zh, p.en}) == 2, p.name
        assert p.unit in ("", *parameters.UNITS), f"{p.name}: put its unit into UNITS"
