"""The administrator: a manager resigns, and is out the same moment; compliance finds it on record."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from quanke_desk.foundation.demo import PASSWORD
from quanke_desk.foundation.roles import Role
from tests.walks.pictures import picture


def log_in(page: Page, at: str, name: str) -> None:
    page.goto(at + "/login/")
    page.get_by_label("用户名").fill(name)
    page.get_by_label("密码").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(at + "/")


def test_a_manager_resigns(page: Page, desk_at: str) -> None:
    at = desk_at
    page.goto(at + "/people/")
    expect(page).to_have_title("登录 · 全客")
    page.get_by_label("用户名").fill("demo-administrator")
    page.get_by_label("密码").fill("not this one")
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("alert")).to_have_text("用户名或密码不正确。")
    log_in(page, at, "demo-administrator")
    page.locator("#menu").get_by_role("link", name="人员").click()
    page.get_by_label("姓名、用户名或工号").fill("demo-service-manager")
    page.get_by_role("button", name="查询").click()
    assert "q=demo-service-manager" in page.url
    page.locator("tbody").get_by_role("link").click()
    picture(page, "person-zh")
    page.get_by_label("理由").fill("辞职")
    page.get_by_role("button", name="今日离职").click()
    expect(page.get_by_role("status")).to_have_text("已完成并留痕。")
    expect(page.get_by_role("button", name="今日离职")).to_have_count(0)
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("#menu").get_by_role("link", name="Audit")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    page.get_by_label("User name").fill("demo-service-manager")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("Name or password is wrong.")
    page.get_by_role("button", name="中文").click()
    log_in(page, at, "demo-compliance")
    page.locator("#menu").get_by_role("link", name="审计").click()
    page.get_by_label("操作（开头）").fill("people.")
    page.keyboard.press("Enter")
    expect(page.get_by_role("row").nth(1)).to_contain_text("people.leave")
    expect(page.get_by_role("row").nth(1)).to_contain_text("辞职")
    picture(page, "audit-people-zh")


def test_by_keyboard_alone(page: Page, desk_at: str) -> None:
    page.goto(desk_at + "/login/")
    expect(page.get_by_label("用户名")).to_be_focused()
    page.keyboard.type("demo-administrator")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(desk_at + "/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="跳到正文")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()


def test_the_demo_lists_whom_to_log_in_as(page: Page, desk_at: str) -> None:
    page.goto(desk_at + "/login/")
    expect(page.get_by_role("row")).to_have_count(len(Role) + 1)
