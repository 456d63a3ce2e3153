"""The API against its own OpenAPI, as several roles: nothing breaks, and what is answered was promised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from quanke_desk.foundation.models import Notice, Person
from quanke_desk.foundation.notices import tell
from quanke_desk.foundation.roles import May, Role
from quanke_desk.web.interface_pages import schema

ROLES = (Role.CUSTOMER_MANAGER, Role.LOBBY, Role.BRANCH_HEAD, Role.COMPLIANCE, Role.ADMINISTRATOR)
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)
CALM = settings(
    max_examples=10, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


def test_the_openapi_is_for_who_is_logged_in(entered: dict[str, Client]) -> None:
    assert Client().get("/api/openapi.json").status_code == 302
    held = entered[Role.TELLER].get("/api/openapi.json").json()
    assert held["openapi"].startswith("3.") and "/api/me" in held["paths"]
    text = entered[Role.TELLER].get("/api/").content.decode()
    assert "/api/me" in text and "//" not in text.replace("https://", "").split("<main")[1].split("</main")[0]


def test_who_one_is(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    me = entered[Role.ANALYST].get("/api/me").json()
    assert me["username"] == "demo-analyst" and me["role"] == "analyst"
    assert set(me["may"]) == {m for m in May if desk[Role.ANALYST].may(m)}


def test_ones_notices_and_nobody_elses(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    tell([desk[Role.TELLER]], "Job %(number)s is done.", "/jobs/", number=7)
    tell([desk[Role.LOBBY]], "Job %(number)s is done.", "/jobs/", number=8)
    client = entered[Role.TELLER]
    [told] = client.get("/api/notices?unread=true").json()
    assert "7" in told["text"] and told["read_at"] is None and client.get("/api/me").json()["unread"] == 1
    other = Notice.objects.get(person=desk[Role.LOBBY])
    assert client.post(f"/api/notices/{other.pk}/read").status_code == 404
    assert client.post(f"/api/notices/{told['number']}/read").json() == {"read": 1}
    assert client.post("/api/notices/read").json() == {"read": 0}
    other.refresh_from_db()
    assert other.read_at is None
    assert client.get("/api/notices?limit=0").status_code == 422


@contextmanager
def one_connection() -> Iterator[None]:
    """A request leaves the test's transaction alone, as Django's own test client sees to for its own."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.parametrize("role", ROLES)
def test_every_operation_keeps_its_word(entered: dict[str, Client], role: str) -> None:
    client = entered[role]
    client.get("/")
    cookies = {name: client.cookies[name].value for name in ("sessionid", "csrftoken")}
    headers = {"X-CSRFToken": cookies["csrftoken"]}
    promised: Any = schemathesis.openapi.from_dict(schema())
    promised.app = get_wsgi_application()
    statuses: Counter[int] = Counter()

    def ask(case: Any) -> None:
        answer = case.call(cookies=cookies, headers=headers)
        case.validate_response(answer, checks=list(CHECKS))
        statuses[answer.status_code] += 1

    with one_connection():
        for found in promised.get_all_operations():
            CALM(given(case=found.ok().as_strategy())(ask))()
    assert statuses[200] > 0 and sum(statuses.values()) > 50
    assert (statuses[403] > 0) == any(not allowed_for(client, may) for may in May)


def allowed_for(client: Client, may: May) -> bool:
    return may in client.get("/api/me").json()["may"]
