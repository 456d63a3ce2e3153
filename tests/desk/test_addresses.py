"""Every address as every role, and as nobody: what `@page` says is what happens."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from quanke_desk.foundation.demo import PASSWORD
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.roles import May, Role
from quanke_desk.web.api import api


def addresses(of: URLResolver | None = None) -> list[URLPattern]:
    found: list[URLPattern] = []
    for entry in (of or get_resolver()).url_patterns:
        if getattr(entry, "namespace", None) == "api-1":
            continue  # operations of the API: below
        found += addresses(entry) if isinstance(entry, URLResolver) else [entry]
    return found


def address(pattern: URLPattern, person: Person) -> str:
    names = re.findall(r"\(\?P<(\w+)>|<(?:\w+:)?(\w+)>", str(pattern.pattern))
    return reverse(str(pattern.name), kwargs={a or b: person.pk for a, b in names})


def test_every_address_says_who_may_open_it() -> None:
    assert len(addresses()) >= 8
    for pattern in addresses():
        assert hasattr(pattern.callback, "may"), f"{pattern.name} lacks @page or @public"


def operations() -> list[tuple[str, str, May | None]]:
    """Method, path and what is asked of a role, of every operation of the API; null: machines only."""
    found = []
    for prefix, router in api._routers:
        for path, view in router.path_operations.items():
            for operation in view.operations:
                [allowed] = {a.may for a in operation.auth_callbacks}  # type: ignore[attr-defined]
                found += [(m, f"/api{prefix}{path}", allowed) for m in operation.methods]
    return found


@pytest.mark.parametrize("role", Role.values)
def test_every_operation_as_every_role(
    desk: dict[str, Person], entered: dict[str, Client], role: str
) -> None:
    for method, path, allowed in operations():
        at = re.sub(r"{[^}]*}", "1", path)
        status = entered[role].generic(method, at, "{}", content_type="application/json").status_code
        if allowed is None:
            assert status == 401, f"{method} {path} as {role}: {status}"
        else:
            assert (status == 403) >= (not desk[role].may(allowed)), f"{method} {path} as {role}: {status}"
        assert status < 500
        assert Client().generic(method, at, "{}", content_type="application/json").status_code == 401


@pytest.mark.parametrize("role", Role.values)
def test_every_address_as_every_role(desk: dict[str, Person], entered: dict[str, Client], role: str) -> None:
    other = desk[Role.TELLER if role != Role.TELLER else Role.LOBBY]
    for pattern in addresses():
        may: Any = pattern.callback.may  # type: ignore[union-attr]
        if may is None:
            continue
        allowed = desk[role].may(may)
        for ask in (entered[role].get, entered[role].post):
            status = ask(address(pattern, other)).status_code
            assert (status == 403) != allowed, f"{pattern.name} as {role}: {status}"
            assert status < 500


def test_nobody_is_sent_to_the_login_page(desk: dict[str, Person]) -> None:
    for pattern in addresses():
        if pattern.callback.may is None:  # type: ignore[union-attr]
            continue
        answer = Client().get(address(pattern, desk[Role.TELLER]))
        assert answer.status_code == 302 and answer["Location"].startswith(reverse("login"))


def test_what_every_answer_says_to_the_browser(entered: dict[str, Client]) -> None:
    answer = entered[Role.ADMINISTRATOR].get("/people/")
    policy = answer["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy
    assert answer["Cache-Control"] == "no-store, private" and answer["X-Frame-Options"] == "DENY"
    text = answer.content.decode()
    assert not re.search(
        r"<script(?! (?:src=|id=\"[\w-]+\" type=\"application/json\"))|<style|style=|\son\w+=", text
    ), "nothing inline"


def test_a_form_without_its_token_is_refused(desk: dict[str, Person]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(desk[Role.ADMINISTRATOR])
    for name in ("login", "logout", "set_language"):
        assert client.post(reverse(name)).status_code == 403
    number = desk[Role.TELLER].pk
    assert client.post(f"/people/{number}/", {"do": "leave", "reason": "x"}).status_code == 403
    desk[Role.TELLER].refresh_from_db()
    assert desk[Role.TELLER].is_active


def test_names_are_text_not_markup(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    Person.objects.filter(pk=desk[Role.TELLER].pk).update(name="<img src=x>{{7*7}}{% now %}'\"")
    for path in ("/people/?q=demo-teller", f"/people/{desk[Role.TELLER].pk}/"):
        text = entered[Role.ADMINISTRATOR].get(path).content.decode()
        assert "<img src=x>" not in text and "&lt;img src=x&gt;{{7*7}}{% now %}" in text


def test_a_filter_is_no_sql(entered: dict[str, Client]) -> None:
    answer = entered[Role.ADMINISTRATOR].get(
        "/people/", {"q": "' OR 1=1 --", "role": "x' OR 1=1", "page": "-9"}
    )
    assert answer.status_code == 200 and not answer.context["listed"].rows


def test_the_health_of_a_desk(desk: dict[str, Person], settings: Any, tmp_path: Any) -> None:
    assert Client().get("/health/").json() == {"night": "2026-06-30"}
    settings.QUANKE_HOME = ""
    assert Client().get("/health/").status_code == 503


def test_demo_people_are_listed_in_a_demo_only(desk: dict[str, Person], settings: Any) -> None:
    assert PASSWORD not in Client().get("/login/").content.decode()
    settings.QUANKE_DEMO = True
    text = Client().get("/login/").content.decode()
    assert PASSWORD in text and all(p.username in text for p in desk.values())
