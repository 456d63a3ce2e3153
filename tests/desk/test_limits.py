"""Limits of log-ins by name, address and bank; of sessions by rest and length; and unlocking."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from quanke_desk.foundation.demo import PASSWORD
from quanke_desk.foundation.models import Attempt, AuditEntry, Person
from quanke_desk.foundation.parameters import change, value
from quanke_desk.foundation.roles import Role
from quanke_desk.foundation.sessions import sessions_of
from tests.desk.test_entering import log_in


def wrong(name: str, address: str, **headers: str) -> Any:
    words = {"username": name, "password": "wrong"}
    return Client(REMOTE_ADDR=address).post("/login/", words, headers=headers or None)


def set_to(desk: dict[str, Person], **to: int) -> None:
    for name, number in to.items():
        change(name.replace("__", "."), number, timezone.localdate(), by=desk[Role.ADMINISTRATOR], reason="x")


def test_an_address_is_locked_after_failures(desk: dict[str, Person]) -> None:
    set_to(desk, login__address__tries=6, login__address__names=1000)
    for n in range(6):
        assert wrong(f"name-{n}", "10.1.1.1").status_code == 401
    here, there = Client(REMOTE_ADDR="10.1.1.1"), Client(REMOTE_ADDR="10.1.1.2")
    assert "过多" in log_in("demo-analyst", client=here).content.decode()
    assert log_in("demo-analyst", client=there)["Location"] == "/"


def test_one_address_that_tries_many_names(desk: dict[str, Person]) -> None:
    """The limit of a name sees one failure each; the address is locked, and the administrator told once."""
    from quanke_desk.foundation.models import Notice

    set_to(desk, login__address__names=4)
    for n in range(6):
        wrong(f"name-{n}", "10.1.1.1")
    assert "过多" in log_in("demo-analyst", client=Client(REMOTE_ADDR="10.1.1.1")).content.decode()
    assert log_in("demo-analyst", client=Client(REMOTE_ADDR="10.1.1.2"))["Location"] == "/"
    [notice] = Notice.objects.filter(person=desk[Role.ADMINISTRATOR])
    assert notice.link == "/people/locks/" and "many names" in notice.text
    assert AuditEntry.objects.get(action="login.sprayed").subject == "address:10.1.1.1"


def test_many_addresses_across_the_bank(desk: dict[str, Person]) -> None:
    """Neither a name nor an address stands out: limits become stricter, and the administrator is told."""
    from quanke_desk.foundation.models import Notice

    set_to(desk, login__bank__tries=10)
    for n in range(10):
        assert "Location" not in wrong(f"name-{n}", f"10.1.{n}.1")
    assert Notice.objects.filter(person=desk[Role.ADMINISTRATOR]).count() == 1
    assert log_in("demo-analyst")["Location"] == "/", "who knows his password comes in"
    wrong("demo-risk", "10.9.9.9")  # 5 // 3 = 1 is granted now
    assert "Location" not in log_in("demo-risk")


def test_the_address_is_what_the_last_trusted_proxy_saw(settings: Any) -> None:
    from django.test import RequestFactory

    from quanke_desk.foundation.addresses import address_of

    def seen(forwarded: str, at: str = "10.0.0.9") -> str:
        return address_of(RequestFactory().get("/", REMOTE_ADDR=at, headers={"x-forwarded-for": forwarded}))

    assert seen("1.1.1.1") == "10.0.0.9", "no proxy: anybody could write that"
    settings.QUANKE_PROXIES = 1
    assert seen("6.6.6.6, 1.1.1.1") == "1.1.1.1", "what stands left of it was written by who asks"
    settings.QUANKE_PROXIES = 2
    assert seen("6.6.6.6, 1.1.1.1 ,2.2.2.2") == "1.1.1.1"
    assert seen("1.1.1.1") == "10.0.0.9", "came past a proxy"
    settings.QUANKE_PROXIES = 1
    assert seen("<script>") == "" and seen("::ffff:1.2.3.4") == "1.2.3.4"
    assert seen("2001:db8:1:2:a::1") == seen("2001:db8:1:2:ffff::2") == "2001:db8:1:2::"


def test_an_administrator_unlocks(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    keeper = entered[Role.ADMINISTRATOR]
    for _ in range(value("login.tries")):
        wrong("demo-risk", "10.1.1.1")
    page = keeper.get("/people/locks/").content.decode()
    assert desk[Role.RISK].name in page and "10.1.1.1" in page and "已锁定" in page
    keeper.post("/people/locks/", {"person": desk[Role.RISK].pk, "reason": " "})
    assert "Location" not in log_in("demo-risk")
    keeper.post("/people/locks/", {"person": desk[Role.RISK].pk, "reason": "called in"})
    assert log_in("demo-risk")["Location"] == "/"
    wrong("demo-risk", "10.1.1.1")
    keeper.post("/people/locks/", {"address": "10.1.1.1", "reason": "branch"})
    assert not Attempt.objects.exists()
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"people.unlock", "people.unlock_address"} <= actions


def test_each_answer_costs_one_hash(desk: dict[str, Person], monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown, wrong, left and without a password: as much work, so as much time."""
    from django.contrib.auth.hashers import Argon2PasswordHasher

    made: list[int] = []
    real_encode, real_verify = Argon2PasswordHasher.encode, Argon2PasswordHasher.verify

    def encode(self: Any, *words: Any, **more: Any) -> Any:
        made.append(1)
        return real_encode(self, *words, **more)

    def verify(self: Any, *words: Any, **more: Any) -> Any:
        made.append(1)
        return real_verify(self, *words, **more)

    Person.objects.filter(username="demo-risk").update(is_active=False)
    bare = Person.objects.exclude(staff_id=None)[0]
    assert not bare.has_usable_password()
    monkeypatch.setattr(Argon2PasswordHasher, "encode", encode)
    monkeypatch.setattr(Argon2PasswordHasher, "verify", verify)
    for name in ("nobody", "demo-analyst", "demo-risk", bare.username):
        made.clear()
        assert log_in(name, "wrong").status_code == 401
        assert len(made) == 1, name


def test_a_session_rests_and_lasts_so_long(desk: dict[str, Person]) -> None:
    from quanke_desk.foundation.models import Entered

    set_to(desk, session__idle=20, session__hours=2)

    def after(**moved: Any) -> int:
        client = Client()
        log_in("demo-analyst", client=client)
        number = client.session["entered"]
        Entered.objects.filter(pk=number).update(**moved)
        status: int = client.get("/").status_code
        if status == 200:
            row = Entered.objects.get(pk=number)
            assert timezone.now() - row.seen_at < dt.timedelta(minutes=1), "a click keeps it from resting"
        return status

    now = timezone.now()
    assert after(seen_at=now - dt.timedelta(minutes=19)) == 200
    assert after(seen_at=now - dt.timedelta(minutes=21)) == 302
    assert after(until=now + dt.timedelta(minutes=1)) == 200
    assert after(until=now) == 302
    client = Client()
    log_in("demo-analyst", client=client)
    row = Entered.objects.get(pk=client.session["entered"])
    assert row.idle == 20 and row.until - row.began_at == dt.timedelta(hours=2)


def test_ones_own_sessions(desk: dict[str, Person]) -> None:
    here, there, other = Client(HTTP_USER_AGENT="Here/1"), Client(HTTP_USER_AGENT="There/1"), Client()
    for client in (here, there):
        log_in("demo-analyst", client=client)
    log_in("demo-risk", client=other)
    page = here.get("/account/").content.decode()
    assert "Here/1" in page and "There/1" in page
    here.post("/account/sessions/", {"session": other.session["entered"]})
    assert other.get("/").status_code == 200, "another person's"
    here.post("/account/sessions/", {"session": there.session["entered"]})
    assert (here.get("/").status_code, there.get("/").status_code) == (200, 302)
    log_in("demo-analyst", client=there)
    here.post("/account/sessions/", {"session": "others"})
    assert (here.get("/").status_code, there.get("/").status_code) == (200, 302)
    here.post("/logout/")
    assert not sessions_of(desk[Role.ANALYST]).exists()


def test_an_old_password_cannot_be_guessed_from_inside(desk: dict[str, Person]) -> None:
    client, new = Client(), "a longer pass phrase 9"
    log_in("demo-analyst", client=client)
    for _ in range(value("login.tries")):
        client.post("/account/", {"old_password": "wrong", "new_password1": new, "new_password2": new})
    client.post("/account/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new})
    assert Person.objects.get(username="demo-analyst").check_password(PASSWORD)
