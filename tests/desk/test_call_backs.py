"""Call-backs of the remote team: a list like others, in which nobody's stand first."""

from __future__ import annotations

import datetime as dt

from django.test import Client
from django.utils import timezone

from quanke_desk.foundation.models import Person
from quanke_desk.foundation.roles import Role
from quanke_desk.work.models import FollowUp


def test_call_backs_are_a_list_nobodys_first(
    desk: dict[str, Person],
    entered: dict[str, Client],
) -> None:
    """Beyond one page, narrowed, and counted as they are shown."""
    today, remote = timezone.localdate(), desk[Role.REMOTE]
    FollowUp.objects.bulk_create(
        FollowUp(kind="call_back", customer=n, due_on=today + dt.timedelta(days=n), person=of)
        for of, days in ((remote, 60), (None, 3))
        for n in range(days)
    )
    client = entered[Role.REMOTE]
    listed = client.get("/work/callbacks/").context["listed"]
    assert (listed.count, listed.pages) == (63, 2)
    assert [row["who"] for row in listed.rows[:4]] == ["", "", "", remote.name]
    assert len(client.get("/work/callbacks/?page=2").context["listed"].rows) == 13
    for state, count in (("open", 3), ("taken", 60)):
        assert client.get(f"/work/callbacks/?state={state}").context["listed"].count == count
    until = (today + dt.timedelta(days=1)).isoformat()
    assert client.get(f"/work/callbacks/?until.to={until}").context["listed"].count == 4
