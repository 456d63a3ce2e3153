"""Where customers of a journey stand, counted as they go: like the tables say, over all its versions."""

from __future__ import annotations

import datetime as dt
import importlib
import importlib.resources
import re
from collections import Counter

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from quanke.kernel.calendars import SHANGHAI
from quanke_desk.campaigns import counting, journey_actions, journey_queries, journey_record
from quanke_desk.campaigns.entering import enter
from quanke_desk.campaigns.graph import read_graph
from quanke_desk.campaigns.hearing import heard
from quanke_desk.campaigns.journey_queries import Stands, stands
from quanke_desk.campaigns.models import Enrolment, Journey, JourneyVersion, Refusal, Send, Step, StepCount
from quanke_desk.campaigns.moving import move_due
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.roles import Role
from tests.desk.test_journeys import DAY, NOW, SIX, running


def as_the_tables_say(version: JourneyVersion) -> tuple[int, int, Counter[str], Counter[str], Counter[str]]:
    """The same by counting every customer and every step."""
    names = [node.name for node in read_graph(version.graph).nodes]
    rows = list(version.enrolments.all())
    of_version = {row.pk for row in rows}
    steps = [s for s in Step.objects.all() if s.enrolment in of_version]
    return (
        sum(row.arm == 1 for row in rows),
        sum(row.arm == 0 for row in rows),
        Counter(names[row.node] for row in rows if row.state in "we"),
        Counter(names[step.from_node] for step in steps),
        Counter(row.why for row in rows if row.state in "dx"),
    )


def same(found: Stands, version: JourneyVersion) -> bool:
    entered, control, here, through, ended = as_the_tables_say(version)
    assert (found.entered, found.control, found.here, found.through) == (entered, control, here, through)
    assert sorted(found.ended.values()) == sorted(ended.values())
    assert found.under_way == sum(here.values()) and found.out == sum(ended.values())
    return True


@pytest.fixture
def two_versions(desk: dict[str, Person]) -> tuple[JourneyVersion, JourneyVersion]:
    """A journey with customers in two versions: waiting, listening, through, out by a goal, and controls."""
    graph = {**SIX, "entry": "interface", "goals": [{"name": "rich", "when": "aum >= 2_000_000元"}]}
    first = running(desk, graph, control=200_000)
    everybody = np.flatnonzero(base().there)
    enter(first, everybody[:300], NOW)
    move_due(NOW)
    second = JourneyVersion.objects.create(
        journey=first.journey, number=2, graph={**SIX, "entry": "interface"}, control_ppm=200_000,
        until=first.until, by=first.by, started_at=dt.datetime(2026, 7, 7, tzinfo=SHANGHAI),
    )  # fmt: skip
    Journey.objects.update(current=second)
    enter(second, everybody[250:500], NOW + DAY)
    move_due(NOW + DAY)
    waiting = list(Enrolment.objects.filter(state="e").values_list("pk", flat=True))
    assert heard("clicked", enrolments=waiting[:3], now=NOW + DAY) == 3
    move_due(NOW + DAY)
    return first, second


def test_what_is_counted_is_what_the_tables_say(
    desk: dict[str, Person], two_versions: tuple[JourneyVersion, JourneyVersion]
) -> None:
    first, second = two_versions
    (newer, of_second), (older, of_first) = stands(first.journey)
    assert (newer, older) == (second, first) and same(of_first, first) and same(of_second, second)
    assert of_first.control and of_first.under_way and of_first.out and of_second.under_way
    Journey.objects.update(state="running")
    assert journey_actions.end(first.journey, by=desk[Role.ANALYST], reason="x")
    ended = stands(first.journey)
    assert all(same(found, version) and not found.under_way for version, found in ended)


def test_rows_of_one_way_are_folded(
    two_versions: tuple[JourneyVersion, JourneyVersion], monkeypatch: pytest.MonkeyPatch
) -> None:
    journey, second = two_versions[0].journey, two_versions[1]
    enter(second, np.flatnonzero(base().there)[500:600], NOW + DAY)
    move_due(NOW + DAY)
    before, rows = stands(journey), StepCount.objects.count()
    assert counting.fold() == 0, "a few are left as they are"
    monkeypatch.setattr(counting, "FEW", 2)
    gone = counting.fold()
    assert gone > 0 and StepCount.objects.count() == rows - gone and counting.fold() == 0
    assert stands(journey) == before
    keys = StepCount.objects.values_list("version", "from_node", "to_node", "why")
    assert len(set(keys)) == len(keys)


def test_what_ran_before_is_counted_once(two_versions: tuple[JourneyVersion, JourneyVersion]) -> None:
    """The migration counts what the tables hold."""
    journey = two_versions[0].journey
    before = stands(journey)
    StepCount.objects.all().delete()
    migration = next(
        importlib.import_module(f"quanke_desk.campaigns.migrations.{path.stem}")
        for path in (importlib.resources.files("quanke_desk.campaigns") / "migrations").iterdir()
        if path.name.endswith("_counts.py")
    )
    with connection.cursor() as cursor:
        for each in migration.COUNTED:
            cursor.execute(
                f"INSERT INTO campaigns_stepcount (version_id, from_node, to_node, why, count) {each}"
            )
    assert stands(journey) == before


def test_the_page_shows_every_version_and_counts_no_log(
    entered: dict[str, Client], two_versions: tuple[JourneyVersion, JourneyVersion]
) -> None:
    first, second = two_versions
    (_second, of_second), (_first, of_first) = stands(first.journey)
    with CaptureQueriesContext(connection) as seen:
        page = entered[Role.ANALYST].get(f"/journeys/{first.journey_id}/").content.decode()
    asked = [query["sql"] for query in seen.captured_queries]
    assert any("campaigns_stepcount" in sql for sql in asked)
    of_log = [sql for sql in asked if re.search(r'campaigns_(enrolment|step)"', sql)]
    # whether an arm is large enough to tell an effect by is known from as many rows as it takes
    assert all(re.search(r" LIMIT \d+$", sql) and "COUNT" not in sql for sql in of_log), (
        "however many there are"
    )
    assert f'id="entered">{of_first.entered + of_second.entered}<' in page
    assert f'id="control">{of_first.control + of_second.control}<' in page
    by_version = re.search(r'<table id="by-version">.*?</table>', page, re.DOTALL)
    assert by_version is not None
    rows = re.findall(r'<th scope="row">(\d+)</th><td>(\d+)</td><td>(\d+)</td><td>(\d+)</td>', by_version[0])
    assert rows == [
        (str(v.number), str(s.entered), str(s.control), str(s.under_way))
        for v, s in ((second, of_second), (first, of_first))
    ]


def test_a_page_counts_pushes_by_an_index_alone(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    """Two statements, however many rows: and neither reads one."""
    version = running(desk, SIX)
    journey = version.journey
    common = {"journey": journey, "template": "hello", "means": "push", "purpose": "marketing", "made": NOW}
    states = [("t", ""), ("r", "consent"), ("r", "often"), ("q", "")]
    Send.objects.bulk_create(
        Send(key=f"k{n}", customer=n, state=states[n % 4][0], rule=states[n % 4][1], **common)
        for n in range(400)
    )
    Refusal.objects.bulk_create(
        Refusal(key=key, customer=1, means="call", rule="often", at=NOW, journey=journey.pk)
        for key in ("k1", "task-1-1", "task-1-2")
    )
    with CaptureQueriesContext(connection) as asked:
        pushes = journey_queries.pushes(journey)
        refused = journey_record.refused(journey, pushes)
    assert len(asked) == 2
    assert sorted((row["state"], row["rule"], row["count"]) for row in pushes) == [
        ("q", "", 100), ("r", "consent", 100), ("r", "often", 100), ("t", "", 100),
    ]  # fmt: skip
    assert sorted((line.count, line.final) for line in refused) == [
        (1, False),
        (2, True),
        (100, True),
        (100, True),
    ]
    if connection.vendor == "sqlite":
        for statement, index in (
            (journey_queries.counted_pushes(journey), "send_of_journey"),
            (journey_record.counted_refusals(journey), "refusal_by_journey"),
        ):
            plan = statement.explain()
            assert f"COVERING INDEX {index}" in plan, plan
        assert "TEMP B-TREE" not in journey_queries.counted_pushes(journey).explain()
    page = f"/journeys/{journey.pk}/"

    def statements() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert entered[Role.ANALYST].get(page).status_code == 200
        return sum("campaigns_send" in each["sql"] or "campaigns_refusal" in each["sql"] for each in asked)

    assert statements() == 2
