"""Compliance: a customer's phone is opened for a purpose, and the audit shows who looked and why; a
correction reaches the sources; a deletion waits for a second person."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.walks.pictures import picture
from tests.walks.test_manager import enter
from tests.walks.test_shell import looked_at
from tests.walks.words import LANGUAGES, Said


def in_english(page: Page) -> None:
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")


def opened(page: Page, say: Said, why: str) -> None:
    """Compliance stands before a customer found by search, and says for what he is opened."""
    expect(page.get_by_role("heading", level=1)).to_have_text(say("Opened with a purpose"))
    page.get_by_label(say(zh="目的", en="Purpose")).select_option(label=say("Compliance investigation"))
    page.get_by_label(say("Reason")).fill(why)
    page.get_by_role("button", name=say("Open"), exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("*")


def nth(language: str) -> int:
    """Each language walks with a customer of its own: the desk remembers what the other one did."""
    return LANGUAGES.index(language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_phone_is_looked_at_and_the_audit_shows_it(page: Page, desk_at: str, language: str) -> None:
    say = Said(language)
    why = say(zh="投诉核查第三号", en="Complaint number three")
    enter(page, desk_at, "demo-compliance", language, "/")
    page.locator("#menu").get_by_role("link", name=say("Customers"), exact=True).click()
    page.get_by_role("combobox", name=say("Stage")).select_option(label=say(zh="稳定", en="Active"))
    page.get_by_role("button", name=say("Show")).click()
    assert "stage=active" in page.url
    page.locator("#list-customers tbody").get_by_role("link").nth(nth(language)).click()
    assert not looked_at(page, "asked for a purpose")
    opened(page, say, why)
    number = re.search(r"/customers/(\d+)/", page.url)
    assert number is not None
    phone = page.locator('[data-field="phone"]')
    expect(phone).to_contain_text("****")
    phone.get_by_role("link", name=say(zh="查看明文", en="show")).click()
    page.get_by_label(say(zh="目的", en="Purpose")).select_option(label=say("Compliance investigation"))
    page.get_by_label(say("Reason")).fill(why)
    page.get_by_role("button", name=say("Show in the clear")).click()
    expect(page.get_by_role("status")).to_have_text(say("Opened for a while, and on record."))
    shown = phone.inner_text()
    assert re.fullmatch(r"1\d{10}", shown)
    expect(page.locator('[data-field="id_number"]')).to_contain_text("***")
    picture(page, f"customer-revealed-{language}")
    assert not looked_at(page, "the customer")
    cases = page.locator("#part-cases")
    cases.scroll_into_view_if_needed()
    expect(cases.get_by_role("heading", name=say("Open cases"))).to_be_visible()
    page.locator("#menu").get_by_role("link", name=say("Audit")).click()
    page.get_by_label(say("Action begins with")).fill("customer.")
    page.keyboard.press("Enter")
    row = page.get_by_role("row").nth(1)
    for told in ("customer.reveal", f"customer:{number[1]}", why):
        expect(row).to_contain_text(told)
    before = page.get_by_role("row").nth(2)
    for told in ("customer.open_outside", f"customer:{number[1]}", why):
        expect(before).to_contain_text(told)
    assert shown not in page.content(), "the audit holds no value"
    picture(page, f"audit-{language}")
    assert not looked_at(page, "the audit")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_correction_reaches_the_sources(page: Page, desk_at: str, language: str) -> None:
    say = Said(language)
    enter(page, desk_at, "demo-compliance", language, "/customers/?stage=active")
    page.locator("#list-customers tbody").get_by_role("link").nth(2 + nth(language)).click()
    opened(page, say, say(zh="客户来函更正", en="A letter of the customer"))
    page.get_by_role("link", name=say(zh="个人信息请求", en="Request about personal data")).last.click()
    page.get_by_label(say("Kind")).select_option(label=say("Correction"))
    page.get_by_label(say("Field (correction only)")).select_option("phone")
    page.get_by_label(say("Right value (correction only; encrypted, for the sources)")).fill("13911112222")
    asked = page.get_by_label(say("What is asked, without numbers of phones or documents"))
    asked.fill(say(zh="客户更换手机号", en="The customer has another phone"))
    page.get_by_label(say("Number of the form")).fill("F-2026-010")
    assert not looked_at(page, "the form")
    page.get_by_role("button", name=say("Record"), exact=True).click()
    page.get_by_label(say("Answer, with its reason")).fill(say(zh="身份已核实", en="Identity was checked"))
    page.get_by_role("button", name=say("Grant")).click()
    expect(page.locator("#state")).to_have_text(say("granted"))
    order = page.locator("#orders tbody tr").first
    expect(order).to_contain_text(say("not yet"))
    assert "13911112222" not in page.content()
    picture(page, f"sources-{language}")
    assert not looked_at(page, "the orders")
    waiting = page.get_by_label(say("A source answered outside the desk")).locator("option").count()
    page.get_by_label(say("Its number in the source")).fill("CHG-2026-88")
    page.get_by_role("button", name=say("It has done so")).click()
    expect(order).to_contain_text("CHG-2026-88")
    expect(page.locator("#order option")).to_have_count(max(waiting - 1, 0))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_deletion_waits_for_a_second_person(page: Page, desk_at: str, language: str) -> None:
    say = Said(language)
    enter(page, desk_at, "demo-compliance", language, "/customers/?stage=prospect")
    page.locator("#list-customers tbody").get_by_role("link").nth(nth(language)).click()
    opened(page, say, say(zh="客户书面来函", en="A letter of the customer"))
    page.get_by_role("link", name=say(zh="个人信息请求", en="Request about personal data")).last.click()
    page.get_by_label(say("Kind")).select_option(label=say("Deletion"))
    asked = page.get_by_label(say("What is asked, without numbers of phones or documents"))
    asked.fill(say(zh="客户书面要求删除", en="The customer asks in writing to be deleted"))
    page.get_by_label(say("Number of the form")).fill("F-2026-009")
    page.get_by_role("button", name=say("Record"), exact=True).click()
    due = say("Recorded; an answer is due on %(day)s.").partition("%")[0]
    expect(page.get_by_role("status")).to_contain_text(due)
    answer = page.get_by_label(say("Answer, with its reason"))
    answer.fill(say(zh="从未开户，可以删除", en="There never was an account"))
    page.get_by_role("button", name=say("Grant")).click()
    expect(page.locator("#state")).to_have_text(say("awaits the second person"))
    expect(page.get_by_text(say("You asked for this deletion: another person decides."))).to_be_visible()
    picture(page, f"deletion-{language}")
    assert not looked_at(page, "the request")
