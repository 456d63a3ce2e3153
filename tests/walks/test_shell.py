"""The shell by keyboard, in the dark, on a phone, in both languages; and pages of several roles by axe."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from quanke_desk.foundation.roles import Role
from tests.walks.pictures import picture
from tests.walks.test_people import log_in

ROLES = (
    Role.ADMINISTRATOR, Role.COMPLIANCE, Role.BRANCH_HEAD, Role.CUSTOMER_MANAGER, Role.REMOTE, Role.LOBBY,
    Role.ANALYST,
)  # fmt: skip
PHONE = {"width": 390, "height": 800}


def user_of(role: str) -> str:
    return "demo-" + role.replace("_", "-")


_seen: set[str] = set()
"""Shapes of addresses that some role's walk has shown to axe."""
LEADS = "main tbody tr:first-child a, main nav a, main article:first-of-type a, main a.button"
"""What of a page leads to further ones: the first record of each list, and its neighbours."""


def shape(path: str) -> str:
    return re.sub(r"\d+", "0", path.partition("?")[0])


def looked_at(page: Page, where: str) -> list[str]:
    """What axe finds on a page, with the parts it loads while one scrolls."""
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    expect(page.locator(".htmx-request")).to_have_count(0)
    hits = Axe().run(page).response["violations"]
    return [f"{where} {hit['id']}: {node['html'][:160]}" for hit in hits for node in hit["nodes"][:3]]


def test_a_customer_is_printed_whole(page: Page, desk_at: str) -> None:
    """Its parts come as one scrolls; paper does not scroll."""
    log_in(page, desk_at, "demo-branch-head")
    page.goto(desk_at + "/customers/?tier=affluent")
    page.locator("#list-customers tbody").get_by_role("link").first.click()
    page.evaluate("window.print = () => { document.body.dataset.printed = 'yes' }")
    waiting = page.locator("section.part:not([data-there])")
    assert waiting.count() >= 3, "some have not been scrolled to"
    page.get_by_role("button", name="打印").click()
    expect(page.locator("body[data-printed=yes]")).to_have_count(1)
    expect(waiting).to_have_count(0)
    page.emulate_media(media="print")
    for part in page.locator("section.part").all():
        assert len(part.inner_text().splitlines()) > 1, part.get_attribute("id")
    expect(page.locator("#menu")).to_be_hidden()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("role", ROLES)
def test_axe_finds_nothing(page: Page, desk_at: str, role: str) -> None:
    """Each page a role meets that none before it met: by day in Chinese, by night in English."""
    cookie = page.context.add_cookies
    cookie([{"name": "theme", "value": "light", "url": desk_at}])
    log_in(page, desk_at, user_of(role))
    paths: list[str] = page.locator("#menu a").evaluate_all("found => found.map(a => a.getAttribute('href'))")
    paths += ["/notices/", "/find/", "/account/", "/api/"]
    assert len(paths) >= 6
    met: list[str] = []
    found: list[str] = []
    for path in paths:  # which grows as pages lead to others
        if not path.startswith("/") or path.endswith(".json") or shape(path) in _seen:
            continue
        _seen.add(shape(path))
        met.append(path)
        page.goto(desk_at + path)
        expect(page.locator("html")).to_have_attribute("data-theme", "light")
        paths += page.locator(LEADS).evaluate_all(
            "found => found.filter(a => !a.hasAttribute('download')).slice(0, 12)"
            ".map(a => a.getAttribute('href'))"
        )
        found += looked_at(page, f"light {path}")
    cookie([{"name": "theme", "value": "dark", "url": desk_at}])
    page.goto(desk_at + "/account/")
    page.get_by_role("button", name="English").click()
    for path in met:
        page.goto(desk_at + path)
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        expect(page.locator("html")).to_have_attribute("lang", "en")
        found += looked_at(page, f"dark {path}")
    page.get_by_role("button", name="中文").click()
    assert not found, "\n".join(found)


def test_search_and_keys_without_a_mouse(page: Page, desk_at: str) -> None:
    log_in(page, desk_at, "demo-administrator")
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="页面、客户、岗位、营销、指标定义")
    expect(field).to_be_focused()
    expect(page.locator("#found a").first).to_be_visible()
    page.keyboard.type("sj")  # first letters of 审计, and of 数据回流
    expect(page.locator("#found a")).to_have_text(["数据回流", "审计"])
    picture(page, "search-zh", as_it_is=True)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(field).to_have_attribute("aria-activedescendant", "found-pages-2")
    page.keyboard.press("Enter")
    page.wait_for_url(desk_at + "/audit/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="键盘快捷键")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("/")
    expect(page.get_by_label("用户名")).to_be_focused()
    page.keyboard.type("demo-administrator")
    page.keyboard.press("Enter")
    expect(page.get_by_role("list", name="已选条件")).to_contain_text("用户名: demo-administrator")
    assert "person=demo-administrator" in page.url and "action=" not in page.url
    page.get_by_role("link", name="清除全部").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("list", name="已选条件")).to_have_count(0)
    page.keyboard.press("g")
    page.keyboard.press("h")
    page.wait_for_url(desk_at + "/")


def test_people_are_found_by_who_keeps_them_only(page: Page, desk_at: str) -> None:
    log_in(page, desk_at, "demo-administrator")
    page.keyboard.press("Control+k")
    page.keyboard.type("demo-teller")
    expect(page.locator("#found a").filter(has_text="demo-teller")).to_contain_text("柜员")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="退出").click()
    log_in(page, desk_at, "demo-customer-manager")
    page.keyboard.press("Control+k")
    page.keyboard.type("demo-teller")
    expect(page.locator("#found")).to_contain_text("搜索客户“demo-teller”")
    expect(page.locator("#found a")).to_have_count(0)
    assert "demo-teller" not in page.url


def test_a_manager_finds_his_customer_by_keys_alone(page: Page, desk_at: str) -> None:
    log_in(page, desk_at, "demo-customer-manager")
    page.goto(desk_at + "/customers/")
    address = page.locator("main tbody a").first.get_attribute("href") or ""
    number = address.strip("/").rpartition("/")[2]
    page.keyboard.press("Control+k")
    page.keyboard.type(number)
    hit = page.locator("#found-customers-1")
    expect(hit).to_have_attribute("href", address)
    expect(page.get_by_role("group", name="客户")).to_be_visible()
    expect(page.locator("#found-count")).to_have_text(re.compile(r"找到 \d+ 项"))
    assert not looked_at(page, "the search with answers")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#found-all-customers")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    expect(hit).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    page.wait_for_url(desk_at + address)
    page.keyboard.press("Control+k")
    page.keyboard.type(number)
    expect(hit).to_be_visible()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_url(desk_at + "/customers/")
    expect(page.locator("main")).to_contain_text(number)


MONEY = """language => {
  var data = document.createElement('script'), place = document.createElement('div');
  data.type = 'application/json'; data.id = 'chart-money-' + language;
  data.textContent = JSON.stringify(
    { kind: 'bar', unit: 'money', title: 'x', names: ['a', 'b'], values: [12340000000, -5] });
  place.className = 'chart'; place.setAttribute('data-chart', data.id); place.id = 'money-' + language;
  document.querySelector('main').append(data, place);
  document.body.dispatchEvent(new CustomEvent('htmx:load', { bubbles: true }));
}"""


def test_a_chart_of_money_speaks_the_language_of_the_page(page: Page, desk_at: str) -> None:
    log_in(page, desk_at, "demo-branch-head")
    for language, shown in (("zh", "¥1.23亿"), ("en", "¥123.4M")):
        if language == "en":
            page.get_by_role("button", name="English").click()
        expect(page.locator("html")).to_have_attribute("lang", "en" if language == "en" else "zh-Hans")
        page.evaluate(MONEY, language)
        chart = page.locator(f"#money-{language} svg")
        expect(chart).to_contain_text(shown)
        expect(chart).to_contain_text("-¥0.05")


def test_colours_by_choice_stay(page: Page, desk_at: str) -> None:
    log_in(page, desk_at, "demo-branch-head")
    ink: Callable[[], str] = lambda: page.evaluate("getComputedStyle(document.body).backgroundColor")  # noqa: E731
    assert ink() == "rgb(243, 245, 248)"
    page.get_by_role("button", name="配色：跟随系统").click()
    page.get_by_role("button", name="配色：浅色").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert ink() == "rgb(18, 21, 25)"
    expect(page.locator("[data-chart=chart-tier] svg")).to_contain_text("核心固基")
    picture(page, "home-dark-zh")
    page.emulate_media(color_scheme="dark")
    page.get_by_role("button", name="配色：深色").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "auto")
    assert ink() == "rgb(18, 21, 25)", "as the system"


def test_charts_say_what_they_show(page: Page, desk_at: str) -> None:
    log_in(page, desk_at, "demo-branch-head")
    chart = page.locator("[data-chart=chart-stage]")
    expect(chart.locator("svg")).to_contain_text("流失预警")
    assert "生命周期阶段" in (chart.get_attribute("aria-label") or "")
    page.locator("details.data summary").first.click()
    rows = page.locator("details.data[open] tr")
    expect(rows).to_have_count(5)
    picture(page, "home-zh")
    rows.nth(1).get_by_role("link").click()
    expect(page).to_have_url(desk_at + "/customers/?tier=core")


def test_on_a_phone(page: Page, desk_at: str) -> None:
    page.set_viewport_size(PHONE)
    log_in(page, desk_at, "demo-administrator")
    menu = page.get_by_role("navigation", name="菜单")
    expect(menu).to_be_hidden()
    page.get_by_label("菜单").first.click()
    menu.get_by_role("link", name="人员").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390, (
        "the page itself does not scroll sideways"
    )
    picture(page, "phone-zh", as_it_is=True)


def test_a_view_and_a_file_in_english(page: Page, desk_at: str) -> None:
    log_in(page, desk_at, "demo-compliance")
    page.get_by_role("button", name="English").click()
    page.get_by_role("link", name="Audit", exact=True).click()
    page.get_by_label("Action begins with").fill("login")
    page.get_by_role("button", name="Show", exact=True).click()
    page.locator("summary", has_text="Views").click()
    page.get_by_label("Keep this view as").fill("Log-ins")
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.get_by_role("list", name="Views").get_by_role("link", name="Log-ins")).to_have_attribute(
        "aria-current", "true"
    )
    page.locator("summary", has_text="Export").click()
    page.get_by_role("textbox", name="Reason", exact=True).fill("Quarterly review")
    with page.expect_download() as got:
        page.get_by_role("button", name="As Excel").click()
    assert got.value.suggested_filename.startswith("quanke-audit-") and got.value.suggested_filename.endswith(
        ".xlsx"
    )
    picture(page, "list-en")
