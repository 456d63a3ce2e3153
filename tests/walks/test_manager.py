"""The manager's morning in a browser: list, call, next step, gone from the list, in the calendar."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.walks.pictures import picture

WORDS = {
    "zh": {
        "title": "今日工作",
        "more": "时长、下一步、备注",
        "minutes": "时长（分钟）",
        "next": "下一步日期",
        "interested": "有意向",
        "unproven": "无留痕，不计入",
        "calendar": "日程",
        "choose": "请选择结果",
    },
    "en": {
        "title": "Today's work",
        "more": "Length, next step, note",
        "minutes": "Minutes",
        "next": "Next step on",
        "interested": "Interested",
        "unproven": "not proven: counts 0",
        "calendar": "Calendar",
        "choose": "say what came of it",
    },
}
WHO = {"zh": "demo-customer-manager", "en": "demo-wealth-manager"}


def enter(page: Page, at: str, who: str, language: str, to: str = "/work/") -> None:
    page.set_default_timeout(60_000)  # a desk that was started this moment reads its night first
    page.goto(f"{at}/login/?next={to}")
    if language == "en":
        page.get_by_role("button", name="English").click()
    page.locator("#username").fill(who)
    page.locator("#password").fill("quanke-demo-2026")
    page.locator("form button.primary").click()
    expect(page).to_have_url(f"{at}{to}", timeout=60_000)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_from_the_list_to_a_recorded_call(page: Page, desk_at: str, language: str) -> None:
    words = WORDS[language]
    page.set_viewport_size({"width": 390, "height": 844})  # a phone in the hand
    enter(page, desk_at, WHO[language], language)
    page.goto(f"{desk_at}/work/")
    expect(page.get_by_role("heading", level=1)).to_have_text(words["title"])
    waiting = int(page.locator("#to-do").inner_text())
    assert waiting >= 2
    assert page.evaluate("document.documentElement.scrollWidth") <= 391, (
        "nothing to scroll sideways on a phone"
    )
    picture(page, f"morning-phone-{language}", as_it_is=True)
    picture(page, f"morning-{language}")
    line = page.locator("article.line").first
    key, name = line.get_attribute("id"), line.locator(".name").inner_text()
    customer = line.locator("[name=customer]").get_attribute("value")
    line.get_by_text(words["more"]).click()
    line.get_by_label(words["minutes"]).fill("3")
    day = page.evaluate("new Date(Date.now() + 8*3600e3).toISOString().slice(0, 10)")  # today in Shanghai
    line.get_by_label(words["next"]).fill(day)
    line.get_by_role("button", name=words["interested"], exact=True).press("Enter")
    done = page.locator(f"#{key}.done")
    expect(done).to_contain_text(words["interested"])
    expect(done).to_contain_text(words["unproven"])
    expect(page).to_have_url(re.compile(r"/work/$"))
    picture(page, f"morning-done-{language}")
    page.goto(f"{desk_at}/work/")
    expect(page.locator(f"#{key}")).to_have_count(0)
    expect(page.locator("#to-do")).to_have_text(str(waiting - 1))
    expect(page.locator("#done-count")).to_have_text("1")
    page.goto(f"{desk_at}/work/calendar/")
    expect(page.locator("li.today")).to_contain_text(name)
    picture(page, f"calendar-{language}")
    page.goto(f"{desk_at}/customers/{customer}/")
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    expect(page.locator("#chosen")).not_to_contain_text("rhythm")
    picture(page, f"customer-{language}")
    page.goto(f"{desk_at}/work/")
    page.locator("form[action*='/work/undo/'] button").first.click()
    expect(page.locator("#to-do")).to_have_text(str(waiting))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_enter_in_a_field_says_nothing_by_itself(page: Page, desk_at: str, language: str) -> None:
    words = WORDS[language]
    enter(page, desk_at, "demo-wealth-adviser", language)
    page.goto(f"{desk_at}/work/")
    line = page.locator("article.line").first
    line.get_by_text(words["more"]).click()
    line.get_by_label(words["minutes"]).press("Enter")
    expect(page.get_by_role("alert").first).to_contain_text(words["choose"])
    expect(page.locator("article.line.done")).to_have_count(0)
