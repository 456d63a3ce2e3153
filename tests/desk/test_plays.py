"""Plays that are ready, and pages of what campaigns changed."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone, translation

from quanke.effects.groups import effect_rules
from quanke.effects.outcomes import STANDARD, standard_outcomes
from quanke.effects.store import EffectStore
from quanke.kernel.calendars import SHANGHAI
from quanke.night.campaigns import held_out
from quanke_desk.campaigns import effect_queries, expecting, journey_actions, plays, triggering
from quanke_desk.campaigns.branching import check_conditions, holds_of
from quanke_desk.campaigns.cohorts import _entered
from quanke_desk.campaigns.designing import tree
from quanke_desk.campaigns.graph import read_graph
from quanke_desk.campaigns.later_versions import plan_of
from quanke_desk.campaigns.models import (
    Arm,
    Audience,
    AudienceVersion,
    Enrolment,
    Journey,
    JourneyVersion,
    Template,
)
from quanke_desk.campaigns.moving import move_due
from quanke_desk.campaigns.named import campaign_of
from quanke_desk.campaigns.simulating import simulate
from quanke_desk.campaigns.task_words import about_tasks
from quanke_desk.customers.at_night import at_night
from quanke_desk.customers.queries import risk_of_product
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import AuditEntry, Person
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import Role
from tests.desk.test_journeys import NOW, running
from tests.desk.test_policy import agreed

NOW_DAY = dt.datetime.fromtimestamp(NOW, SHANGHAI).date()


@pytest.mark.parametrize("play", plays.PLAYS, ids=lambda play: play.name)
def test_a_play_is_whole(desk: dict[str, Person], play: plays.Play) -> None:
    graph = read_graph(play.graph())
    check_conditions(graph)
    assert graph.templates() == {text.code for text in play.texts}
    means = {text.code: text.means for text in play.texts}
    assert all(n.means[0] == means[n.template] for n in graph.nodes if n.template), "its own means first"
    assert tree(play.graph()) and play.control.endswith("%")
    everybody = np.flatnonzero(base().there)
    assert 0 < holds_of(play.audience, everybody).sum() < len(everybody), "somebody, not everybody"
    assert all(text.zh and text.en and len(text.zh) <= 60 for text in play.texts)


def test_the_gate_knows_the_class_of_every_text_of_every_play(desk: dict[str, Person]) -> None:
    classes = {
        text.code: risk_of_product(text.product) for p in plays.PLAYS for text in p.texts if text.product
    }
    assert classes == {"payroll-wallet": 5, "payroll-fund": 4, "repay-fund": 5, "car-insurance": 2}
    assert risk_of_product("term") == 0 and risk_of_product("foundation") is None
    fund = {"product_id": "F", "category": "fund", "risk_class": "R1", "issuer_risk_class": None}
    shelf = at_night().products
    off = {**fund, "risk_class": "R5", "on_sale_to": base().day - dt.timedelta(days=1)}
    at_night()._kept["products"] = {"F": fund, "G": off}
    assert risk_of_product("fund") == 1, "what is sold no more counts no more"
    at_night()._kept["products"] = {"G": {**fund, "risk_class": None}}
    assert risk_of_product("fund") is None, "a fund must have a class"
    at_night()._kept["products"] = shelf


def test_care_at_maturity_reaches_whom_it_is_for(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    plays.start_from("maturity_care", by=desk[Role.ANALYST])
    graph = plays.BY_NAME["maturity_care"].graph()
    some = np.array(agreed("push", 200))
    tried = simulate(running(desk, {**graph, "entry": ""}), read_graph({**graph, "entry": ""}), some, NOW)
    assert tried.asked["hello", "push"] > 10 and sum(tried.pushes.values()) > 10
    assert not [rule for _step, _means, rule in tried.refused if rule == "suitability"]
    plays.start_from("payroll_welcome", by=desk[Role.ANALYST])
    page = f"/campaigns/templates/{Template.objects.get(code='payroll-fund').pk}/"
    assert "最高风险等级（R4）" in entered[Role.ANALYST].get(page).content.decode()


def test_one_click_starts_from_a_play(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    client = entered[Role.ANALYST]
    page = client.get("/plays/").content.decode()
    assert page.count('name="play"') == len(plays.PLAYS) == 10 and "新开卡二次营销" in page
    for turn in range(2):
        answer = client.post("/plays/", {"play": "dormant_wake"})
        made = Journey.objects.first()
        assert made is not None and answer["Location"] == f"/journeys/{made.pk}/design/"
        assert made.name == ("dormant_wake", "dormant_wake_2")[turn] and made.state == "draft"
        assert "尚缺" not in client.get(answer["Location"]).content.decode(), "the design lacks nothing"
    assert Audience.objects.count() == 2
    assert set(Template.objects.values_list("code", flat=True)) == {
        "wake-login", "wake-login.sms", "wake-gift", "wake-gift.push",
    }  # fmt: skip
    assert not Template.objects.exclude(versions__state="draft").exists(), "texts wait for approval"
    assert AuditEntry.objects.filter(action="journeys.play").count() == 2
    assert 'name="play"' not in entered[Role.COMMITTEE].get("/plays/").content.decode()
    # a name and a title that others took meanwhile are passed by, and what was taken away leaves no hole
    journey_actions.make_journey("dormant_wake_3", "别的", "", by=desk[Role.ANALYST])
    Audience.objects.create(title="睡眠户唤醒 4", made_by=desk[Role.ANALYST])
    made = plays.start_from("dormant_wake", by=desk[Role.ANALYST])
    assert (made.name, made.title_zh, made.title_en) == (
        "dormant_wake_5", "睡眠户唤醒 5", "Waking who sleeps 5",
    )  # fmt: skip
    Journey.objects.filter(name="dormant_wake").delete()
    names = {plays.start_from("dormant_wake", by=desk[Role.ANALYST]).name for _turn in range(2)}
    assert names == {"dormant_wake_6", "dormant_wake_7"}, "the first one's audience is there still"
    with pytest.raises(NotAllowed):
        plays.start_from("dormant_wake", by=desk[Role.COMMITTEE])
    with pytest.raises(NotAllowed):
        plays.start_from("nothing", by=desk[Role.ANALYST])


def test_a_plays_tasks_say_what_to_say(desk: dict[str, Person]) -> None:
    for play in plays.PLAYS:
        for node in read_graph(play.graph()).nodes:
            assert (node.do == "task") == bool(node.say) == bool(node.say_en), f"{play.name} {node.name}"
            assert not re.search("[一-鿿]", node.say_en)
    play = plays.BY_NAME["birthday"]
    made = plays.start_from("birthday", by=desk[Role.ANALYST])
    version = JourneyVersion.objects.create(
        journey=made, number=1, graph=play.graph(), control_ppm=0, until=NOW_DAY, by=desk[Role.ANALYST],
        started_at=dt.datetime.fromtimestamp(NOW, SHANGHAI),
    )  # fmt: skip
    asked = (made.name, campaign_of(version, NOW), "call")
    for language, text in (("zh-hans", "祝您生日快乐"), ("en", "A happy birthday")):
        with translation.override(language):
            said = about_tasks([asked])[asked]
            assert text in said.say and said.because


def test_a_play_says_how_much_and_where_that_is_from(
    desk: dict[str, Person], entered: dict[str, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    with translation.override("en"):
        assumed = expecting.expected(plays.BY_NAME["outflow_win_back"], [])
        assert assumed is not None and "¥2,000" in assumed.amount and "assumption" in assumed.source
        assert expecting.expected(plays.BY_NAME["birthday"], []) is None, "a service promises nothing"
        assert all(p.assumed is not None for p in plays.PLAYS if p.purpose == "marketing")
        row = {"name": "login", "title_en": "Logged in", "title_zh": "登录", "unit": "people"}
        told = {"outcomes": [row | {"effect": 0.031, "low": 0.01, "high": 0.05}], "learning": None}
        of = effect_queries.Campaign("dormant_wake.v1", "Waking", True, "", "", told, ("2026-06-30",))
        version = running(desk, {"nodes": {}}, name="dormant_wake")
        Journey.objects.update(play="dormant_wake")
        version.refresh_from_db()
        found = expecting.expected(plays.BY_NAME["dormant_wake"], [(of, version)])
        assert found is not None and "+3.10 %" in found.amount and found.link == of.name
        assert "Waking" in found.source and "+1.00 %" in found.source and "30 Jun 2026" in found.source
        other = expecting.expected(plays.BY_NAME["card_repayment"], [(of, version)])
        assert other is not None and not other.link, "another play's measure is not its own"
    monkeypatch.setattr(expecting, "measured", lambda: [(of, version)])
    page = entered[Role.ANALYST].get("/plays/").content.decode()
    assert "为本打法的假设值" in page and "/effects/dormant_wake.v1/" in page and "不承诺数值" in page


def test_who_reads_english_reads_no_chinese_on_plays(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    person = desk[Role.ANALYST]
    person.language = "en"
    person.save()
    entered[Role.ANALYST].cookies["django_language"] = "en"
    page = entered[Role.ANALYST].get("/plays/", headers={"accept-language": "en"}).content.decode()
    plain = re.sub(r"<[^>]+>", " ", page[page.index('class="plays"') :])
    plain = re.sub(r"[a-z_]+ [<>]=? [\d_]+元", "", plain.replace("&gt;", ">").replace("&lt;", "<"))
    plain = plain.replace("中文", "").replace("元", "")
    assert "Log in and a welcome gift is yours." in plain
    assert not re.search("[一-鿿]", plain), re.findall(".{20}[一-鿿]+.{20}", plain)[:3]


def test_a_play_is_measured_by_its_metric(desk: dict[str, Person]) -> None:
    """Success is judged by the first metric of a design: the play's, of whole audiences as of months."""
    made = plays.start_from("dormant_wake", by=desk[Role.ANALYST])
    assert made.play == "dormant_wake" and {p.metric for p in plays.PLAYS} <= set(STANDARD)
    assert tuple(standard_outcomes("x", 30, base().day)) == STANDARD
    version = JourneyVersion.objects.create(
        journey=made, number=1, graph={"entry": "trigger:x"}, control_ppm=200_000, until=base().day,
        by=desk[Role.ANALYST], audience=AudienceVersion.objects.first(),
    )  # fmt: skip
    day = dt.date(2026, 7, 1)
    graph = read_graph(plays.BY_NAME["dormant_wake"].graph())
    for metrics in (plan_of(version, graph).metrics, _entered(version, day, day).metrics):
        assert metrics[0] == "login" and sorted(metrics) == sorted(STANDARD)
    for offer, product in (("fund_call", "fund"), ("term", "term"), ("tier_lift", ""), ("", "")):
        version.offer = offer  # both count the same purchases
        assert plan_of(version, graph).product == _entered(version, day, day).product == product
    Journey.objects.update(play="")
    assert plays.metrics_of(Journey.objects.get()) == ()


@pytest.mark.parametrize("name", ["birthday", "outflow_win_back", "edge_lift"])
def test_a_play_brings_audience_control_and_purpose(
    desk: dict[str, Person], entered: dict[str, Client], name: str
) -> None:
    client, play = entered[Role.ANALYST], plays.BY_NAME[name]
    path = client.post("/plays/", {"play": name})["Location"]
    asked = client.get(path).context["asked"]
    saved = Audience.objects.get()
    assert asked["audience"] == str(saved.pk) and saved.versions.get().text == play.audience
    assert (asked["control"] + "%", asked["purpose"]) == (play.control, play.purpose)
    client.post(path, {**asked, "do": "save"})
    version = Journey.objects.get().versions.get()
    assert version.audience == saved.versions.get() and version.purpose == play.purpose
    assert f"{version.control_share:.0%}" == play.control
    days = (version.until - timezone.localdate()).days
    assert days > 365 + play.again if play.entry else days == 30
    trigger = f"trigger:{play.entry}" if play.entry else ""
    assert (version.graph.get("entry", ""), version.graph.get("again", 0)) == (trigger, play.again)


def test_plays_that_wait_for_a_moment_enter_by_it() -> None:
    by = {play.name: (play.entry, play.again) for play in plays.PLAYS if play.entry}
    assert by == {
        "new_card_second": ("new_card_unused", 0), "outflow_win_back": ("large_outflow_to_bank", 90),
        "maturity_care": ("term_deposit_maturing", 60),
        "payroll_welcome": ("salary_arrived", 0), "visit_call_back": ("branch_arrival", 30),
        "holiday_insurance": ("holiday_ahead", 365), "birthday": ("birthday", 300),
    }  # fmt: skip


def test_who_moves_money_away_enters_that_day_and_anew_in_three_months(desk: dict[str, Person]) -> None:
    """He enters by the outflow itself: what the tags of the night before it say must not keep him out."""
    play = plays.BY_NAME["outflow_win_back"]
    of = base()
    there = np.flatnonzero(of.there)
    inside = there[holds_of(play.audience, there)]
    until = NOW_DAY + dt.timedelta(days=400)
    fit = inside[~held_out(effect_rules(of.bank.home.path).hold_out, inside, NOW_DAY, until)][:200]
    # customers whose money grew until then: by a goal on growth they would be taken as won back already
    grown = fit[holds_of("aum_change_rate_30d > 0", fit)]
    assert len(grown) > 10
    version = running(desk, play.graph(), name="win_back", control=100_000)
    version.until = until
    version.save()
    fired = [triggering.Fired(play.entry, int(c), f"{c}", NOW - 600) for c in grown]
    triggering.note(fired, NOW)
    assert triggering.tell(NOW) == len(grown)
    controls = Enrolment.objects.filter(arm=Arm.CONTROL).count()
    assert 0 < controls < len(grown)
    later = NOW + 91 * 86_400
    move_due(NOW)
    move_due(NOW + 20 * 86_400)
    assert not Enrolment.objects.filter(state__in="we").exists(), "all are through"
    triggering.note([triggering.Fired(play.entry, int(c), f"{c}:2", later) for c in grown], later)
    assert triggering.tell(later) == len(grown) and Enrolment.objects.filter(turn=1).count() == len(grown)
    assert set(Enrolment.objects.filter(arm=Arm.CONTROL, turn=1).values_list("customer", flat=True)) == set(
        Enrolment.objects.filter(arm=Arm.CONTROL, turn=0).values_list("customer", flat=True)
    )


def test_what_a_campaign_changed(
    desk: dict[str, Person], entered: dict[str, Client], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quanke.effects.store.FOLDER", str(tmp_path))  # not into the home tests share
    client = entered[Role.COMMITTEE]
    page = client.get("/effects/").content.decode()
    names = [c.name for c in effect_queries.campaigns()]
    assert names and all(f"/effects/{name}/" in page for name in names)
    assert not any(name.startswith("plan.") for name in names)
    assert client.get("/effects/nothing/").status_code == 404
    name = "fund_spring_2026"
    assert name in names
    EffectStore(base().bank.home.path).keep(base().bank.effects(name))
    found = effect_queries.campaign(name)
    assert found is not None and found.told is not None and found.sentence
    page = client.get(f"/effects/{name}/").content.decode()
    assert found.sentence in page and page.count("<svg") >= len(found.told["outcomes"])
    bars = [o["bar"] for o in effect_queries.shown_outcomes(found.told) if o["bar"]]
    assert bars and all(0 <= bar["low"] <= bar["at"] <= bar["high"] <= 100 for bar in bars)
    assert client.post(f"/effects/{name}/").status_code == 302
    assert entered[Role.CUSTOMER_MANAGER].get("/effects/").status_code == 403
