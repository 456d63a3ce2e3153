"""Pages of effects: advice, cost and return, groups in words, what the plan learns, the report on paper."""

from __future__ import annotations

import copy
import datetime as dt
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.utils import translation

from quanke.effects.store import FOLDER
from quanke.segments import DEFAULT_SCHEME
from quanke_desk.campaigns import effect_figures, effect_queries
from quanke_desk.campaigns.costs import cost_lines
from quanke_desk.campaigns.effect_words import groups_in_words
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import AuditEntry, Branch, Export, ParameterValue, Person, Post
from quanke_desk.foundation.roles import Role

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

    def publish(**changes: Any) -> dict[str, Any]:
        import json

        made = copy.deepcopy(told) | changes
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
    assert f'id="cost">{cost / 100:.2f} 元' in page
    assert f"{gain['fen'] / 100:,.2f} 元" in page and f"{(gain['fen'] - cost) / 100:,.2f} 元" in page


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


def test_an_older_effect_without_advice_is_still_shown(
    published: Callable[..., Any], entered: dict[str, Client]
) -> None:
    published(advice=None, gain=None, learning=None)
    page = page_of(entered[Role.COMMITTEE])
    assert "暂无：测量时尚未提供建议" in page and "产品未给出利差" in page and 'id="learning"' not in page


def test_groups_are_told_in_words_and_small_ones_not(told: dict[str, Any], desk: dict[str, Person]) -> None:
    branch, post = Branch.objects.order_by("left")[2], Post.objects.order_by("post_id")[3]
    groups = [
        group(told, "tier", "core"),
        group(told, "tier", "wealth", treated=9),
        {"dimension": "branch", "member": "x", "hidden": True},
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
