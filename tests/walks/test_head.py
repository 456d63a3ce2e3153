"""The branch head: approves books another head proposed, sees who looks after a customer now, and two people
take it back."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.walks.conftest import served_desk
from tests.walks.pictures import picture
from tests.walks.test_people import log_in

SLOW = 300_000
"""Where a fresh checkout proposes for the first time, its kernels are compiled first."""


@pytest.fixture(scope="module")
def own_desk(brought: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A desk over a home of its own: applying a proposal writes the bank's tables."""
    home = tmp_path_factory.mktemp("books") / "home"
    shutil.copytree(brought, home)
    with served_desk(home) as (at, _):
        yield at


def as_person(page: Page, at: str, name: str) -> None:
    page.context.clear_cookies()
    log_in(page, at, name)


def wait_for(page: Page, place: str, text: str | re.Pattern[str]) -> None:
    """Loads a page again until a worker has done its part."""
    for _ in range(SLOW // 2_000):
        if page.locator(place).filter(has_text=text).count():
            return
        page.wait_for_timeout(2_000)
        page.reload()
    raise AssertionError(f"{place} never said {text}")


@pytest.mark.timeout(900)
def test_a_head_approves_books_and_two_people_undo_them(page: Page, own_desk: str) -> None:
    at = own_desk
    as_person(page, at, "demo-team-head")
    page.get_by_role("navigation", name="菜单").get_by_role("link", name="管户方案").click()
    page.get_by_label("范围").select_option("all")
    page.get_by_role("button", name="生成").click()
    expect(page.get_by_text("已开始，完成后将通知您。")).to_be_visible()
    wait_for(page, "#list-proposals", "草稿")
    page.get_by_role("link", name=re.compile(r"^B20260630-")).click()
    name = page.url.rstrip("/").rpartition("/")[2]
    expect(page.locator("#state")).to_have_text("草稿")
    page.get_by_role("link", name="调整客户", exact=True).click()
    row = page.locator("#list-moves tbody tr").filter(has_text=re.compile(r"此前无人管户")).first
    customer, to_post = (row.locator("td").nth(n).inner_text() for n in (0, 3))
    page.get_by_label("理由").first.fill("半年度管户调整")
    page.get_by_role("button", name="提交审批").click()
    expect(page.locator("#state")).to_contain_text("待审批")
    expect(page.get_by_text("您不能审批：")).to_be_visible()

    as_person(page, at, "demo-branch-head")
    page.goto(f"{at}/books/customer/{customer}/")
    expect(page.locator("#post-now")).to_have_text("无人管户")
    page.goto(f"{at}/books/proposals/{name}/")
    picture(page, "book-proposal-zh")
    page.get_by_role("link", name="调整前后管户量").click()
    picture(page, "book-proposal-books-zh")
    page.get_by_role("button", name="同意").click()
    wait_for(page, "#state", "已执行")
    page.goto(f"{at}/books/customer/{customer}/")
    expect(page.locator("#post-now")).to_have_text(to_post)
    page.get_by_role("navigation", name="管户").get_by_role("link", name="管户总览").click()
    picture(page, "books-zh")
    page.goto(f"{at}/books/?branch=")
    page.get_by_role("link", name=to_post).first.click()
    expect(page.locator("#list-book")).to_contain_text(customer)
    picture(page, "book-zh")

    as_person(page, at, "demo-team-head")
    page.goto(f"{at}/books/proposals/{name}/")
    page.get_by_role("button", name="English").click()
    page.get_by_label("Reason").first.fill("Complaints of customers")
    page.get_by_role("button", name="Ask to undo").click()
    expect(page.get_by_text("You cannot decide this:")).to_be_visible()
    as_person(page, at, "demo-branch-head")
    page.goto(f"{at}/books/proposals/{name}/")
    page.get_by_role("button", name="English").click()
    picture(page, "book-proposal-en")
    page.get_by_role("button", name="Approve").click()
    wait_for(page, "#state", "undone")
    page.goto(f"{at}/books/customer/{customer}/")
    expect(page.locator("#post-now")).to_have_text("nobody")
    page.get_by_role("link", name="Credit for growth").first.click()
    expect(page.locator("#credit")).to_be_visible()
    picture(page, "credit-en")
