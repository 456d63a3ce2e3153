"""The designer: steps put in, taken out, moved and led elsewhere; a design tried, saved, started by two."""

from __future__ import annotations

import datetime as dt
import html
import json
import random
import re
import shutil
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone

from quanke.effects.groups import CampaignRegister
from quanke_desk.campaigns import designing, journey_actions
from quanke_desk.campaigns.audiences import members_of
from quanke_desk.campaigns.effect_words import actions, means_word
from quanke_desk.campaigns.graph import EVENTS, MEANS, WHO, GraphError, read_graph
from quanke_desk.campaigns.models import Audience, AudienceVersion, Enrolment, Journey, Send
from quanke_desk.foundation import approvals
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Approval, AuditEntry, Person
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import Role
from tests.desk.test_journeys import SIX


def test_a_design_by_hand_of_buttons() -> None:
    made, send = designing.put_in(designing.empty(), "", "", "send")
    made = designing.change(made, send, {"template": "hello", "means": ["sms"]})
    made, wait = designing.put_in(made, send, "next", "wait")
    made, asked = designing.put_in(made, wait, "next", "if")
    made = designing.change(made, asked, {"when": "aum > 0元"})
    made, task = designing.put_in(made, asked, "then", "task")
    assert [p.name for p in designing.tree(made)] == [send, wait, asked]
    graph = read_graph(made)
    assert [n.name for n in graph.nodes][:3] == [send, wait, asked] and len(graph.nodes) == 5
    moved = designing.move(made, task, "", "")
    assert moved["start"] == task and read_graph(moved).nodes[1].name == send
    led = designing.lead(made, asked, "else", wait)
    assert [n.name for n in read_graph(led).nodes][1] == wait, "back to a wait is a circle that rests"
    out = designing.take_out(made, asked)
    assert set(out["nodes"]) == {send, wait, task, "end"}
    with pytest.raises(NotAllowed):
        designing.take_out(out, "end")


PAGE = Path(__file__).parents[2] / "docs/how-to/run-a-journey.md"
BY_HAND = re.findall(r"(?s)```json\n(\{.*?\})\n```", PAGE.read_text(encoding="utf-8"))[0]
SPANS: list[dict[str, Any]] = [
    {"minutes": 90}, {"hours": 0}, {"days": 3}, {"days": 3, "at": "10:00", "working": True},
    {"days": 2, "working": False}, {"working_days": 5, "at": "09:30"}, {"working_days": 1, "working": True},
]  # fmt: skip
BY_SCORE = [{"least": None}, {"least": -2}, {"least": 0.25}, {"least": 3}]
SAID = {"say": "一\n二", "say_en": "a"}
STEPS: list[dict[str, Any]] = [
    *json.loads(BY_HAND)["nodes"].values(),
    *({"do": "send", "template": "t", "means": list(MEANS[:n])} for n in range(1, len(MEANS) + 1)),
    *({"do": "wait", **span} for span in SPANS),
    *({"do": "listen", "event": "clicked", **span} for span in SPANS),
    *({"do": "listen", "event": each, "days": 2} for each in (*EVENTS, "trigger:birthday", "trigger:x")),
    {"do": "if", "when": "aum > 5万\nand has_fund"},
    {"do": "split", "parts": [{"share": "1/2"}, {"share": "0.3"}, {"share": "20%"}]},
    {"do": "split", "by": "churn_risk", "parts": BY_SCORE},
    *({"do": "task", "who": who, "working_days": 0} for who in WHO),
    {"do": "task", "who": "lobby"},
    {"do": "task", "who": "manager", "action": "lost-one", "escalate_days": 3, **SAID},
]
"""Every way to write a step: the documented ones first."""


class Fields(HTMLParser):
    """What the first form of the panel holds, as a browser would send it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.sent: dict[str, str] = {}
        self._name = self._select = ""
        self.feed(page[page.index('id="panel"') :].partition("</form>")[0])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = {name: value or "" for name, value in attrs}
        self._name = held.get("name", "") if tag == "textarea" else ""
        if tag == "select":
            self._select = held["name"]
        elif tag == "option":
            if "selected" in held or self._select not in self.sent:
                self.sent[self._select] = held["value"]
        elif tag in ("input", "textarea"):
            self.sent[held["name"]] = held.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._name:
            self.sent[self._name] = data.replace("\n", "\r\n")

    def handle_endtag(self, tag: str) -> None:
        self._name = ""


def test_a_step_that_is_kept_as_it_was_opened_stays_as_it_was(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    def led(at: int, step: dict[str, Any]) -> dict[str, Any]:
        to = f"s{at + 1}"
        if step["do"] == "split":
            return {**step, "parts": [{**part, "next": to} for part in step["parts"]]}
        ways = ("then", "else") if step["do"] in ("if", "listen") else ("next",)
        return {**step, **dict.fromkeys(ways, to)}

    steps = [step for step in STEPS if step["do"] not in ("exit", "goal")]
    nodes = {f"s{at}": led(at, step) for at, step in enumerate(steps)}
    graph = {"start": "s0", "nodes": {**nodes, f"s{len(steps)}": {"do": "exit"}}}
    read = read_graph(graph)
    held = Journey.objects.create(name="kept", title_zh="保留", draft=graph, made_by=desk[Role.ANALYST])
    client, path = entered[Role.ANALYST], f"/journeys/{held.pk}/design/"
    for name, step in nodes.items():
        sent = Fields(client.get(f"{path}?step={name}").content.decode()).sent
        client.post(path, {**sent, "do": "change"})
        held.refresh_from_db()
        assert read_graph(held.draft) == read, step
    assert held.draft_number == len(steps), "each was kept"


def test_any_clicks_leave_a_design_that_hangs_together() -> None:
    drawn = random.Random(7)
    for _turn in range(60):
        design = designing.empty()
        for _click in range(25):
            name = drawn.choice(list(design["nodes"]))
            ways = designing.ways_of(design["nodes"][name])
            way = drawn.choice(ways)[0] if ways else ""
            try:
                match drawn.choice(["put_in"] * 4 + ["take_out", "lead", "move"]):
                    case "put_in":
                        kind = drawn.choice(list(designing.FRESH))
                        design = designing.put_in(design, name if ways else "", way, kind)[0]
                    case "take_out":
                        design = designing.take_out(design, name)
                    case "lead":
                        design = designing.lead(design, name, way, drawn.choice(list(design["nodes"])))
                    case _:
                        to = drawn.choice(list(design["nodes"]))
                        out = designing.ways_of(design["nodes"][to])
                        design = designing.move(design, name, to, out[0][0] if out else "next")
            except NotAllowed:
                continue
            known = set(design["nodes"])
            assert design["start"] in known
            assert all(to in known for n in design["nodes"].values() for _, to in designing.ways_of(n))
            seen = json.dumps([p.name for p in designing.tree(design)])
            assert seen, "the tree ends"


@pytest.fixture
def audience(desk: dict[str, Person]) -> AudienceVersion:
    made = Audience.objects.create(title="核心客户", made_by=desk[Role.ANALYST])
    return AudienceVersion.objects.create(
        audience=made, number=1, kind="live", text='tier == "core"', night=dt.date(2026, 6, 30), size=400,
        by=desk[Role.ANALYST],
    )  # fmt: skip


def test_from_the_designer_to_a_journey_that_runs(
    desk: dict[str, Person], entered: dict[str, Client], audience: AudienceVersion
) -> None:
    client = entered[Role.ANALYST]
    answer = client.post("/journeys/", {"name": "core_fund", "title_zh": "核心客户基金", "title_en": "Funds"})
    journey = Journey.objects.get()
    path = f"/journeys/{journey.pk}/design/"
    assert answer["Location"] == path
    assert "同名" in client.post("/journeys/", {"name": "core_fund", "title_zh": "x"}).content.decode()
    answer = client.post(path, {"do": "put_in", "after": "", "way": "", "kind": "send"})
    assert answer["Location"].endswith("?step=send#panel")
    page = client.get(path + "?step=send").content.decode()
    assert "模板" in page and "尚缺" in page and 'aria-current="true"' in page
    words = {"do": "change", "step": "send", "template": "fund-hello", "means": "push", "then_means": "sms"}
    client.post(path, words)
    client.post(path, {"do": "put_in", "after": "send", "way": "next", "kind": "split"})
    client.post(path, {"do": "change", "step": "split", "shares": "20%，30%, 50%"})
    journey.refresh_from_db()
    assert journey.draft["nodes"]["send"]["means"] == ["push", "sms"]
    assert [p["share"] for p in journey.draft["nodes"]["split"]["parts"]] == ["20%", "30%", "50%"]
    until = str(timezone.localdate() + dt.timedelta(days=20))
    form = {"audience": audience.audience_id, "control": "45", "purpose": "marketing", "priority": "5",
            "until": until}  # fmt: skip
    by_score = {**SIX["nodes"]["half"], "by": "credit_score_band", "parts": [{"next": "end"}]}
    by_score["parts"] += [{"least": 3, "next": "again"}]
    barred = {**SIX, "nodes": {**SIX["nodes"], "half": by_score}}
    Journey.objects.update(draft=barred)
    refused = client.post(path, {**form, "do": "try"}).content.decode()
    assert "不得用于营销目的" in refused and 'id="tried"' not in refused
    Journey.objects.update(draft=journey.draft)
    tried = client.post(path, {**form, "do": "try"}).content.decode()
    assert 'id="tried"' in tried and not Enrolment.objects.exists()
    refused = client.post(path, {**form, "do": "save", "control": "0.5"}).content.decode()
    assert "1% 对照" in refused
    assert client.post(path, {**form, "do": "save"})["Location"] == f"/journeys/{journey.pk}/"
    version = journey.versions.get()
    assert version.control_ppm == 450_000 and version.audience == audience
    page = f"/journeys/{journey.pk}/"
    answer = client.post(page, {"do": "start", "version": version.pk, "reason": "夏季活动"})
    asked = Approval.objects.get()
    assert answer["Location"] == f"/approvals/{asked.pk}/"
    client.post(f"/approvals/{asked.pk}/", {"do": "approve"})
    version.refresh_from_db()
    assert version.started_at is None, "who asked does not decide"
    shown = entered[Role.COMMITTEE].get(f"/approvals/{asked.pk}/").content.decode()
    assert "45 %" in shown and "核心客户" in shown
    assert "营销" in shown and "优先级" in shown and "fund-hello" in shown and "没有生效的文本" in shown
    entered[Role.COMMITTEE].post(f"/approvals/{asked.pk}/", {"do": "approve"})
    version.refresh_from_db()
    journey.refresh_from_db()
    assert version.started_at is not None and journey.state == "running" and journey.current == version
    assert AuditEntry.objects.filter(action="journeys.start").count() == 1
    assert "核心客户" in client.get(page).content.decode()


def test_an_audience_enters_whole_and_small_ones_are_refused_early(
    desk: dict[str, Person], audience: AudienceVersion, tmp_path: Path, settings: Any
) -> None:
    from quanke_desk.foundation.working import run, take

    shutil.copytree(settings.QUANKE_HOME, tmp_path / "home")
    settings.QUANKE_HOME = str(tmp_path / "home")  # the register of the home is written
    analyst, committee = desk[Role.ANALYST], desk[Role.COMMITTEE]
    until = timezone.localdate() + dt.timedelta(days=20)
    aum = {c: base().row(c, ["aum"])["aum"] or 0 for c in members_of(audience).tolist()}
    yuan = sorted(aum.values())[len(aum) * 9 // 10] // 100
    graph = {**SIX, "goals": [{"name": "grown", "when": f"aum >= {yuan}元"}]}
    grown = {c for c in aum if aum[c] >= yuan * 100}
    for name, share, purpose in (("sells", 450_000, "marketing"), ("serves", 0, "service")):
        journey = journey_actions.make_journey(f"core_{name}", "x", "", by=analyst)
        version = journey_actions.save_design(
            journey, graph, by=analyst, audience=audience, control_ppm=share, until=until, purpose=purpose
        )
        asked = journey_actions.ask_to_start(version, by=analyst, reason="x")
        approvals.decide(asked.pk, True, by=committee)
        held = take()
        assert held is not None and held.kind == "journeys.enter" and held.by == analyst
        run(held)
        held.refresh_from_db()
        assert held.state == "done", held.error
        arms = Counter(Enrolment.objects.filter(version=version).values_list("arm", flat=True))
        there = set(Enrolment.objects.filter(version=version).values_list("customer", flat=True))
        assert grown and not there & grown, "who bought already is in neither arm"
        if share:
            made = CampaignRegister(base().bank.home.path).open(f"core_{name}")
            assert set(made.customers.tolist()) == there
        assert arms[1] > 50 and (
            arms[0] == 0 if not share else abs(arms[0] / sum(arms.values()) - 0.45) < 0.05
        )
    journey = journey_actions.make_journey("core_few", "x", "", by=analyst)
    few = AudienceVersion.objects.create(
        audience=audience.audience, number=2, kind="live", text='tier == "private"', night=base().day,
        size=400, by=analyst,
    )  # fmt: skip
    version = journey_actions.save_design(
        journey, SIX, by=analyst, audience=few, control_ppm=10_000, until=until
    )
    with pytest.raises(NotAllowed, match="too small"):
        journey_actions.ask_to_start(version, by=analyst, reason="x")


def test_text_and_buttons_are_one_design(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    journey = journey_actions.make_journey("by_text", "文本", "", by=desk[Role.ANALYST])
    client, path = entered[Role.ANALYST], f"/journeys/{journey.pk}/design/"
    client.post(path, {"do": "text", "text": json.dumps(SIX)})
    journey.refresh_from_db()
    assert journey.draft == SIX
    for text, says in (
        ("{", "JSON"),
        ('{"nodes": {}}', "步骤"),
        (json.dumps({**SIX, "start": "x"}), "没有此步骤"),
    ):
        assert says in client.post(path, {"do": "text", "text": text}).content.decode()
    journey.refresh_from_db()
    assert journey.draft == SIX
    page = client.get(path).content.decode()
    assert page.count('data-step="') == 9 and "→ <a" in page, "a step met again is named, not shown twice"


def test_who_enters_how_often_and_how_late_by_a_form(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    journey = journey_actions.make_journey("by_moment", "时机", "", by=desk[Role.ANALYST])
    client, path = entered[Role.ANALYST], f"/journeys/{journey.pk}/design/"
    page = client.get(path).content.decode()
    assert '<label for="again">' in page and '<label for="fresh">' in page, "each field has its label"

    def asked(**fields: str) -> dict[str, Any]:
        answer = client.post(path, {"do": "entry", **fields})
        journey.refresh_from_db()
        return {n: journey.draft.get(n) for n in ("entry", "again", "fresh")} | {"page": answer}

    made = asked(entry="trigger:birthday", again="300", fresh="12")
    assert (made["entry"], made["again"], made["fresh"]) == ("trigger:birthday", 300, 12)
    graph = read_graph(journey.draft)
    assert (graph.again, graph.fresh) == (300, 12)
    page = client.get(path).content.decode()
    assert "由触发“客户生日”进入 · 距上次进入满 300 天可再次进入 · 触发后 12 小时内有效" in page
    assert 'id="again" name="again" type="number" min="0" max="400" value="300"' in page
    client.post("/language/", {"language": "en", "next": "/"})
    page = html.unescape(client.get(path).content.decode())
    assert "by the trigger Birthday · anew 300 days after the last time · up to 12 hours after it" in page
    client.post("/language/", {"language": "zh-hans", "next": "/"})
    made = asked(entry="trigger:birthday", again="", fresh="")
    assert (made["entry"], made["again"], made["fresh"]) == ("trigger:birthday", None, None)
    assert "每位客户只进入一次 · 触发后 24 小时内有效" in client.get(path).content.decode()
    for fields, says in (
        ({"entry": "interface", "fresh": "3"}, "只有触发进入才有时效"),
        ({"entry": "trigger:birthday", "again": "401"}, "最多 400 天"),
        ({"entry": "trigger:birthday", "again": "-1"}, "整数"),
        ({"entry": "trigger:birthday", "again": "x"}, "整数"),
    ):
        refused = asked(**fields)
        assert says in refused["page"].content.decode() and refused["entry"] == "trigger:birthday"
    assert asked(entry="interface", again="7")["again"] == 7
    made = asked(entry="", again="", fresh="")
    assert (made["entry"], made["again"]) == (None, None) and read_graph(journey.draft).again == 0


def test_who_may_not(desk: dict[str, Person], entered: dict[str, Client], audience: AudienceVersion) -> None:
    analyst, committee = desk[Role.ANALYST], desk[Role.COMMITTEE]
    journey = journey_actions.make_journey("mine_alone", "x", "", by=analyst)
    until = timezone.localdate() + dt.timedelta(days=5)
    with pytest.raises(NotAllowed):
        journey_actions.save_design(
            journey, SIX, by=committee, audience=None, control_ppm=100_000, until=until
        )
    with pytest.raises(GraphError, match="when"):
        bad = {**SIX, "nodes": {**SIX["nodes"], "rich": {**SIX["nodes"]["rich"], "when": "no_tag > 1"}}}
        journey_actions.save_design(journey, bad, by=analyst, audience=None, control_ppm=100_000, until=until)
    assert entered[Role.COMMITTEE].get(f"/journeys/{journey.pk}/").status_code == 200
    assert entered[Role.COMMITTEE].get(f"/journeys/{journey.pk}/design/").status_code == 403
    assert entered[Role.CUSTOMER_MANAGER].get("/journeys/").status_code == 403
    open_to_systems = {"entry": "interface", **SIX}
    version = journey_actions.save_design(
        journey, open_to_systems, by=analyst, audience=None, control_ppm=100_000, until=until
    )
    asked = journey_actions.ask_to_start(version, by=analyst, reason="x")
    approvals.decide(asked.pk, True, by=committee)
    journey.refresh_from_db()
    for turn, state in (("pause", "paused"), ("resume", "running"), ("drain", "draining")):
        getattr(journey_actions, turn)(journey, by=analyst, reason="x")
        journey.refresh_from_db()
        assert journey.state == state
    with pytest.raises(NotAllowed):
        journey_actions.resume(journey, by=analyst, reason="x")
    with pytest.raises(NotAllowed):
        journey_actions.pause(journey, by=analyst, reason=" ")


def test_ending_lets_everybody_out(desk: dict[str, Person]) -> None:
    from quanke_desk.campaigns.entering import enter
    from quanke_desk.campaigns.moving import move_due

    analyst = desk[Role.ANALYST]
    journey = journey_actions.make_journey("to_end", "x", "", by=analyst)
    version = journey_actions.save_design(
        journey, {"entry": "interface", **SIX}, by=analyst, audience=None, control_ppm=10_000,
        until=timezone.localdate() + dt.timedelta(days=5),
    )  # fmt: skip
    asked = journey_actions.ask_to_start(version, by=analyst, reason="x")
    approvals.decide(asked.pk, True, by=desk[Role.COMMITTEE])
    version.refresh_from_db()
    version.journey.refresh_from_db()
    entered = enter(version, np.arange(50))
    control = Enrolment.objects.filter(state="c").count()
    assert journey_actions.end(journey, by=analyst, reason="x") == entered - control
    assert move_due().steps == 0 and not Send.objects.exists()


def test_two_at_one_design_do_not_undo_each_others_work(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    journey = journey_actions.make_journey("by_two", "两人", "", by=desk[Role.ANALYST])
    client, path = entered[Role.ANALYST], f"/journeys/{journey.pk}/design/"
    client.post(path, {"do": "text", "text": json.dumps(SIX)})

    def number() -> str:
        [found] = set(re.findall(r'name="draft" value="(\d+)"', client.get(path).content.decode()))
        return str(found)

    mine = theirs = number()
    for form in re.findall(r"<form method=\"post\".*?</form>", client.get(path).content.decode(), re.DOTALL):
        assert 'name="draft"' in form or 'name="do"' not in form, "every form says which design it is about"
    change = {"do": "change", "step": "rest", "unit": "days", "count": "9", "at": "10:00"}
    client.post(path, {**change, "draft": theirs})
    journey.refresh_from_db()
    assert journey.draft["nodes"]["rest"]["days"] == 9 and number() != mine
    until = str(timezone.localdate() + dt.timedelta(days=20))
    save = {"do": "save", "control": "20", "purpose": "marketing", "priority": "5", "until": until}
    for stale in ({"do": "take_out", "step": "again"}, {"do": "text", "text": json.dumps(SIX)}, save):
        page = client.post(path, {**stale, "draft": mine}).content.decode()
        assert "已被他人修改" in page and f'value="{number()}"' in page, "and the page goes on from there"
    before = journey.draft
    journey.refresh_from_db()
    assert journey.draft == before and not journey.versions.exists()
    Journey.objects.update(draft_number=99)  # changed between the look and the writing
    with pytest.raises(journey_actions.StaleDraft):
        journey_actions.keep_draft(journey, SIX, by=desk[Role.ANALYST])


def test_a_step_is_shown_in_words_and_lists_are_searched(
    desk: dict[str, Person], entered: dict[str, Client], audience: AudienceVersion
) -> None:
    graph = {**SIX, "nodes": {**SIX["nodes"]}}
    graph["nodes"]["heard"] = {**SIX["nodes"]["heard"], "event": "trigger:salary_arrived"}
    graph["nodes"]["call"] = {**SIX["nodes"]["call"], "action": "fund_call"}
    by = desk[Role.ANALYST]
    journey = Journey.objects.create(name="words", title_zh="文字", draft=graph, made_by=by)
    path = f"/journeys/{journey.pk}/design/"
    client = entered[Role.ANALYST]
    page = client.get(path + "?step=call").content.decode()
    steps = re.sub("<[^>]+>", " ", page)
    assert f"{means_word('push')} → {means_word('sms')}" in steps and "代发工资到账" in steps
    assert "push → sms" not in steps and "trigger:salary_arrived" not in steps.partition("JSON")[0]
    action = dict(actions())["fund_call"]
    assert f'value="fund_call" selected>{action}<' in page
    for name in ("entry", "audience", "offer", "f-action"):
        assert re.search(f'id="{name}"[^>]* data-search="输入以查找"', page), name
    assert "campaigns/choosing" in page and not re.search("<script(?![^>]*src=)[^>]*>(?!\\s*{)", page)
    # what the customer is told has a field of its own, in both languages
    said = {"say": "您好，想和您聊聊。", "say_en": "May I call on you?"}
    form = {"do": "change", "step": "call", "who": "manager", "action": "fund_call", "working_days": "2"}
    client.post(path, {**form, **said})
    journey.refresh_from_db()
    assert journey.draft is not None
    assert {k: journey.draft["nodes"]["call"][k] for k in said} == said
    page = client.get(path + "?step=call").content.decode()
    assert said["say"] in page and said["say_en"] in page
    client.post(path, {**form, "say": "", "say_en": ""})
    journey.refresh_from_db()
    assert "say" not in journey.draft["nodes"]["call"], "emptied, it says nothing"
    page = client.get(path + "?step=heard").content.decode()
    assert 'value="trigger:salary_arrived" selected>代发工资到账<' in page and "链接被点击" in page
    client.post(path, {"do": "change", "step": "heard", "event": "trigger", "trigger": "trigger:birthday",
                       "count": "2", "unit": "days"})  # fmt: skip
    journey.refresh_from_db()
    assert journey.draft["nodes"]["heard"]["event"] == "trigger:birthday"
