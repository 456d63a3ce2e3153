"""Lists: what the address asks, in words, and what a person keeps of a list."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client, RequestFactory

from quanke_desk.foundation.filters import Asked, Filter, asked_of
from quanke_desk.foundation.lists import Column, Listed, RowsSource, listing
from quanke_desk.foundation.models import AuditEntry, Person, SavedView
from quanke_desk.foundation.roles import Role

FILTERS = (
    Filter("name", "Name"),
    Filter("tier", "Tier", "choice", (("core", "Core"), ("wealth", "Wealth"))),
    Filter("aum", "Assets", "money"),
    Filter("visits", "Visits", "number"),
    Filter("since", "Since", "days"),
)
COLUMNS = (
    Column("name", "Name"),
    Column("tier", "Tier"),
    Column("aum", "Assets", "money"),
    Column("since", "Since", "day", shown=False),
)
ROWS = [
    {"name": f"n{n}", "tier": "core" if n % 2 else "wealth", "aum": n * 100_00, "visits": n,
     "since": dt.date(2026, 1, 1) + dt.timedelta(n)}
    for n in range(120)
]  # fmt: skip


def asked(address: str, person: Any = None) -> tuple[Asked, Listed]:
    request = RequestFactory().get("/x/?" + address)
    request.user = person or AnonymousUser()
    state = asked_of(request, "things", FILTERS)
    held = RowsSource([row for row in ROWS if state.admits(row)])
    return state, listing(request, "things", COLUMNS, held, state)


@pytest.mark.parametrize(
    ("address", "count"),
    [
        ("", 120),
        ("name=N11", 11),
        ("tier=core", 60),
        ("tier=nothing", 120),
        ("aum.from=1,000&aum.to=1999.99", 10),
        ("aum.from=%EF%BC%91", 119),
        ("visits.from=118", 2),
        ("visits.to=-1", 0),
        ("since.from=2026-01-31&since.to=2026-01-31", 1),
        ("since.from=31.01.2026&aum.from=nan&visits.to=1e99&name=%00", 120),
        ("tier=core&visits.to=9", 5),
    ],
)
def test_filters_in_the_address(address: str, count: int) -> None:
    state, listed = asked(address)
    assert listed.count == count
    assert bool(state.chips) == (count != 120)


def test_filters_in_words_and_away_again() -> None:
    state, listed = asked("tier=core&aum.from=50000&aum.to=300000&since.from=2026-02-01&order=-aum")
    assert [c.text for c in state.chips] == ["Tier: Core", "Assets: ¥50,000 – ¥300,000", "Since ≥ 2026-02-01"]
    assert listed.without(state.chips[1].names) == "?tier=core&since.from=2026-02-01&order=-aum"
    _, alone = asked("tier=core")
    assert alone.without(alone.state.chips[0].names) == "?page=1", "not bare: no view of one's own comes back"


def test_order_columns_and_pages() -> None:
    _, listed = asked("order=-aum&cols=aum,since,nothing&page=2&dense=1")
    assert [c.name for c in listed.columns] == ["aum", "since"] and listed.dense
    assert (listed.number, listed.pages, listed.rows[0]["aum"]) == (2, 3, 69 * 100_00)
    assert "cols=aum%2Csince%2Cnothing" in listed.address(page=3)
    _, listed = asked("cols=nothing&order=tiers&page=99")
    assert [c.name for c in listed.columns] == ["name", "tier", "aum"] and listed.number == 3


def keep(client: Client, **words: Any) -> Any:
    return client.post("/views/", {"list": "people", "path": "/people/", "do": "save", **words})


def test_a_view_is_kept_shown_first_and_shared_with_the_branch(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    client = entered[Role.ADMINISTRATOR]
    answer = keep(client, title="大堂", query="role=lobby&order=-name&page=7", default="1")
    assert answer["Location"] == "/people/?role=lobby&order=-name"
    listed = client.get("/people/").context["listed"]
    assert listed.asked["role"] == "lobby" and listed.order == "name" and listed.descending
    assert client.get("/people/?page=1").context["listed"].count > listed.count, (
        "the whole list is one step away"
    )
    other = Person.objects.create_user("second-administrator", name="x", role=Role.ADMINISTRATOR)
    client_of_other = Client()
    client_of_other.force_login(other)
    assert not client_of_other.get("/people/").context["listed"].state.views
    keep(client, title="大堂", query="role=lobby", shared="1")
    Person.objects.filter(pk=other.pk).update(branch=desk[Role.ADMINISTRATOR].branch)
    page = client_of_other.get("/people/")
    [view] = page.context["listed"].state.views
    assert view.title == "大堂" and "role" not in page.context["listed"].asked, (
        "another's first view is not mine"
    )
    client_of_other.post("/views/", {"do": "remove", "number": view.pk, "path": "/people/"})
    assert SavedView.objects.filter(pk=view.pk).exists(), "only whose it is removes it"
    client.post("/views/", {"do": "remove", "number": view.pk, "path": "/people/"})
    assert not SavedView.objects.filter(pk=view.pk).exists()


def test_columns_are_remembered_for_each_person_and_list(entered: dict[str, Client]) -> None:
    client = entered[Role.ADMINISTRATOR]
    words = {"list": "people", "path": "/people/", "do": "columns", "query": "role=lobby"}
    answer = client.post("/views/", {**words, "cols": ["name", "left_on"], "dense": "1"})
    assert answer["Location"] == "/people/?role=lobby&cols=name%2Cleft_on&dense=1"
    listed = client.get("/people/").context["listed"]
    assert [c.name for c in listed.columns] == ["name", "left_on"] and listed.dense
    assert not listed.state.views, "what is remembered is no view of a name"
    assert len(client.get("/audit/").context["listed"].columns) > 2


@pytest.mark.parametrize(
    "words",
    [
        {"title": ""},
        {"title": "x" * 41},
        {"title": "x", "list": "../people"},
        {"title": "x", "query": "q=" + "x" * 1001},
    ],
)
def test_what_no_view_may_be(entered: dict[str, Client], words: dict[str, str]) -> None:
    before = SavedView.objects.count()
    assert keep(entered[Role.ADMINISTRATOR], **words).status_code == 302
    assert SavedView.objects.count() == before


def test_a_person_keeps_so_many_views_and_no_more(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    SavedView.objects.bulk_create(
        SavedView(person=desk[Role.ADMINISTRATOR], list_name="people", title=f"v{n}") for n in range(60)
    )
    keep(entered[Role.ADMINISTRATOR], title="one more")
    assert not SavedView.objects.filter(title="one more").exists()


def test_the_way_back_stays_on_the_desk(entered: dict[str, Client]) -> None:
    for path in ("https://elsewhere.example/", "//elsewhere.example/x", "javascript:alert(1)", ""):
        answer = keep(entered[Role.ADMINISTRATOR], title="x", path=path)
        assert answer["Location"].startswith("/?"), path


def test_the_audit_is_asked_by_day(entered: dict[str, Client]) -> None:
    client = entered[Role.COMPLIANCE]
    client.get("/audit/")
    last = AuditEntry.objects.first()
    assert last is not None and last.action == "audit.read"
    assert (
        client.get(f"/audit/?action=audit.read&at.to={last.at - dt.timedelta(9):%Y-%m-%d}")
        .context["listed"]
        .count
        == 0
    )
    assert (
        client.get(f"/audit/?action=audit.read&at.from={last.at - dt.timedelta(1):%Y-%m-%d}")
        .context["listed"]
        .count
    )
