"""Logging in, locking out, leaving, and what the audit holds of it."""

from __future__ import annotations

import datetime as dt
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, transaction
from django.test import Client
from django.utils import timezone

from quanke_desk.foundation import audit
from quanke_desk.foundation.demo import PASSWORD
from quanke_desk.foundation.models import Attempt, AuditEntry, Branch, Person, Post, Seat
from quanke_desk.foundation.parameters import ParameterError, change, value
from quanke_desk.foundation.people import NotAllowed, end_seat, give_role, leave, stand_in
from quanke_desk.foundation.roles import BOOK_ROLES, Role
from quanke_desk.foundation.scope import scope_of
from quanke_desk.foundation.sessions import sessions_of


def log_in(name: str, password: str = PASSWORD, client: Client | None = None, **more: str) -> Any:
    return (client or Client()).post("/login/", {"username": name, "password": password, **more})


def test_in_and_out(desk: dict[str, Person]) -> None:
    client = Client()
    assert log_in("demo-analyst", client=client)["Location"] == "/"
    assert client.get("/").status_code == 200
    client.post("/logout/")
    assert client.get("/").status_code == 302
    assert [e.action for e in AuditEntry.objects.all()[:2]] == ["logout", "login"]


def test_a_session_is_begun_anew(desk: dict[str, Person]) -> None:
    """A session key planted before the log-in is worth nothing after it."""
    client = Client()
    session = client.session
    session["planted"] = True
    session.save()
    planted = session.session_key
    client.cookies["sessionid"] = str(planted)
    log_in("demo-analyst", client=client)
    assert client.cookies["sessionid"].value != planted
    other = Client()
    other.cookies["sessionid"] = str(planted)
    assert other.get("/").status_code == 302


def test_where_a_login_leads_stays_here(desk: dict[str, Person]) -> None:
    assert log_in("demo-analyst", next="/people/?q=a")["Location"] == "/people/?q=a"
    for bad in ("https://evil.example/", "//evil.example", "javascript:alert(1)"):
        assert log_in("demo-analyst", next=bad)["Location"] == "/"


def test_a_name_is_locked_after_failures(desk: dict[str, Person]) -> None:
    tries = value("login.tries")
    answers = [log_in("demo-risk", "wrong") for _ in range(tries)]
    assert {a.status_code for a in answers} == {401}
    assert "Location" not in log_in("demo-risk")  # the right password does not help any more
    assert "Location" in log_in("demo-analyst")
    Attempt.objects.update(at=timezone.now() - dt.timedelta(minutes=value("login.window"), seconds=1))
    assert log_in("demo-risk")["Location"] == "/"
    assert not Attempt.objects.exists()
    failed = AuditEntry.objects.filter(action="login.failed")
    assert failed.count() == tries and not any("demo-risk" in e.subject for e in failed)


def test_an_unknown_name_is_answered_as_a_wrong_password(desk: dict[str, Person]) -> None:
    def page(name: str) -> str:
        text = log_in(name, "wrong").content.decode()
        return re.sub(r"[A-Za-z0-9]{64}", "", text)  # tokens of forms

    assert page("demo-risk") == page("nobody-of-this-name")


def test_a_person_has_so_many_sessions(desk: dict[str, Person]) -> None:
    clients = [Client() for _ in range(3)]
    for client in clients:
        log_in("demo-analyst", client=client)
    assert [c.get("/").status_code for c in clients] == [302, 200, 200]
    assert len(sessions_of(desk[Role.ANALYST])) == value("session.most") == 2


def test_who_leaves_is_out_the_same_moment(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    manager, keeper = desk[Role.CUSTOMER_MANAGER], entered[Role.ADMINISTRATOR]
    assert entered[Role.CUSTOMER_MANAGER].get("/").status_code == 200
    answer = keeper.post(f"/people/{manager.pk}/", {"do": "leave", "reason": "resigned"})
    assert answer.status_code == 302
    assert entered[Role.CUSTOMER_MANAGER].get("/").status_code == 302
    assert "Location" not in log_in(manager.username)
    manager.refresh_from_db()
    assert manager.left_on == timezone.localdate() and not scope_of(manager).posts
    assert AuditEntry.objects.get(action="people.leave").person == desk[Role.ADMINISTRATOR]


def test_a_role_is_given_by_another_with_a_reason(desk: dict[str, Person]) -> None:
    keeper, teller = desk[Role.ADMINISTRATOR], desk[Role.TELLER]
    for by, of, role, reason in (
        (keeper, keeper, Role.RISK, "x"),
        (desk[Role.COMPLIANCE], teller, Role.RISK, "x"),
        (keeper, teller, "king", "x"),
        (keeper, teller, Role.RISK, "  "),
    ):
        with pytest.raises(NotAllowed):
            give_role(of, role, by=by, reason=reason)
    assert not AuditEntry.objects.filter(action="people.role").exists()
    give_role(teller, Role.LOBBY, by=keeper, reason="moved to the lobby")
    teller.refresh_from_db()
    assert teller.role == Role.LOBBY
    assert AuditEntry.objects.get(action="people.role").detail == {"from": "teller", "to": "lobby"}


def test_a_form_sets_what_it_offers_and_nothing_else(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    teller = desk[Role.TELLER]
    more = {"username": "root", "is_active": "", "staff_id": "1", "branch": "1", "password": "x"}
    entered[Role.ADMINISTRATOR].post(f"/people/{teller.pk}/", {"role": "lobby", "reason": "r", **more})
    now = Person.objects.get(pk=teller.pk)
    assert now.role == "lobby"
    same = ("username", "is_active", "staff_id", "branch_id", "password")
    assert all(getattr(now, n) == getattr(teller, n) for n in same)


def test_a_stand_in_sees_the_book_for_as_long(desk: dict[str, Person]) -> None:
    manager, keeper = desk[Role.CUSTOMER_MANAGER], desk[Role.ADMINISTRATOR]
    today = timezone.localdate()
    post = Post.objects.filter(role="customer_manager").order_by("-post_id")[0]
    until = today + dt.timedelta(days=5)
    stand_in(manager, post, today, until, by=keeper, reason="leave")
    assert post.post_id in scope_of(manager).posts
    assert post.post_id not in scope_of(manager, until).posts
    with pytest.raises(NotAllowed):
        stand_in(manager, post, today, until, by=keeper, reason="twice")
    with pytest.raises(NotAllowed):
        stand_in(manager, post, today, today, by=keeper, reason="no day")
    leave(manager, by=keeper, reason="resigned")
    assert not Seat.objects.filter(Seat.on(today), person=manager).exists()


def test_the_audit_can_neither_be_changed_nor_cut(desk: dict[str, Person]) -> None:
    for n in range(3):
        audit.record(desk[Role.RISK], "test.done", f"test:{n}", detail={"n": n})
    entry = AuditEntry.objects.order_by("id")[1]
    for change_it in (
        lambda: AuditEntry.objects.filter(pk=entry.pk).update(reason="other"),
        lambda: AuditEntry.objects.filter(pk=entry.pk).delete(),
        lambda: entry.save(),
    ):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            change_it()
    assert audit.first_broken() is None and AuditEntry.objects.count() == 3


def test_who_gets_round_the_triggers_is_found(desk: dict[str, Person]) -> None:
    from django.db import connection

    for n in range(4):
        audit.record(None, "test.done", f"test:{n}")
    numbers = list(AuditEntry.objects.order_by("id").values_list("id", flat=True))
    table = "foundation_auditentry"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        else:
            cursor.execute("DROP TRIGGER audit_no_UPDATE")
            cursor.execute("DROP TRIGGER audit_no_DELETE")
        cursor.execute(f"UPDATE {table} SET reason = 'other' WHERE id = %s", [numbers[1]])
        assert audit.first_broken() == numbers[1]
        cursor.execute(f"UPDATE {table} SET reason = '' WHERE id = %s", [numbers[1]])
        assert audit.first_broken() is None
        cursor.execute(f"DELETE FROM {table} WHERE id = %s", [numbers[2]])
        assert audit.first_broken() == numbers[3]


def test_what_was_rolled_back_is_not_on_record(desk: dict[str, Person]) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        audit.record(None, "test.done", "test:1")
        raise RuntimeError
    assert not AuditEntry.objects.exists()


def test_a_parameter_has_its_days(desk: dict[str, Person]) -> None:
    keeper, today = desk[Role.ADMINISTRATOR], timezone.localdate()
    later = today + dt.timedelta(days=3)
    change("login.tries", 7, later, by=keeper, reason="policy 12")
    assert value("login.tries") == 5 and value("login.tries", later) == 7
    change("login.tries", 8, later, by=keeper, reason="corrected")
    assert value("login.tries", later) == 8
    bad: list[tuple[str, Any, dt.date, str]] = [
        ("login.tries", 2, today, "x"),
        ("login.tries", True, today, "x"),
        ("login.tries", "7", today, "x"),
        ("login.tries", 7, today - dt.timedelta(days=1), "x"),
        ("login.tries", 7, today, " "),
        ("nothing", 7, today, "x"),
    ]
    for name, to, since, reason in bad:
        with pytest.raises(ParameterError):
            change(name, to, since, by=keeper, reason=reason)
    assert AuditEntry.objects.filter(action="parameters.change").count() == 2


def test_bringing_the_bank_twice_changes_nothing_and_keeps_what_was_given(desk: dict[str, Person]) -> None:
    from quanke_desk.foundation.brought import bring_bank
    from quanke_desk.foundation.models import Branch

    staff = Person.objects.exclude(staff_id=None).filter(is_active=True).first()
    assert staff is not None and not staff.has_usable_password()
    agreed = desk[Role.COMPLIANCE]
    give_role(staff, Role.RISK, by=desk[Role.ADMINISTRATOR], reason="moved", agreed=agreed)
    counts = bring_bank()
    tree = list(Branch.objects.values_list("left", "right", "parent_id"))
    assert bring_bank() == counts and list(Branch.objects.values_list("left", "right", "parent_id")) == tree
    ends = sorted(n for left, right, _ in tree for n in (left, right))
    assert ends == list(range(1, 2 * len(tree) + 1)), "each number once: intervals lie within each other"
    staff.refresh_from_db()
    assert staff.role == Role.RISK


def test_branches_that_stand_under_each_other_are_refused(desk: dict[str, Person]) -> None:
    from quanke.kernel.errors import HomeError
    from quanke_desk.foundation.brought import _branches

    more = {"name": "x", "kind": "outlet", "closed_on": None}
    rows = [{"branch_id": "a", "parent_id": "b", **more}, {"branch_id": "b", "parent_id": "a", **more}]
    with pytest.raises(HomeError, match="a, b stand under each other"):
        _branches([*rows, {"branch_id": "c", "parent_id": None, **more}])


def test_behind_a_proxy_with_the_certificate(desk: dict[str, Person], settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert Client().get("/login/")["Location"].startswith("https://")
    assert Client().get("/login/", headers={"x-forwarded-proto": "https"}).status_code == 200


def test_who_left_at_the_desk_is_not_brought_back_by_the_bank(desk: dict[str, Person]) -> None:
    from quanke_desk.foundation.brought import _seats, bring_bank

    seat = Seat.objects.filter(person__staff_id__isnull=False, until=None, stands_in=False).first()
    assert seat is not None
    person = seat.person
    leave(person, by=desk[Role.ADMINISTRATOR], reason="resigned")
    later = {"kind": "holder", "from_date": seat.since, "to_date": dt.date(2099, 1, 1), "reason": None}
    _seats([{"staff_id": person.staff_id, "post_id": seat.post.post_id, **later}])
    bring_bank()
    person.refresh_from_db()
    assert not person.is_active and not Seat.objects.filter(Seat.on(timezone.localdate()), person=person)


def test_the_end_of_a_seat_is_the_banks_until_the_desk_ends_it(desk: dict[str, Person]) -> None:
    from quanke_desk.foundation.brought import _seats

    today = timezone.localdate()
    sits = Seat.objects.filter(Seat.on(today), person__staff_id__isnull=False, stands_in=False)
    person, post = sits[0].person, sits.exclude(post=sits[0].post)[0].post
    row: dict[str, Any] = {
        "staff_id": person.staff_id,
        "post_id": post.post_id,
        "kind": "stand_in",
        "reason": None,
    }
    row["from_date"] = today - dt.timedelta(days=5)
    later, earlier = today + dt.timedelta(days=9), today - dt.timedelta(days=2)

    def brought(until: dt.date | None) -> Seat:
        _seats([{**row, "to_date": until}])
        return Seat.objects.get(person=person, post=post, since=row["from_date"])

    assert [brought(until).until for until in (later, None, later)] == [later, None, later]
    end_seat(brought(later), by=desk[Role.ADMINISTRATOR], reason="back")
    assert [brought(until).until for until in (later, None, earlier, later)] == [
        today,
        today,
        earlier,
        earlier,
    ]
    given = stand_in(person, post, today, later, by=desk[Role.ADMINISTRATOR], reason="leave")
    row["from_date"] = today
    assert brought(None) == given and brought(None).until == later, "what the desk gave is not made longer"


def test_who_left_by_the_banks_tables_is_out_with_his_next_click(desk: dict[str, Person]) -> None:
    from quanke_desk.foundation.brought import _people

    staff = Person.objects.exclude(staff_id=None).filter(is_active=True)[0]
    client = Client()
    client.force_login(staff)
    assert client.get("/").status_code == 200
    row = {"staff_id": staff.staff_id, "name": staff.name, "branch_id": None, "left_on": timezone.localdate()}
    assert _people([row], []) == [(staff, row["left_on"])]
    assert client.get("/").status_code == 302
    assert _people([row], []) == [], "once"


def test_who_left_by_the_banks_tables_leaves_a_book_behind(
    desk: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seats end that day, and whatever follows when somebody leaves at the desk follows here."""
    from quanke_desk.books.models import Departure
    from quanke_desk.foundation import brought

    seats = Seat.objects.filter(Seat.on(timezone.localdate()), stands_in=False)
    held = seats.filter(post__role__in=BOOK_ROLES).select_related("person", "post")
    alone = [s for s in held if sum(s.post_id == other.post_id for other in held) == 1]
    seat = next(s for s in alone if s.person.staff_id)
    day = timezone.localdate() - dt.timedelta(days=2)
    rows = brought._rows

    def with_a_leaver(home: Any, table: str) -> list[dict[str, Any]]:
        found = rows(home, table)
        for row in found if table == "staff" else ():
            if row["staff_id"] == seat.person.staff_id:
                row["left_on"] = day
        return found

    monkeypatch.setattr(brought, "_rows", with_a_leaver)
    brought.bring_bank()
    seat.refresh_from_db()
    assert seat.until == day and not seat.person.__class__.objects.get(pk=seat.person_id).is_active
    assert Departure.objects.filter(person=seat.person, post=seat.post).count() == 1
    assert AuditEntry.objects.filter(action="people.leave", subject=f"person:{seat.person_id}").count() == 1
    brought.bring_bank()
    assert Departure.objects.filter(person=seat.person).count() == 1


def test_the_worker_brings_what_the_bank_says_anew(
    desk: dict[str, Person], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Once for each state of the files."""
    from quanke_desk.foundation import brought

    home = tmp_path / "home"
    shutil.copytree(
        settings.QUANKE_HOME, home, copy_function=os.link, ignore=shutil.ignore_patterns("nights")
    )
    times: list[int] = []
    monkeypatch.setattr(brought, "home_path", lambda: home)
    monkeypatch.setattr(brought, "bring_bank", lambda: times.append(1))
    assert brought.bring_new() and not brought.bring_new() and len(times) == 1
    file = next(p for p in (home / "tables" / "staff").rglob("*.parquet"))
    held = file.read_bytes()
    file.unlink()
    file.write_bytes(held)
    assert brought.bring_new() and not brought.bring_new() and len(times) == 2


def test_staff_without_a_post_may_do_nothing(desk: dict[str, Person]) -> None:
    from quanke_desk.foundation.brought import _people
    from quanke_desk.foundation.roles import ALLOWED, May

    _people([{"staff_id": "new", "name": "x", "branch_id": None, "left_on": None}], [])
    assert Person.objects.get(staff_id="new").role == Role.STAFF
    assert ALLOWED[Role.STAFF] == {May.OWN, May.JOBS}


def test_ones_own_password(desk: dict[str, Person]) -> None:
    here, there = Client(), Client()
    for client in (here, there):
        log_in("demo-analyst", client=client)
    new = "a longer pass phrase 9"
    for old, first, second in (("wrong", new, new), (PASSWORD, new, "another"), (PASSWORD, "123", "123")):
        words = {"old_password": old, "new_password1": first, "new_password2": second}
        assert here.post("/account/", words).status_code == 200
    words = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert here.post("/account/", words).status_code == 302
    assert (here.get("/").status_code, there.get("/").status_code) == (200, 302)
    assert "Location" not in log_in("demo-analyst") and "Location" in log_in("demo-analyst", new)
    assert AuditEntry.objects.filter(action="people.password").count() == 1


def test_the_first_administrator(desk: dict[str, Person], monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    from django.core.management import CommandError, call_command

    def make(name: str, password: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))
        call_command("make_person", name, "--name", "王敏", "--role", "administrator")

    for name, password in (("wang", "Hx7-q"), ("wang", "1234567890123"), ("DEMO-risk", "a good long one 7")):
        with pytest.raises(CommandError) as refused:
            make(name, password)
        assert password not in str(refused.value)
    make("wang", "a good long one 7")
    assert log_in("wang", "a good long one 7")["Location"] == "/"
    told = io.StringIO()
    call_command("check_audit", "--json", stdout=told)
    assert '"entries": 2' in told.getvalue()


def test_a_link_to_a_first_password(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    from quanke_desk.foundation.models import PasswordLink

    keeper = entered[Role.ADMINISTRATOR]
    words = {"username": "li.na", "name": "李娜", "role": "teller", "staff_id": "S-77", "branch": ""}
    for bad in (
        {"username": "a b"},
        {"username": "DEMO-risk"},
        {"role": "king"},
        {"branch": "x"},
        {"name": ""},
    ):
        page = keeper.post("/people/new/", {**words, **bad}).content.decode()
        assert "未完成" in page
    page = keeper.post("/people/new/", words).content.decode()
    [address] = re.findall(r'id="link">http://testserver([^<]+)<', page)
    assert not PasswordLink.objects.filter(digest__in=address.split("/")).exists(), "kept as a digest"
    new, client = "a longer pass phrase 9", Client()
    assert "Location" not in log_in("li.na", "")
    assert "李娜" in client.get(address).content.decode()
    both = {"new_password1": "short", "new_password2": "short"}
    assert client.post(address, both).status_code == 200
    both = {"new_password1": new, "new_password2": new}
    assert client.post(address, both)["Location"] == "/login/"
    assert client.get("/").status_code == 302, "one logs in with it"
    assert client.get(address).status_code == client.post(address, both).status_code == 404
    assert log_in("li.na", new)["Location"] == "/"
    assert client.get("/login/link/anything/").status_code == 404


def test_a_link_for_who_forgot(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    import io

    from django.core.management import call_command

    from quanke_desk.foundation.models import PasswordLink

    keeper, teller = entered[Role.ADMINISTRATOR], desk[Role.TELLER]

    def link() -> str:
        page = keeper.post(f"/people/{teller.pk}/", {"do": "link", "reason": "forgot"}).content.decode()
        return re.findall(r'id="link">http://testserver([^<]+)<', page)[0]

    first, second = link(), link()
    assert Client().get(first).status_code == 404, "the later one voids it"
    PasswordLink.objects.update(until=timezone.now())
    assert Client().get(second).status_code == 404
    third, new = link(), "a longer pass phrase 9"
    Client().post(third, {"new_password1": new, "new_password2": new})
    assert entered[Role.TELLER].get("/").status_code == 302, "his sessions end"
    answer = keeper.post(f"/people/{desk[Role.ADMINISTRATOR].pk}/", {"do": "link", "reason": "x"})
    assert "link/" not in answer.content.decode(), "nobody for himself"
    told = io.StringIO()
    call_command("make_person", "wang", "--name", "王敏", "--role", "administrator", "--link", stdout=told)
    assert Client().get(told.getvalue().strip()).status_code == 200


def test_a_stand_in_by_the_page(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    manager, keeper, today = desk[Role.CUSTOMER_MANAGER], entered[Role.ADMINISTRATOR], timezone.localdate()
    post = Post.objects.filter(role="customer_manager").order_by("-post_id")[0]
    until, path = today + dt.timedelta(days=5), f"/people/{manager.pk}/"
    words = {
        "do": "stand_in",
        "post": post.post_id,
        "since": str(today),
        "until": str(until),
        "reason": "休假",
    }
    for bad in ({"post": "none"}, {"since": "soon"}, {"until": str(today)}, {"reason": ""}):
        assert "未完成" in keeper.post(path, {**words, **bad}).content.decode()
    assert keeper.post(path, words).status_code == 302
    assert post.post_id in scope_of(manager).posts and "休假" in keeper.get(path).content.decode()
    seat = Seat.objects.get(person=manager, post=post, stands_in=True)
    held = manager.seats.filter(stands_in=False)[0]
    keeper.post(path, {"do": "end_seat", "seat": held.pk, "reason": "x"})
    held.refresh_from_db()
    assert held.until is None, "what the bank's tables say is changed there"
    assert keeper.post(path, {"do": "end_seat", "seat": seat.pk, "reason": "back"}).status_code == 302
    assert post.post_id not in scope_of(manager).posts
    keeper.post(path, {"do": "put_out", "reason": "lost tablet"})
    assert entered[Role.CUSTOMER_MANAGER].get("/").status_code == 302


def test_bringing_the_bank_from_the_page(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    from quanke_desk.foundation.jobs import KINDS
    from quanke_desk.foundation.models import Job

    answer = entered[Role.ADMINISTRATOR].post("/people/bring/")
    begun = Job.objects.get()
    assert answer["Location"] == f"/jobs/{begun.pk}/" and begun.by == desk[Role.ADMINISTRATOR]
    Branch.objects.filter(kind="outlet").update(name="x")
    result = KINDS[begun.kind].handler(None)  # type: ignore[arg-type]
    assert result["branch"] == Branch.objects.count() and not Branch.objects.filter(name="x").exists()
