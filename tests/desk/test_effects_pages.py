"""Pages of effects: advice, cost and return, groups in words, what the plan learns, the report on paper."""

from __future__ import annotations

import copy
import datetime as dt
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from django.db.models import Count
from django.test import Client
from django.utils import translation
from django.utils.html import escape

from quanke.effects.store import FOLDER
from quanke.kernel.calendars import SHANGHAI
from quanke.kernel.errors import EffectError
from quanke.segments import DEFAULT_SCHEME
from quanke_desk.campaigns import effect_figures, effect_queries, effect_report, plays
from quanke_desk.campaigns.costs import cost_lines
from quanke_desk.campaigns.effect_words import groups_in_words
from quanke_desk.campaigns.entering import enter
from quanke_desk.campaigns.models import Enrolment, Journey, JourneyVersion, Send
from quanke_desk.campaigns.moving import move_due
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.exports import mark_of
from quanke_desk.foundation.jobs import KINDS
from quanke_desk.foundation.local_form import yuan
from quanke_desk.foundation.models import AuditEntry, Branch, Export, ParameterValue, Person, Post
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.printed import FOOT, MARGIN, WIDTH, lines_of
from quanke_desk.foundation.roles import Role
from quanke_desk.work.models import Contact, Evidence, FollowUp, MachineKey
from tests.desk.test_journeys import NOW, SIX, running

NAME = "fund_spring_2026"
PDF = shutil.which("pdftotext")


@pytest.fixture(scope="module")
def told(after_june: Path) -> dict[str, Any]:
    """The effect of a campaign of the sample bank, measured once."""
    import quanke

    found: dict[str, Any] = quanke.open(after_june).effects(NAME).to_json()
    return found


@pytest.fixture
def published(
    told: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, Any]]:
    """Publishes it, changed, where no home sees it."""
    monkeypatch.setattr("quanke.effects.store.FOLDER", str(tmp_path / FOLDER))

    def publish(lacks: tuple[str, ...] = (), **changes: Any) -> dict[str, Any]:
        import json

        made = copy.deepcopy(told) | changes
        made = {name: held for name, held in made.items() if name not in lacks}
        folder = tmp_path / FOLDER / NAME
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{made['as_of']}.json").write_text(json.dumps(made), encoding="utf-8")
        return made

    return publish


def group(told: dict[str, Any], dimension: str, member: str, treated: int = 400) -> dict[str, Any]:
    """A group as the library publishes it, with the figures of the first metric."""
    first = {k: v for k, v in told["outcomes"][0].items() if k not in ("name", "title_zh", "title_en")}
    of = {"dimension": dimension, "member": member, "hidden": False}
    return {**first, **of, "n_treated": treated, "n_control": treated}


def page_of(client: Client) -> str:
    return client.get(f"/effects/{NAME}/").content.decode()


def test_advice_and_return_stand_on_the_page(
    published: Callable[..., Any], entered: dict[str, Client]
) -> None:
    made = published()
    page = page_of(entered[Role.COMMITTEE])
    assert made["advice"]["sentence_zh"] in page and made["advice"]["verdict"] in ("shown", "not_shown")
    assert page.index('id="answer"') < page.index('id="advice"') < page.index("成本与回报")
    gain, pushed = made["gain"], made["funnel"]["pushed"]
    assert gain["low"] <= gain["fen"] <= gain["high"] and 0 < gain["margin"] < 0.1
    cost = (pushed * 100 + 500) // 1_000  # each push a tenth of a fen
    assert f'id="cost">¥{cost / 100:.2f}' in page
    assert yuan(gain["fen"]) in page and yuan(gain["fen"] - cost) in page


def test_nothing_was_spent_and_nothing_is_divided_by(
    published: Callable[..., Any], entered: dict[str, Client], desk: dict[str, Person]
) -> None:
    published()
    for name in ("campaign.cost.push", "campaign.cost.sms"):
        ParameterValue.objects.create(
            name=name, value=0, since=dt.date(2020, 1, 1), by=desk[Role.ADMINISTRATOR], reason="x"
        )
    page = page_of(entered[Role.COMMITTEE])
    assert re.search(r'id="per-yuan">-</dd>', page)


def test_costs_are_those_of_their_day(published: Callable[..., Any], desk: dict[str, Person]) -> None:
    """A dearer message later leaves what was sent before at its price."""
    published()
    before = sum(line.fen for line in cost_lines(NAME))
    for since, to in ((dt.date(2026, 3, 1), 5_000), (dt.date(2026, 5, 1), 900_000)):
        ParameterValue.objects.create(
            name="campaign.cost.push", value=to, since=since, by=desk[Role.ADMINISTRATOR], reason="x"
        )
    (line,) = cost_lines(NAME)
    assert line.fen == (line.count * 5_000 + 500) // 1_000 > before


def test_a_text_message_costs_as_many_parts_as_it_was_sent_as(desk: dict[str, Person]) -> None:
    version = running(desk, SIX)
    one = Enrolment.objects.create(version=version, customer=1, node=0, entered=0)
    for n, (means, parts) in enumerate((("sms", 2), ("sms", 1), ("push", 1))):
        Send.objects.create(
            key=f"k{n}", enrolment=one, customer=1, template="t", means=means, purpose="marketing", state="t",
            made=0, decided=NOW, parts=parts,
        )  # fmt: skip
    lines = {line.means: line for line in cost_lines("summer")}
    assert (lines["sms"].count, lines["sms"].parts, lines["sms"].fen) == (2, 3, 14)
    assert lines["sms"].many and not lines["push"].many


def task(name: str, means: str, proved: int | None, desk: dict[str, Person], **more: Any) -> FollowUp:
    """A task of a campaign, done by a contact of which somebody typed ten minutes."""
    by = desk[Role.CUSTOMER_MANAGER]
    at = dt.datetime(2026, 7, 6, 12, tzinfo=SHANGHAI)
    done = Contact.objects.create(
        customer=1, person=by, at=at, day=at.date(), means=means, seconds=600, outcome="served"
    )
    if proved is not None:
        machine, _made = MachineKey.objects.get_or_create(
            name="calls", defaults={"use": "evidence", "digest": "x", "made_by": by}
        )
        reference = str(done.pk)
        proof = {"reference": reference, "machine": machine, "person": by, "customer": 1, "at": at}
        Evidence.objects.create(kind="recording", seconds=proved, contact=done, **proof)
    given = {"customer": 1, "due_on": at.date(), "made_by": by, "journey": "summer", "campaign": name}
    asked = {"kind": "journey", "means": means, **given, **more}
    return FollowUp.objects.create(done_by=done, done_at=at, **asked)


def test_tasks_count_for_their_own_version_and_as_proved(desk: dict[str, Person]) -> None:
    """Those of a later version are its own; tasks of the lobby count too; minutes typed are no cost."""
    version = running(desk, SIX)
    JourneyVersion.objects.create(
        journey=version.journey, number=2, graph=SIX, control_ppm=0, until=dt.date(2026, 9, 1),
        by=desk[Role.ANALYST],
    )  # fmt: skip
    for proved in (90, None):
        task("summer_v2", "call", proved, desk)
    task("summer_v2", "ticket", None, desk, kind="lobby")
    assert cost_lines("summer") == []
    call, minute = (value(f"campaign.cost.{name}", dt.date(2026, 7, 6)) for name in ("call", "minute"))
    found = {line.means: (line.count, line.fen) for line in cost_lines("summer_v2")}
    assert found == {"call": (2, (2 * 60 * call + 90 * minute + 30) // 60), "ticket": (1, 0)}


def test_tasks_are_given_in_the_month_of_who_entered(desk: dict[str, Person]) -> None:
    call = {"start": "call", "nodes": {"call": SIX["nodes"]["call"], "end": {"do": "exit"}}}
    version = running(desk, {**call, "entry": "trigger:x"})
    enter(version, np.flatnonzero(base().there)[:60], NOW)
    early = Enrolment.objects.order_by("id").values("pk")[:20]
    june = int(dt.datetime(2026, 6, 20, tzinfo=SHANGHAI).timestamp())
    Enrolment.objects.filter(pk__in=early).update(entered=june)
    move_due(NOW)
    months = FollowUp.objects.values_list("campaign").annotate(n=Count("id")).order_by("campaign")
    of = {"summer_202606": 20, "summer_202607": 40}
    assert [name for name, _n in months] == list(of)
    assert all(0 < n <= of[name] for name, n in months), "without whom the bank holds out"


def test_pushes_may_bear_whatever_name(
    entered: dict[str, Client], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("quanke.effects.store.FOLDER", str(tmp_path))
    names = frozenset({"基金春季", "50% off?", "a/b", ".hidden", "长" * 100})
    monkeypatch.setattr(effect_queries, "_pushed", lambda _home: names)
    (tmp_path / "50% off?").mkdir()
    (tmp_path / "50% off?" / "2026-06-30.json").write_text("{", encoding="utf-8")
    client = entered[Role.COMMITTEE]
    page = client.get("/effects/").content.decode()
    links = re.findall(r'href="(/effects/[^"]+/)"', page)
    assert len([each for each in links if "%" in each]) == 2 and "a/b" in page and ".hidden" in page
    assert page.count("不能作为文件夹名") == 3 and "2026-06-30.json 无法读取" in page
    for each in links:
        assert client.get(each).status_code == 200, each
    assert client.get("/effects/.hidden/").status_code == client.get("/effects/a/b/").status_code == 404


def test_measured_again_the_old_answer_stays_and_that_is_said(
    published: Callable[..., Any], desk: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    published(facts="other")
    running_: Any = SimpleNamespace(step=lambda *_told: None)
    measured = KINDS["journeys.measure"].handler(running_, NAME)
    with translation.override("zh-hans"):
        assert "保持不变" in translation.gettext(measured["told"])
        assert measured["told"].startswith("An effect of this day was published before")

    def early(_name: str) -> None:
        raise EffectError("it is too early", "为时过早")

    monkeypatch.setattr(type(base().bank), "effects", lambda _bank, name, **_more: early(name))
    for language, words in (("zh-hans", "为时过早"), ("en", "too early")):
        with translation.override(language), pytest.raises(NotAllowed, match=words):
            KINDS["journeys.measure"].handler(running_, NAME)


def test_an_older_effect_without_advice_is_still_shown(
    published: Callable[..., Any], entered: dict[str, Client]
) -> None:
    published(lacks=("advice", "gain", "learning"))
    page = page_of(entered[Role.COMMITTEE])
    assert "暂无：测量时尚未提供建议" in page and "产品未给出利差" in page and 'id="learning"' not in page


def test_where_nobody_said_what_is_good_there_is_no_advice(
    published: Callable[..., Any], entered: dict[str, Client]
) -> None:
    published(advice=None)
    page = page_of(entered[Role.COMMITTEE])
    assert "没有说明首个指标是否越多越好" in page and "测量时尚未提供建议" not in page


def test_what_speaks_against_it_is_told_in_the_language_of_who_looks(
    published: Callable[..., Any], told: dict[str, Any], entered: dict[str, Client]
) -> None:
    warnings = told["warnings_zh"]
    assert len(warnings) == len(told["warnings"]) and told["warnings"], "the sample's campaigns have some"
    latin = re.compile(r"[A-Za-z]{3,}")
    assert not any(latin.search(w.replace("AUM", "")) for w in warnings), warnings
    assert not latin.search(told["method_zh"].replace("CUPED", "")) or "Welch" in told["method_zh"]
    client = entered[Role.COMMITTEE]
    published()
    page = page_of(client)
    assert f'<li lang="zh-Hans">{escape(warnings[0])}' in page and told["method_zh"] in page
    client.post("/language/", {"language": "en", "next": "/"})
    page = page_of(client)
    assert f'<li lang="en">{escape(told["warnings"][0])}' in page and warnings[0] not in page
    client.post("/language/", {"language": "zh-hans", "next": "/"})
    published(lacks=("warnings_zh", "method_zh"))
    assert f'<li lang="en">{escape(told["warnings"][0])}' in page_of(client), "published before"


def test_a_play_is_read_by_its_metric(
    published: Callable[..., Any], entered: dict[str, Client], desk: dict[str, Person]
) -> None:
    """With what it was started for; that advice was by another metric is said."""
    made = published()
    version = running(desk, SIX)
    Journey.objects.filter(pk=version.journey_id).update(name=NAME, play="dormant_wake")
    page = page_of(entered[Role.COMMITTEE])
    login = next(o for o in made["outcomes"] if o["name"] == "login")
    answer = page[page.index('id="answer"') : page.index('id="advice"')]
    assert login["sentence_zh"] in answer and made["sentence_zh"] not in answer
    assert str(plays.BY_NAME["dormant_wake"].expected) in answer and made["outcomes"][0]["title_zh"] in answer
    assert page.index('id="metric-login"') < page.index('id="metric-aum_mean"')
    Journey.objects.update(play="")
    assert 'id="play"' not in page_of(entered[Role.COMMITTEE])


def test_the_report_has_groups_that_are_shown_first_and_of_each_dimension(
    published: Callable[..., Any], told: dict[str, Any], desk: dict[str, Person], tmp_path: Path
) -> None:
    """The largest differences are those of the smallest groups: they are pale, and drive nobody out."""
    noise = {"effect": 9e9, "low": -1e10, "high": 3e10, "significant": False}
    seen = {"effect": 5e4, "low": 1e4, "high": 9e4, "significant": True}
    branches = [b.branch_id for b in Branch.objects.order_by("left")[2:6]]
    groups = [group(told, "branch", b) | noise for b in branches[1:]] + [
        group(told, "branch", branches[0]) | seen, group(told, "channel", "sms") | noise,
        {"dimension": "channel", "member": "push", "hidden": True, "cut": True},
        *(group(told, "tier", t.name) | noise for t in DEFAULT_SCHEME.tiers),
    ]  # fmt: skip
    published(groups=groups)
    analyst = desk[Role.ANALYST]
    found = effect_queries.campaign(NAME)
    held = effect_figures.figures(found, analyst) if found else None
    assert held is not None
    lines: list[tuple[str, str]] = []
    page: Any = SimpleNamespace(at=0, heading=lambda _t: None)
    page.line = lambda text, _x, _y, _size, color, **_more: lines.append((text, color))
    page.text = lambda text, *_more, **_how: lines.append((text, ""))
    effect_report._groups(page, held)
    firsts = lines[:-1:2]
    assert [color for _text, color in firsts].count("#1f2328") == 1
    names = [text.split(" · ")[0] for text, _color in firsts]
    assert Counter(names) == {"层级": 2, "机构": 2, "渠道": 1}
    top = Branch.objects.get(branch_id=branches[0]).name
    assert next(t for t, _c in firsts if t.startswith("机构")) == f"机构 · {top}"
    assert "1 组" in lines[-1][0]


def test_a_long_reason_leaves_the_mark_its_end(desk: dict[str, Person]) -> None:
    made = Export.objects.create(
        person=desk[Role.ANALYST], list_name="effect", kind="pdf", reason="因" * 200, rows=1, by=[],
        at=dt.datetime(2026, 7, 6, tzinfo=SHANGHAI),
    )  # fmt: skip
    with translation.override("zh-hans"):
        mark = mark_of(made, effect_report.MOST_REASON)
        assert mark.endswith("严禁外传") and "…" in mark and mark_of(made).count("因") == 200
        assert len(lines_of(mark, 6.5, WIDTH - 2 * MARGIN)) <= FOOT


def test_groups_are_told_in_words_and_small_ones_not(told: dict[str, Any], desk: dict[str, Person]) -> None:
    branch, post = Branch.objects.order_by("left")[2], Post.objects.order_by("post_id")[3]
    groups = [
        group(told, "tier", "core"),
        group(told, "tier", "wealth", treated=9),
        {"dimension": "branch", "member": "x", "hidden": True},
        {"dimension": "branch", "member": "y", "hidden": True, "cut": True},
        group(told, "branch", branch.branch_id),
        group(told, "manager", post.post_id),
        group(told, "channel", "sms"),
        group(told, "channel", "-"),
    ]
    found = {str(g["title"]): g for g in groups_in_words({"groups": groups}, desk[Role.COMMITTEE])}
    title = next(tier.title_zh for tier in DEFAULT_SCHEME.tiers if tier.name == "core")
    assert [row["words"] for row in found["层级"]["rows"]] == [title]
    assert found["层级"]["hidden"] == 1, "nine are fewer than ten"
    assert [row["words"] for row in found["机构"]["rows"]] == [branch.name] and found["机构"]["hidden"] == 1
    assert found["机构"]["cut"] == 1, "left away for there are so many, not for it is small"
    assert [row["words"] for row in found["渠道"]["rows"]] == ["短信", "均未同意接收"]
    (masked,) = found["管户岗位"]["rows"]
    assert post.post_id in masked["words"] and post.branch.name in masked["words"]
    ParameterValue.objects.create(
        name="audience.hide_below",
        value=500,
        since=dt.date(2026, 1, 1),
        by=desk[Role.ADMINISTRATOR],
        reason="x",
    )
    hidden = groups_in_words({"groups": groups}, desk[Role.COMMITTEE])
    assert not any(g["rows"] for g in hidden), "the bank's own bound holds here too"


def test_who_sits_on_a_post_is_told_only_unmasked(told: dict[str, Any], desk: dict[str, Person]) -> None:
    manager = desk[Role.WEALTH_MANAGER]
    seat = manager.seats.select_related("post").first()
    assert seat is not None
    Person.objects.filter(pk=manager.pk).update(name="欧阳慧敏")
    groups = {"groups": [group(told, "manager", seat.post.post_id)]}
    for role, seen in ((Role.ANALYST, False), (Role.COMMITTEE, False), (Role.BRANCH_HEAD, True)):
        (found,) = groups_in_words(groups, desk[role])
        assert ("欧阳慧敏" in found["rows"][0]["words"]) is seen, role


@pytest.mark.parametrize(
    ("lack", "words"),
    [
        ("no_offer", "没有说明属于哪种产品"), ("no_pushes", "尚未推送"), ("other_means", "另一类接触"),
        ("too_early", "2026-08-30"), ("few_customers", "有 40 户，至少需要 100 户"), ("untold", "无从得知"),
        ("few_converted", "转化 3 户，至少需要 20 户"), ("", "已纳入"),
    ],
)  # fmt: skip
def test_what_the_plan_learns(
    published: Callable[..., Any], entered: dict[str, Client], lack: str, words: str
) -> None:
    learning = {
        "offer": "" if lack == "no_offer" else "fund", "lack": lack, "ready_on": "2026-08-30",
        "smaller_arm": 40, "least_arm": 100, "converted": 3, "least_converted": 20,
    }  # fmt: skip
    published(learning=learning)
    page = page_of(entered[Role.ANALYST])
    said = page[page.index('id="learning"') :][:400]
    assert words in said and (lack == "no_offer" or "基金" in said)


def test_a_model_that_learned_of_it_is_named(
    published: Callable[..., Any], entered: dict[str, Client], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With a model of the store in use that says it learned from this campaign."""
    import json

    from quanke.plans.scores.store import ModelStore

    store = ModelStore(tmp_path)
    version = store.publish(
        "uplift_fund", "2026-06-30", "{}", {"card.json": json.dumps({"campaigns": [NAME]})}
    )
    store.use("uplift_fund", version.name)
    monkeypatch.setattr(effect_figures, "ModelStore", lambda _home: store)
    published()
    page = page_of(entered[Role.ANALYST])
    assert "方案已采用：基金" in page
    link = re.search(r'id="learning">.*?href="([^"]+)"', page, re.DOTALL)
    assert link is not None and entered[Role.ANALYST].get(link[1]).status_code == 200


def written(pdf: bytes, folder: Path) -> str:
    """What a reader of the file sees as text."""
    path = folder / "report.pdf"
    path.write_bytes(pdf)
    if kept := os.environ.get("QUANKE_REPORTS"):
        shutil.copy(path, Path(kept) / f"report-{translation.get_language()}-{os.getpid()}.pdf")
    assert PDF is not None
    done = subprocess.run([PDF, "-raw", str(path), "-"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout


@pytest.mark.skipif(PDF is None, reason="no pdftotext: on Debian, `apt-get install poppler-utils`")
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_report_is_one_page_marked_and_counted(
    published: Callable[..., Any],
    told: dict[str, Any],
    entered: dict[str, Client],
    desk: dict[str, Person],
    tmp_path: Path,
    language: str,
) -> None:
    analyst = desk[Role.ANALYST]
    Person.objects.filter(pk=analyst.pk).update(language=language)
    entered[Role.ANALYST].cookies["django_language"] = language
    branch = Branch.objects.order_by("left")[2]
    groups = [group(told, "tier", "core"), group(told, "branch", branch.branch_id)]
    made = published(groups=groups)
    answer = entered[Role.ANALYST].post(f"/effects/{NAME}/report/", {"reason": "零售委员会七月例会"})
    assert answer.status_code == 200 and answer["Content-Type"] == "application/pdf"
    export = Export.objects.get()
    assert (export.kind, export.list_name, export.person) == ("pdf", "effect", analyst)
    assert f"-{export.pk}-{analyst.username}-" in answer["Content-Disposition"]
    text = written(answer.content, tmp_path)
    assert text.count("\f") == 1, "one page"
    flat = re.sub(r"\s+", "", text)
    sentence = made["sentence" if language == "en" else "sentence_zh"]
    assert re.sub(r"\s+", "", sentence) in flat
    assert flat.index(re.sub(r"\s+", "", sentence)[:12]) < flat.index(
        "Costandreturn" if language == "en" else "成本与回报"
    )
    assert branch.name in flat and analyst.username in flat and f"#{export.pk}" in flat
    assert "零售委员会七月例会" in flat and "□" not in flat
    entry = AuditEntry.objects.filter(action="list.export").latest("id")
    assert entry.subject == f"export:{export.pk}" and entry.reason == "零售委员会七月例会"
    for path in (Path(base().bank.home.path) / "desk").glob("exports/*.pdf"):
        pytest.fail(f"{path.name} was left behind")


def test_who_may_take_the_report(
    published: Callable[..., Any], entered: dict[str, Client], desk: dict[str, Person]
) -> None:
    address = f"/effects/{NAME}/report/"
    assert entered[Role.ANALYST].post(address, {"reason": "x"}).status_code == 404, "nothing is published"
    published()
    for role in (Role.COMPLIANCE, Role.BRANCH_HEAD, Role.CUSTOMER_MANAGER):
        assert entered[role].post(address, {"reason": "x"}).status_code == 403, "he sees no effects"
    assert entered[Role.ANALYST].get(address).status_code == 405
    assert entered[Role.ANALYST].post(address, {"reason": " "}).status_code == 302
    assert not Export.objects.exists(), "without a reason nothing is made"
    ParameterValue.objects.create(
        name="export.most", value=1, since=dt.date(2026, 1, 1), by=desk[Role.ADMINISTRATOR], reason="x"
    )
    assert entered[Role.ANALYST].post(address, {"reason": "一"}).status_code == 200
    assert entered[Role.ANALYST].post(address, {"reason": "二"}).status_code == 302
    assert Export.objects.count() == 1, "more than a day's files leave nobody"
    assert 'id="report-reason"' in page_of(entered[Role.ANALYST])
    assert 'id="report-reason"' in page_of(entered[Role.COMMITTEE])
    assert entered[Role.COMMITTEE].post(address, {"reason": "三"}).status_code == 200, "the report is theirs"


def test_the_effect_is_told_by_the_dimensions_that_were_fixed_before(told: dict[str, Any]) -> None:
    dimensions = {g["dimension"] for g in told["groups"]}
    assert {"tier", "branch", "manager"} <= dimensions and "arm" not in dimensions, "one arm is no group"
    assert all(re.fullmatch(r"P\d+", g["member"]) for g in told["groups"] if g["dimension"] == "manager")


def test_effect_queries_still_list(published: Callable[..., Any], desk: dict[str, Person]) -> None:
    published()
    with translation.override("en"):
        found = effect_queries.campaign(NAME)
        assert found is not None and found.told is not None and found.sentence.startswith(("About", "No"))
        assert np.isfinite(found.told["outcomes"][0]["effect"])
