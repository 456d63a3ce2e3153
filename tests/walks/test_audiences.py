"""The analyst forms an audience without SQL: by picking tags, by text, and sees at once how many."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.walks.pictures import picture
from tests.walks.test_people import log_in


def test_an_audience_without_sql(page: Page, desk_at: str) -> None:
    page.set_default_timeout(60_000)  # the first count of a cold desk compiles what counts
    page.set_viewport_size({"width": 1440, "height": 900})
    log_in(page, desk_at, "demo-analyst")
    page.locator("#menu").get_by_role("link", name="客群", exact=True).click()
    page.get_by_role("link", name="新建客群").first.click()
    page.get_by_label("查找标签").fill("层级")
    page.locator("#tags").get_by_role("button", name="客户层级", exact=True).click()
    page.get_by_label("取值: 客户层级").select_option(label="理财金")
    expect(page.locator("#text")).to_have_value('tier == "affluent"')
    expect(page.locator("#size")).to_contain_text(re.compile(r"\d+"))
    page.get_by_label("查找标签").fill("AUM时点余额")
    page.locator("#tags").get_by_role("button", name="AUM时点余额", exact=True).click()
    value = page.get_by_label("取值: AUM时点余额")
    value.press_sequentially("60万", delay=120)
    expect(page.locator("#text")).to_have_value('tier == "affluent" and aum >= 60万')
    expect(value).to_be_focused()
    picture(page, "audience-form-zh")
    page.locator("#text").fill('tier in ("core", "affluent") and (has_fund or aum >= 10万')
    expect(page.locator("#fault")).to_contain_text("(")
    picture(page, "audience-fault-zh")
    page.locator("#text").press("End")
    page.locator("#text").press_sequentially(")")
    expect(page.locator("#form fieldset")).to_have_count(1)
    expect(page.locator("#fault")).not_to_contain_text("(")
    expect(page.locator("#form").get_by_label("理财金")).to_be_checked()
    page.get_by_role("button", name="可触达人数").click()
    expect(page.locator("#look")).to_contain_text("可通过短信触达")
    page.locator("#look").get_by_label("电话").check()
    page.locator("#look").get_by_role("button", name="查询").click()
    expect(page.locator("#look table")).to_have_count(2)
    page.get_by_role("button", name="抽样十位").click()
    expect(page.locator("#look tbody tr")).to_have_count(10)
    picture(page, "audience-look-zh")
    page.get_by_label("名称", exact=True).fill("临界客户")
    page.get_by_role("button", name="保存", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("临界客户")
    expect(page.get_by_text("首个版本")).to_be_visible()
    picture(page, "audience-zh")
