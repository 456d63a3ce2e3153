"""The analyst: whole groups, masked rows, no names, phones or exact amounts; definitions behind figures."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.walks.pictures import picture
from tests.walks.test_compliance import in_english
from tests.walks.test_people import log_in


def test_masked_rows_and_definitions(page: Page, desk_at: str) -> None:
    page.set_default_timeout(60_000)  # the first page of a cold desk, on a busy machine
    log_in(page, desk_at, "demo-analyst")
    page.locator("#menu").get_by_role("link", name="客户", exact=True).click()
    page.get_by_role("combobox", name="层级").select_option(label="理财金")
    page.get_by_role("button", name="查询").click()
    rows = page.locator("#list-customers tbody tr")
    names = rows.locator("td:nth-child(2)").all_inner_texts()
    assert len(names) > 5 and all(re.fullmatch(r"\*+.", n) for n in names), "persons are masked"
    picture(page, "analyst-list-zh")
    rows.first.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("*")
    expect(page.get_by_role("link", name="查看明文")).to_have_count(0)
    expect(page.locator("#group-money")).to_contain_text("万")
    assert not re.search(r"1[3-9]\d{9}", page.content())
    page.locator("#group-tier").get_by_role("link", name="客户层级").click()
    panel = page.locator("#definition")
    expect(panel).to_contain_text("tier_rank")
    expect(panel).to_contain_text("2026-06-30")
    picture(page, "definition-zh", as_it_is=True)
    panel.get_by_role("link", name="关闭").click()
    page.locator("#part-family").scroll_into_view_if_needed()
    expect(page.locator("#part-family")).not_to_have_text("家庭与单位关系")
    in_english(page)
    expect(page.locator("#group-tier")).to_contain_text("Tier")
    picture(page, "analyst-en")
