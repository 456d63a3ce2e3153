"""An analyst starts a journey from a play, changes it, tries it and asks for its start; the committee agrees;
the effect of a campaign that ran is read with its interval."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.walks.pictures import picture
from tests.walks.test_compliance import in_english
from tests.walks.test_people import log_in

PLAY = "新开卡二次营销"

COVERED = """() => {
  const boxes = [...document.querySelectorAll('.step')].map(s => [s.id, s.getBoundingClientRect()]);
  const over = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const found = [];
  boxes.forEach(([one, a], n) => boxes.slice(n + 1).forEach(([other, b]) => {
    if (over(a, b)) found.push(one + ' ' + other);
  }));
  return found;
}"""
"""Steps of the designer that lie over one another."""


@pytest.mark.timeout(600)
def test_from_a_play_to_a_journey_that_runs(page: Page, desk_at: str) -> None:
    page.set_default_timeout(60_000)
    log_in(page, desk_at, "demo-analyst")
    page.locator("#menu").get_by_role("link", name="营销打法").click()
    picture(page, "plays-zh")
    play = page.locator("section", has=page.get_by_role("heading", name=PLAY))
    play.get_by_role("button", name="以此起步").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(PLAY)
    steps = page.locator(".step")
    count = steps.count()
    assert page.evaluate(COVERED) == [], "steps beside one another are apart"
    picture(page, "designer-zh")
    entry = page.locator(".entry").first
    # customers enter this play one by one: here all of an audience at once
    entry.locator("summary").first.click()
    entry.locator("#entry").select_option("")
    entry.locator("form button").first.click()
    expect(page.locator(".step")).to_have_count(count)
    page.locator("#step-hello").focus()
    page.keyboard.press("Enter")  # by keyboard alone
    expect(page.locator("#panel")).to_contain_text("推送")
    page.locator("#panel").get_by_label("模板").fill("new-card-bind")
    page.locator("#panel").get_by_role("button", name="保留").or_(
        page.locator("#panel").get_by_role("button", name="保存")
    ).first.click()
    add = page.locator('.add[data-after="hello"]')
    add.locator("summary").click()
    add.get_by_role("button", name="等待", exact=True).click()
    expect(page.locator(".step")).to_have_count(count + 1)
    page.locator("#panel").get_by_label("时长").fill("2")
    page.locator("#panel button[value=change]").click()
    page.get_by_label("客群").select_option(label=PLAY)
    page.get_by_label("对照比例").fill("50")
    page.get_by_role("button", name="试跑（不发送）").click()
    tried = page.locator("#tried")
    expect(tried).to_contain_text("将进入")
    picture(page, "designer-tried-zh")
    page.get_by_role("button", name="存为版本").click()
    page.get_by_label("理由").first.fill("秋季新卡")
    page.get_by_role("button", name="申请启动").click()
    approval = page.url
    page.goto(desk_at + "/")
    page.get_by_role("button", name="退出").click()
    log_in(page, desk_at, "demo-committee")
    page.goto(approval)
    expect(page.locator("main")).to_contain_text("50 %")
    picture(page, "journey-approval-zh")
    page.get_by_role("button", name="同意").or_(page.get_by_role("button", name="批准")).first.click()
    page.locator("#menu").get_by_role("link", name="营销旅程").click()
    page.get_by_role("link", name=re.compile(re.escape(PLAY))).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("进行中")
    for _ in range(60):  # the worker lets the audience in
        if page.locator("#entered").inner_text() not in ("0", ""):
            break
        page.wait_for_timeout(1_000)
        page.reload()
    assert int(page.locator("#entered").inner_text()) > 0
    assert int(page.locator("#control").inner_text()) > 0
    picture(page, "journey-zh")
    in_english(page)
    expect(page.locator("main")).to_contain_text("Where its customers stand")
    picture(page, "journey-en")


def test_the_effect_of_a_campaign_that_ran(page: Page, desk_at: str) -> None:
    page.set_default_timeout(60_000)
    log_in(page, desk_at, "demo-committee")
    page.locator("#menu").get_by_role("link", name="效果").click()
    page.get_by_role("link", name=re.compile("fund_spring_2026")).click()
    if page.locator("#answer").count() == 0:
        page.get_by_role("button", name="立即测量").click()
        page.wait_for_url(re.compile(r"/jobs/\d+/"))
        for _ in range(120):
            page.goto(f"{desk_at}/effects/fund_spring_2026/")
            if page.locator("#answer").count():
                break
            page.wait_for_timeout(1_000)
    expect(page.locator("#answer")).to_contain_text("95%")
    expect(page.locator("svg.bar").first).to_be_visible()
    picture(page, "effect-zh")
    in_english(page)
    expect(page.locator("#answer")).to_contain_text("interval")
    picture(page, "effect-en")
