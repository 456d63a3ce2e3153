"""The analyst: whole groups, masked rows, no names, phones or exact amounts; definitions behind figures."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.walks.pictures import picture
from tests.walks.test_manager import enter
from tests.walks.test_shell import looked_at
from tests.walks.words import LANGUAGES, Said


@pytest.mark.parametrize("language", LANGUAGES)
def test_masked_rows_and_definitions(page: Page, desk_at: str, language: str) -> None:
    say = Said(language)
    enter(page, desk_at, "demo-analyst", language, "/")
    page.locator("#menu").get_by_role("link", name=say("Customers"), exact=True).click()
    page.get_by_role("combobox", name=say("Tier")).select_option(label=say(zh="理财金", en="Affluent"))
    page.get_by_role("button", name=say("Show")).click()
    rows = page.locator("#list-customers tbody tr")
    names = rows.locator("td:nth-child(2)").all_inner_texts()
    assert len(names) > 5 and all(re.fullmatch(r"\*+.", n) for n in names), "persons are masked"
    picture(page, f"analyst-list-{language}")
    assert not looked_at(page, "the list")
    rows.first.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("*")
    expect(page.get_by_role("link", name=say("Show in the clear"))).to_have_count(0)
    expect(page.locator("#group-money")).to_contain_text(say(zh="50万", en="500K"))
    assert not re.search(r"1[3-9]\d{9}", page.content())
    tier = page.locator("#group-tier").get_by_role("link", name=say(zh="客户层级", en="Tier"), exact=True)
    tier.click()
    panel = page.locator("#definition")
    expect(panel).to_contain_text("tier_rank")
    expect(panel).to_contain_text(say(zh="2026年6月30日", en="30 Jun 2026"))
    picture(page, f"definition-{language}", as_it_is=True)
    assert not looked_at(page, "the definition")
    panel.get_by_role("link", name=say(zh="关闭", en="Close")).click()
    page.locator("#part-family").scroll_into_view_if_needed()
    expect(page.locator("#part-family")).not_to_have_text(say("Family and employer"))
    picture(page, f"analyst-{language}")
    assert not looked_at(page, "the customer")
