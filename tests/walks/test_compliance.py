"""Compliance: a customer's phone is opened for a purpose, and the audit shows who looked and why."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.walks.pictures import picture
from tests.walks.test_people import log_in


def in_english(page: Page) -> None:
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_a_phone_is_looked_at_and_the_audit_shows_it(page: Page, desk_at: str) -> None:
    page.set_default_timeout(60_000)  # the first page of a cold desk, on a busy machine
    log_in(page, desk_at, "demo-compliance")
    page.locator("#menu").get_by_role("link", name="客户", exact=True).click()
    page.get_by_role("combobox", name="生命周期阶段").select_option(label="稳定")
    page.get_by_role("button", name="查询").click()
    assert "stage=active" in page.url
    page.locator("#list-customers tbody").get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("*")
    number = re.search(r"/customers/(\d+)/", page.url)
    assert number is not None
    phone = page.locator('[data-field="phone"]')
    expect(phone).to_contain_text("****")
    phone.get_by_role("link", name="查看明文").click()
    page.get_by_label("目的").select_option(label="合规检查")
    page.get_by_label("理由").fill("投诉核查第三号")
    page.get_by_role("button", name="查看明文").click()
    expect(page.get_by_role("status")).to_have_text("已限时开启，并留痕。")
    shown = phone.inner_text()
    assert re.fullmatch(r"1\d{10}", shown)
    expect(page.locator('[data-field="id_number"]')).to_contain_text("***")
    picture(page, "customer-revealed-zh")
    cases = page.locator("#part-cases")
    cases.scroll_into_view_if_needed()
    expect(cases.get_by_role("heading", name="检查发现")).to_be_visible()
    page.locator("#menu").get_by_role("link", name="审计").click()
    page.get_by_label("操作（开头）").fill("customer.")
    page.keyboard.press("Enter")
    row = page.get_by_role("row").nth(1)
    for told in ("customer.reveal", f"customer:{number[1]}", "投诉核查第三号"):
        expect(row).to_contain_text(told)
    assert shown not in page.content(), "the audit holds no value"
    picture(page, "audit-zh")
    in_english(page)
    page.goto(f"{desk_at}/customers/{number[1]}/")
    expect(page.get_by_role("heading", name="Identity")).to_be_visible()
    expect(page.locator('[data-field="phone"]')).to_have_text(shown)
    picture(page, "customer-masked-en")


def test_a_deletion_waits_for_a_second_person(page: Page, desk_at: str) -> None:
    page.set_default_timeout(60_000)  # the first page of a cold desk, on a busy machine
    log_in(page, desk_at, "demo-compliance")
    page.goto(desk_at + "/customers/?stage=prospect")
    page.locator("#list-customers tbody").get_by_role("link").first.click()
    page.get_by_role("link", name="个人信息请求").last.click()
    page.get_by_label("类型").select_option(label="删除")
    page.get_by_label("请求内容").fill("客户书面要求删除")
    page.get_by_label("申请单编号").fill("F-2026-009")
    page.get_by_role("button", name="登记").click()
    expect(page.get_by_role("status")).to_contain_text("答复截止日")
    page.get_by_label("答复及理由").fill("从未开户，可以删除")
    page.get_by_role("button", name="批准").click()
    expect(page.locator("#state")).to_have_text("待复核")
    expect(page.get_by_text("该删除由您发起，须由他人复核。")).to_be_visible()
    picture(page, "deletion-zh")
