"""A guarded setting with four eyes; a new person sets a password by a link and a security key, and comes in
with it. Once in Chinese, once in English."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from quanke_desk.foundation.demo import PASSWORD
from tests.walks.pictures import picture

WORDS: dict[str, dict[str, str]] = {
    "zh": {
        "language": "zh",
        "user": "用户名", "password": "密码", "in": "登录", "out": "退出", "settings": "参数设置",
        "value": "新值", "days": "密码有效期（0 为不限）", "reason": "理由", "ask": "提交复核",
        "asked": "已提交，待他人复核。", "approvals": "复核审批", "approve": "同意", "done": "已完成并留痕。",
        "state": "已批准并执行",
        "unit": "天", "name": "姓名", "role": "角色", "teller": "柜员", "make": "新增并生成设密链接",
        "set": "设置并生效", "second": "设置双因素认证", "key": "密钥名称", "add": "添加安全密钥",
        "codes": "恢复码", "on": "继续", "use": "使用安全密钥", "mine": "我的会话",
        "code": "动态口令或恢复码", "confirm": "确认是您本人",
    },
    "en": {
        "language": "en",
        "user": "User name", "password": "Password", "in": "Log in", "out": "Log out", "settings": "Settings",
        "value": "New value", "days": "How long a password holds (0: for ever)", "reason": "Reason",
        "ask": "Ask for it", "asked": "Asked for; a second person decides.", "approvals": "Approvals",
        "approve": "Approve", "done": "Done, and on record.", "state": "approved and done", "unit": "days",
        "name": "Name", "role": "Role", "teller": "Teller", "make": "Make, with a link to set a password",
        "set": "Set", "second": "Set up a second factor", "key": "Name of the key",
        "add": "Add a security key", "codes": "Recovery codes", "on": "Go on",
        "use": "Use a security key", "mine": "My sessions",
        "code": "Code of the app, or a recovery code", "confirm": "Confirm that it is you",
    },
}  # fmt: skip


@pytest.fixture(params=["zh", "en"])
def words(request: pytest.FixtureRequest) -> dict[str, str]:
    return WORDS[request.param]


def log_in(page: Page, at: str, words: dict[str, str], name: str, password: str = PASSWORD) -> None:
    page.goto(at + "/login/")
    if words is WORDS["en"] and page.locator("html").get_attribute("lang") != "en":
        page.get_by_role("button", name="English").click()
    page.get_by_label(words["user"]).fill(name)
    page.get_by_label(words["password"], exact=True).fill(password)
    page.keyboard.press("Enter")


def log_out(page: Page, words: dict[str, str]) -> None:
    page.get_by_role("button", name=words["out"]).click()
    page.wait_for_url("**/login/")


def test_a_guarded_setting(page: Page, desk_at: str, words: dict[str, str]) -> None:
    to = "180" if words is WORDS["zh"] else "120"
    log_in(page, desk_at, words, "demo-administrator")
    page.wait_for_url(desk_at + "/")
    page.locator("#menu").get_by_role("link", name=words["settings"]).click()
    picture(page, f"settings-{words['language']}")
    page.get_by_role("link", name=words["days"]).click()
    page.get_by_label(words["value"]).fill(to)
    page.get_by_label(words["reason"]).fill("制度 13")
    page.get_by_role("button", name=words["ask"]).click()
    expect(page.get_by_role("status")).to_have_text(words["asked"])
    expect(page.locator("#now")).not_to_contain_text(to)
    picture(page, f"parameter-{words['language']}")
    log_out(page, words)
    log_in(page, desk_at, words, "demo-compliance")
    page.wait_for_url(desk_at + "/")
    page.locator("#menu").get_by_role("link", name=words["approvals"]).click()
    picture(page, f"approvals-{words['language']}")
    page.get_by_role("table").get_by_role("link", name=re.compile(r"^\d+ ")).last.click()
    expect(page.get_by_text(f"{to} {words['unit']}")).to_be_visible()
    picture(page, f"approval-{words['language']}")
    page.get_by_role("button", name=words["approve"]).click()
    expect(page.get_by_role("status")).to_have_text(words["done"])
    expect(page.locator("#state")).to_have_text(words["state"])
    log_out(page, words)
    log_in(page, desk_at, words, "demo-administrator")
    page.wait_for_url(desk_at + "/")
    page.goto(desk_at + "/settings/password.days/")
    expect(page.locator("#now")).to_have_text(f"{to} {words['unit']}")


def test_a_new_person_with_a_security_key(page: Page, desk_at: str, words: dict[str, str]) -> None:
    at = desk_at.replace("127.0.0.1", "localhost")  # keys are bound to names, not to numbers
    devices: Any = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "usb", "hasUserVerification": True, "isUserVerified": True}
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    name, password = f"walk.{'zh' if words is WORDS['zh'] else 'en'}", "a longer pass phrase 9"

    log_in(page, at, words, "demo-administrator")
    page.wait_for_url(at + "/")
    page.goto(at + "/people/new/")
    page.get_by_label(words["user"]).fill(name)
    page.get_by_label(words["name"], exact=True).fill("李娜")
    page.get_by_label(words["role"]).select_option(label=words["teller"])
    page.get_by_role("button", name=words["make"]).click()
    link = page.locator("#link").inner_text()
    picture(page, f"link-{words['language']}")
    log_out(page, words)

    page.goto(link)
    for field in page.locator("input[type=password]").all():
        field.fill(password)
    picture(page, f"new-password-{words['language']}")
    page.get_by_role("button", name=words["set"], exact=True).click()
    page.wait_for_url(at + "/login/")
    log_in(page, at, words, name, password)
    page.wait_for_url(at + "/")

    page.goto(at + "/account/")
    page.get_by_role("link", name=words["second"]).click()
    picture(page, f"second-factor-{words['language']}")
    page.get_by_label(words["key"]).fill("USB")
    page.get_by_role("button", name=words["add"]).click()
    expect(page.get_by_role("heading", name=words["codes"])).to_be_visible()
    code = page.locator(".codes code").first.inner_text()
    picture(page, f"recovery-codes-{words['language']}")
    page.get_by_role("link", name=words["on"]).click()
    expect(page.get_by_role("heading", name=words["mine"])).to_be_visible()
    picture(page, f"account-{words['language']}")
    log_out(page, words)

    log_in(page, at, words, name, password)
    page.wait_for_url(at + "/login/second/")
    picture(page, f"second-{words['language']}")
    page.goto(at + "/")
    assert "/login/" in page.url, "nobody is logged in by the password alone"
    page.goto(at + "/login/second/")
    page.get_by_role("button", name=words["use"]).click()
    page.wait_for_url(at + "/")
    log_out(page, words)

    log_in(page, at, words, name, password)
    page.get_by_label(words["code"]).fill(code)
    page.keyboard.press("Enter")
    page.wait_for_url(at + "/")
