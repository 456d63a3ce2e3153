"""Whoever reads Chinese reads Chinese on the pages of campaigns, also where the library speaks."""

from __future__ import annotations

import datetime as dt
import html
import json
import re
from pathlib import Path

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone, translation

from quanke.effects.store import EffectStore
from quanke.kernel.errors import AudienceError
from quanke_desk.campaigns import audience_actions, audiences, fault_words, plays
from quanke_desk.campaigns.entering import enter
from quanke_desk.campaigns.models import Journey, JourneyVersion, Template
from quanke_desk.campaigns.moving import move_due
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.roles import Role
from tests.desk.test_journeys import NOW, SIX, running

ENGLISH = re.compile(r"(?<!\w)[A-Za-z]{2,}(?: [A-Za-z]{2,}){2,}")
"""Three English words in a row; what is written in backquotes is the language of conditions."""
CODE = re.compile("`[^`]*`")
NOT_SAID = re.compile(
    r"(?s)<(script|style|pre|code|textarea|kbd)\b.*?</\1>|<p class=\"code\">.*?</p>"
    r"|<[^>]+ lang=\"en\".*?</|<[^>]*>"
)


def english_on(page: str) -> list[str]:
    """Runs of English words a reader sees."""
    return ENGLISH.findall(html.unescape(NOT_SAID.sub(" | ", page)))


BAD = (
    "", "aum", "aum >", "aum > 5 and", "(aum > 5", "aum > 5)", "no_such > 1", "aumm > 1", "tier == core",
    'tier == "cor"', 'tier == "nothing at all"', "aum > \"x\"", "1 < aum > 2", "aum == null",
    "aum in (aum, 1)", "aum in (null)", "f(aum)", "tier(aum)", "earlier(aum) > 1", 'holds("nothing")',
    "holds(aum)", 'date("2026-1-1")', "aum > 1,000", "tier in 5", "aum > 1 == 2", "customers.nothing > 1",
    "nowhere.x > 1", "aum > 5x", "aum ! 1", "aum between 1 and 2", "`", "``", '"', 'name == "李"',
    "credit_score_band > 3", "@nothing", "@Nothing", "aum > 2026-13-01", "aum > 2026-6-1", "not aum",
    "aum > 99999999999999999999999999999999", "aum > 5元元", "aum + tier > 1", "age > 2026-06-30", "aum is",
    "aum > 5 5", "(" * 300 + "1", "aum > $5", "x" * 11_000, "has_salary > 1", "min(aum)",
    "working_day(aum) > 1",
)  # fmt: skip


@pytest.mark.parametrize("text", BAD, ids=lambda text: text[:24] or "empty")
def test_what_is_wrong_with_a_condition(desk: dict[str, Person], text: str) -> None:
    try:
        audiences.understood(text)
    except AudienceError as error:
        said = fault_words.fault_in_words(error.reason)
        assert not ENGLISH.search(CODE.sub("", said)), said
        assert re.search("[一-鿿]", said), said
        assert said != translation.gettext("this condition cannot be understood here"), error.reason
        with translation.override("en"):
            assert fault_words.fault_in_words(error.reason) == error.reason
    else:
        pytest.skip("it can be understood")


def test_pages_of_campaigns(
    desk: dict[str, Person], entered: dict[str, Client], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quanke.effects.store.FOLDER", str(tmp_path))  # not into the home tests share
    analyst = desk[Role.ANALYST]
    version = running(desk, SIX)
    enter(version, np.flatnonzero(base().there)[:30], NOW)
    move_due(NOW)
    for play in plays.PLAYS:
        plays.start_from(play.name, by=analyst)
    rich = audience_actions.save("富裕客户", "aum >= 20万", "live", by=analyst)
    alike = audience_actions.keep_members(
        "相似", np.arange(20), "frozen", "# 20 like audience 1, version 1, night 2026-06-30", "", by=analyst
    )
    EffectStore(base().bank.home.path).keep(base().bank.effects("fund_spring_2026"))
    client, page_of = entered[Role.ANALYST], {}
    paths = [
        "/plays/", "/journeys/", f"/journeys/{version.journey_id}/", "/effects/",
        "/effects/fund_spring_2026/", "/joint/", "/joint/new/", "/audiences/",
        "/audiences/new/?text=no_such+%3E+1", f"/audiences/{rich.pk}/", f"/audiences/{alike.pk}/",
        "/audiences/lists/", "/campaigns/templates/", "/campaigns/templates/new/",
        f"/campaigns/templates/{Template.objects.order_by('pk')[0].pk}/", "/campaigns/blocks/",
        "/sandbox/", *(f"/journeys/{pk}/design/" for pk in Journey.objects.values_list("pk", flat=True)),
    ]  # fmt: skip
    for path in paths:
        answer = client.get(path)
        if answer.status_code == 200:
            page_of[path] = answer.content.decode()
    design = f"/journeys/{version.journey_id}/design/"
    graph = {**SIX, "nodes": {**SIX["nodes"], "rich": {**SIX["nodes"]["rich"], "when": "no_such > 1"}}}
    client.post(design, {"do": "text", "text": json.dumps(graph)})
    until = str(timezone.localdate() + dt.timedelta(days=9))
    asked = {"audience": str(rich.pk), "control": "20", "purpose": "marketing", "until": until}
    page_of["a condition that cannot be asked"] = client.post(design, {"do": "try", **asked}).content.decode()
    JourneyVersion.objects.filter(pk=version.pk).update(graph=graph)
    page_of["a journey that stands still"] = client.get(f"/journeys/{version.journey_id}/").content.decode()
    client.post(design, {"do": "text", "text": json.dumps(SIX)})
    page_of["a trial"] = client.post(design, {"do": "try", **asked}).content.decode()
    assert 'id="tried"' in page_of["a trial"] and len(page_of) > 25
    assert "没有此名称的标签或字段" in page_of["a journey that stands still"]
    seen = {path: found for path, page in page_of.items() if (found := english_on(page))}
    assert not seen
