"""Rows no version of the desk writes (a hand in the tables, a mover that failed half-way) are told of
plainly: a page of theirs opens with a sentence, or is not there."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.test import Client

from quanke_desk.campaigns.models import Journey
from quanke_desk.foundation.models import Approval, Person
from quanke_desk.foundation.roles import Role
from tests.faults import old_desk

MODELS = ("Journey", "JourneyVersion", "AudienceVersion", "JointContract", "JointQuestion")


@pytest.fixture
def made_up(desk: dict[str, Person]) -> dict[str, list[Any]]:
    made: dict[str, list[Any]] = {"foundation.Person": [desk[Role.ANALYST], desk[Role.COMPLIANCE]]}
    for name in MODELS:
        old_desk._fill(apps.get_model("campaigns", name), made)
    old_desk._fill(Approval, made)
    return made


@pytest.mark.parametrize("role", [Role.ANALYST, Role.COMPLIANCE, Role.COMMITTEE])
def test_pages_of_made_up_rows_do_not_break(
    made_up: dict[str, list[Any]], entered: dict[str, Client], role: str
) -> None:
    contracts, questions = made_up["campaigns.JointContract"], made_up["campaigns.JointQuestion"]
    paths = ["/joint/", "/joint/in-force/", "/approvals/"]
    paths += [f"/joint/{within}{row.pk}/" for row in contracts for within in ("", "in-force/")]
    paths += [f"/joint/questions/{row.pk}/" for row in questions]
    paths += [f"/approvals/{row.pk}/" for row in made_up["foundation.Approval"]]
    client = entered[role]
    client.raise_request_exception = False
    found = {path: client.get(path).status_code for path in paths}
    assert set(found.values()) <= {200, 403, 404}, found
    assert role != Role.ANALYST or found["/joint/"] == found[f"/joint/{contracts[0].pk}/"] == 200


@pytest.mark.parametrize(
    "draft", [{"n": 1}, [], {"nodes": {"a": 1}, "start": "a"}, {"nodes": {"a": {"do": "x"}}, "start": "a"}]
)
def test_a_design_that_cannot_be_read_is_begun_anew(
    desk: dict[str, Person], entered: dict[str, Client], draft: Any
) -> None:
    by = desk[Role.ANALYST]
    journey = Journey.objects.create(name="odd", title_zh="怪", draft=draft or {"nodes": []}, made_by=by)
    client = entered[Role.ANALYST]
    page = client.get(path := f"/journeys/{journey.pk}/design/")
    assert page.status_code == 200 and "无法读取" in page.content.decode()
    client.post(path, {"do": "put_in", "after": "", "way": "", "kind": "send"})
    journey.refresh_from_db()
    assert journey.draft is not None and "send" in journey.draft["nodes"]


def test_what_cannot_be_read_is_not_agreed_to(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    asked = Approval.objects.create(
        kind="journey.start", subject="journey:1", arguments={"version": 999}, reason="x",
        asked_by=desk[Role.ANALYST],
    )  # fmt: skip
    client, path = entered[Role.COMMITTEE], f"/approvals/{asked.pk}/"
    page = client.get(path).content.decode()
    assert 'id="unreadable"' in page and 'value="approve"' not in page and 'value="refuse"' in page
    client.post(path, {"do": "approve"})
    asked.refresh_from_db()
    assert asked.state == "asked"
    client.post(path, {"do": "refuse", "answer": "cannot be read"})
    asked.refresh_from_db()
    assert asked.state == "refused"
