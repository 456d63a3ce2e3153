"""What takes of a day before a journey that is tried does: the plan, pushes, open tasks, other journeys."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

import numpy as np

from quanke.kernel.calendars import SHANGHAI
from quanke_desk.campaigns import journey_pages
from quanke_desk.campaigns.capacities import rooms
from quanke_desk.campaigns.entering import enter
from quanke_desk.campaigns.graph import read_graph
from quanke_desk.campaigns.models import Journey
from quanke_desk.campaigns.moving import move_due
from quanke_desk.campaigns.simulating import simulate
from quanke_desk.campaigns.standing import day_of
from quanke_desk.campaigns.timing import moment_after
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Person, Post
from quanke_desk.foundation.roles import Role
from quanke_desk.work.models import FollowUp
from tests.desk.test_journeys import NOW, SIX, running

CALL: dict[str, Any] = {"start": "call", "nodes": {"call": SIX["nodes"]["call"], "end": {"do": "exit"}}}
REST = {"do": "wait", "days": 1, "at": "10:00", "next": "call"}
LATER: dict[str, Any] = {"start": "rest", "nodes": {"rest": REST, **CALL["nodes"]}}


def one_post(of: Any) -> tuple[int, str, list[int]]:
    """A post with a limit: its code, its number and twelve customers it looks after."""
    codes, posts = of.codes("owner_post")
    limited = np.flatnonzero(np.isfinite(rooms(of, NOW).posts))
    code = int(max(limited, key=lambda c: int((codes[of.there] == c).sum())))
    return (
        code,
        {n: p for p, n in posts.items()}[code],
        np.flatnonzero(of.there & (codes == code))[:12].tolist(),
    )


def test_open_tasks_take_of_their_posts_day(desk: dict[str, Person]) -> None:
    of = base()
    code, name, theirs = one_post(of)
    post, by, day = Post.objects.get(post_id=name), desk[Role.ANALYST], dt.date(2026, 7, 6)
    before = rooms(of, NOW)
    common = {"kind": "journey", "made_by": by, "action": ""}
    tasks = [(theirs[0], post, day), (theirs[1], post, day - dt.timedelta(days=9)),
             (theirs[2], post, day + dt.timedelta(days=3)), (theirs[3], None, day)]  # fmt: skip
    made = [FollowUp.objects.create(customer=c, post=p, due_on=d, **common) for c, p, d in tasks]
    FollowUp.objects.create(customer=theirs[4], post=post, due_on=day, **{**common, "kind": "lobby"})
    after = rooms(of, NOW)
    took = before.left_of_posts(day) - after.left_of_posts(day)
    assert took[code] == 20 and took.sum() == 20, "today's and what is late, ten minutes each"
    on = day + dt.timedelta(days=3)
    assert (before.left_of_posts(on) - after.left_of_posts(on))[code] == 10
    assert after.taken[day, "remote_team", "open"] == 10, "what no post has is the remote team's"
    whole = np.ones(len(after.posts), np.bool_)
    assert after.takes_of_posts(day, whole)["open"] == 20
    FollowUp.objects.filter(pk__in=[row.pk for row in made]).update(done_at=dt.datetime.now(SHANGHAI))
    assert not rooms(of, NOW).of_posts


def test_journeys_under_way_and_paused_take_of_managers_days(desk: dict[str, Person]) -> None:
    of, due = base(), dt.date(2026, 7, 9)  # given on the 7th, two working days
    code, _name, theirs = one_post(of)
    version = running(desk, LATER)
    enter(version, np.array(theirs), NOW)
    move_due(NOW)
    for state, why in (("running", "running"), ("draining", "running"), ("paused", "paused")):
        Journey.objects.update(state=state)
        held = rooms(of, NOW)
        assert held.of_posts[due, why][code] == 120 and held.of_posts[due, why].sum() == 120
        assert held.left_of_posts(due)[code] == max(held.posts[code] - held.planned[code] - 120, 0)
    alone = np.flatnonzero(of.there & (of.codes("owner_post")[0] < 0))[:3]
    assert len(alone) == 3
    Journey.objects.update(state="running")
    enter(version, alone, NOW)
    assert rooms(of, NOW).taken[due, "remote_team", "running"] == 30, "whom nobody looks after"
    Journey.objects.update(state="ended")
    assert not rooms(of, NOW).of_posts


def test_pushes_of_a_paused_journey_take_of_the_day(desk: dict[str, Person]) -> None:
    version = running(desk, SIX)
    of, day = base(), dt.date(2026, 7, 6)
    left = rooms(of, NOW).left("push", day)
    enter(version, np.flatnonzero(of.there)[:10], NOW)
    Journey.objects.update(state="paused")
    held = rooms(of, NOW)
    assert held.left("push", day) == left - 10 and held.takes("push", day)["paused"] == 10


def test_a_trial_says_what_takes_the_day(desk: dict[str, Person]) -> None:
    of = base()
    code, name, theirs = one_post(of)
    post, today = Post.objects.get(post_id=name), dt.datetime.now(SHANGHAI).date()
    room = int(rooms(of).left_of_posts(today)[code])
    due = day_of(moment_after(int(dt.datetime.now(SHANGHAI).timestamp()), read_graph(CALL).nodes[0].span))
    FollowUp.objects.bulk_create(
        FollowUp(kind="journey", customer=theirs[0], post=post, due_on=due, made_by=desk[Role.ANALYST])
        for _n in range(room // 10)
    )
    version = running(desk, CALL)
    version.until = today + dt.timedelta(days=30)  # nobody enters after it, in a trial neither
    tried = simulate(version, read_graph(CALL), np.array(theirs), int(time.time()))
    found = {each.what: each for each in tried.too_much(rooms(of))}["manager"]
    assert found.asked == 1 and found.takes["open"] == room // 10 * 10
    assert found.wants == 120 and found.holds == int(rooms(of).posts[code])
    page = " ".join(text for _e, _w, _h, text in journey_pages._too_much(tried))
    assert f"未完成任务 {room // 10 * 10:,}" in page and "本旅程 120" in page
