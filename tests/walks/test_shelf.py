"""Pages of campaigns with something on them: plays, who enters and how often, what was refused for its age,
who is sent nothing, the sandbox, a contract with a partner, an effect, and its report on paper."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.walks.conftest import _env, served_desk
from tests.walks.pictures import picture
from tests.walks.test_joint import looked_at
from tests.walks.test_people import log_in

FILL = """
import datetime as dt, time
import django
django.setup()
import numpy as np
from django.utils import timezone
from quanke.effects.store import EffectStore
from quanke_desk.campaigns import blocking, journey_actions, joint_contracts, plays, triggering
from quanke_desk.campaigns.models import Audience, Send, SendState, TemplateVersion, TemplateState
from quanke_desk.foundation import approvals
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Person

people = {p.role: p for p in Person.objects.filter(username__startswith="demo-")}
analyst, committee, compliance = (people[r] for r in ("analyst", "committee", "compliance"))
now, today = int(time.time()), timezone.localdate()
there = np.flatnonzero(base().there)
made = plays.start_from("outflow_win_back", by=analyst)
audience = Audience.objects.get().versions.get()
version = journey_actions.save_design(
    made, plays.BY_NAME["outflow_win_back"].graph(), by=analyst, audience=audience, control_ppm=100_000,
    until=today + dt.timedelta(days=730))
asked = journey_actions.ask_to_start(version, by=analyst, reason="x")
approvals.decide(asked.pk, True, by=committee)
fired = [triggering.Fired("large_outflow_to_bank", int(c), f"{c}", now - (3_600 if n % 5 else 5 * 86_400))
         for n, c in enumerate(there[:600])]
triggering.note(fired, now)
triggering.tell(now)
for code in ("win-back-rate", "win-back-offer"):
    text = TemplateVersion.objects.get(template__code=code)
    TemplateVersion.objects.filter(pk=text.pk).update(
        state=TemplateState.APPROVED, valid_from=today, valid_until=today + dt.timedelta(days=90))
    for customer in there[10:13]:
        Send.objects.create(
            key=f"s{code}{customer}", customer=int(customer), template=code, version=text, journey=made,
            means=text.template.means, purpose="marketing", made=now, decided=now, state=SendState.SENT,
            gateway=f"sandbox:{customer}")
blocking.block([int(c) for c in there[20:23]], "any", "投诉处理中", None, by=compliance)
blocking.block([int(there[30])], "sms", "客户要求不发短信", today + dt.timedelta(days=60), by=compliance)
held = joint_contracts.make_contract(
    "SHOP-26", "天河商场", "partner", ["marketing", "measurement"], ["phone"], today,
    today + dt.timedelta(days=180), by=analyst, modelling=True)
asked = joint_contracts.ask_contract(held, by=analyst, reason="x")
approvals.decide(asked.pk, True, by=committee)
held.refresh_from_db()
approvals.decide(held.compliance_id, True, by=compliance)
EffectStore(base().bank.home.path).keep(base().bank.effects("fund_spring_2026"))
"""


@pytest.fixture(scope="module")
def filled_at(brought: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A desk on which campaigns have been at work."""
    home = tmp_path_factory.mktemp("filled") / "home"
    shutil.copytree(brought, home)
    env = {**_env(home), "DJANGO_SETTINGS_MODULE": "quanke_desk.web.settings"}
    done = subprocess.run([sys.executable, "-c", FILL], env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    with served_desk(home) as (at, _command):
        yield at


@pytest.mark.timeout(1200)
def test_the_shelf_and_what_came_of_it(page: Page, filled_at: str, tmp_path: Path) -> None:
    at, found = filled_at, []
    log_in(page, at, "demo-analyst")
    page.goto(at + "/plays/")
    play = page.locator("section", has=page.get_by_role("heading", name="资金流出挽回"))
    expect(play).to_contain_text(
        "由触发“大额资金流向他行”进入 · 距上次进入满 90 天可再次进入 · 触发后 72 小时内有效"
    )
    picture(page, "plays-zh")
    found += looked_at(page, "plays")
    page.goto(at + "/journeys/")
    page.get_by_role("link", name="资金流出挽回").click()
    expect(page.locator("#too-late")).to_contain_text("时机已过：触发距进入已超过 72 小时")
    picture(page, "journey-moments-zh")
    found += looked_at(page, "journey")
    page.get_by_role("link", name="旅程设计").or_(page.get_by_role("link", name="设计器")).first.click()
    page.locator(".entry summary").first.focus()
    page.keyboard.press("Enter")  # by keyboard alone
    page.get_by_label(re.compile("^满多少天可再次进入")).fill("120")
    picture(page, "designer-entry-zh")
    found += looked_at(page, "designer")
    page.get_by_label(re.compile("^触发后多少小时内可进入")).fill("24")
    page.keyboard.press("Enter")
    expect(page.locator(".entry").first).to_contain_text("满 120 天可再次进入 · 触发后 24 小时内有效")
    page.goto(at + "/sandbox/")
    # which stands first is the hour's: by night the worker sends nothing more before what is there
    expect(page.locator("article", has_text="稳健产品清单").first).to_be_visible()
    picture(page, "sandbox-zh")
    found += looked_at(page, "sandbox")
    page.goto(at + "/joint/")
    page.get_by_role("link", name="SHOP-26").click()
    expect(page.locator("main")).to_contain_text("寻找相似客户")
    picture(page, "joint-contract-zh")
    found += looked_at(page, "contract")
    page.goto(at + "/effects/fund_spring_2026/")
    expect(page.locator("#answer")).to_contain_text("95%")
    assert (page.locator("header.bar").bounding_box() or {})["height"] > 40, "drawings do not shrink it"
    picture(page, "effect-zh")
    found += looked_at(page, "effect")
    page.get_by_role("button", name="退出").click()
    log_in(page, at, "demo-compliance")
    page.goto(at + "/campaigns/blocks/")
    expect(page.locator("tbody tr")).to_have_count(4)
    picture(page, "blocks-zh")
    found += looked_at(page, "blocks")
    page.get_by_role("button", name="退出").click()
    log_in(page, at, "demo-committee")
    page.goto(at + "/effects/fund_spring_2026/")
    page.get_by_label("理由").fill("大零委例会")
    with page.expect_download() as taken:
        page.get_by_role("button", name="一页 PDF").or_(
            page.locator("form[action$='/report/'] button")
        ).first.click()
    sheet = tmp_path / "report.pdf"
    taken.value.save_as(sheet)
    assert sheet.read_bytes().startswith(b"%PDF") and sheet.stat().st_size > 10_000
    if folder := os.environ.get("QUANKE_PICTURES"):
        target = str(Path(folder) / "desk-report-zh")
        subprocess.run(["pdftoppm", "-r", "80", "-singlefile", "-png", str(sheet), target], check=True)
    assert not found, "\n".join(found)
