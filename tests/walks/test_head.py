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
from tests.walks.test_manager import enter
from tests.walks.test_shell import looked_at
from tests.walks.words import LANGUAGES, Said

SLOW = 300_000
"""Where a fresh checkout proposes for the first time, its kernels are compiled first."""


@pytest.fixture(scope="module")
def own_desk(brought: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A desk over a home of its own: applying a proposal writes the bank's tables."""
    home = tmp_path_factory.mktemp("books") / "home"
    shutil.copytree(brought, home)
    with served_desk(home) as (at, _):
        yield at


def as_person(page: Page, at: str, name: str, language: str) -> None:
    page.context.clear_cookies()
    enter(page, at, name, language, "/")


def wait_for(page: Page, place: str, text: str | re.Pattern[str]) -> None:
    """Loads a page again until a worker has done its part."""
    for _ in range(SLOW // 2_000):
        if page.locator(place).filter(has_text=text).count():
            return
        page.wait_for_timeout(2_000)
        page.reload()
    raise AssertionError(f"{place} never said {text}")


def at_last(state: str) -> re.Pattern[str]:
    """A state, and not that it is being reached: "being applied" has "applied" in it."""
    return re.compile(rf"^\s*{state}")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_head_approves_books_and_two_people_undo_them(page: Page, own_desk: str, language: str) -> None:
    """Chinese first: what it applied is undone, and the English walk finds the books as they were."""
    at, say = own_desk, Said(language)
    as_person(page, at, "demo-team-head", language)
    menu = page.get_by_role("navigation", name=say("Menu"))
    menu.get_by_role("link", name=say("Proposals of books")).click()
    before = page.locator("#list-proposals tbody tr").count()
    page.get_by_label(say("For whom")).select_option("all")
    page.get_by_role("button", name=say("Propose")).click()
    expect(page.get_by_text(say("Begun. You are told when it is ready."))).to_be_visible()
    wait_for(page, "#list-proposals tbody tr", say("draft"))
    expect(page.locator("#list-proposals tbody tr")).to_have_count(before + 1)
    draft = page.locator("#list-proposals tbody tr").filter(has_text=say("draft"))
    draft.get_by_role("link", name=re.compile(r"^B20260630-")).click()
    name = page.url.rstrip("/").rpartition("/")[2]
    expect(page.locator("#state")).to_have_text(say("draft"))
    page.get_by_role("link", name=say("Customers who move"), exact=True).click()
    # whom nobody looked after costs no relation: last on the list as it comes, first when it is turned round
    page.locator("#list-moves thead").get_by_role("link", name=say("Cost of the relation (yuan)")).click()
    new = say(zh="此前无人管户", en="nobody looked after him")
    row = page.locator("#list-moves tbody tr").filter(has_text=new).first
    customer, to_post = (row.locator("td").nth(n).inner_text() for n in (0, 3))
    page.get_by_label(say("Reason")).first.fill(say(zh="半年度管户调整", en="Books of the half year"))
    page.get_by_role("button", name=say("Ask for approval")).click()
    expect(page.locator("#state")).to_contain_text(say("waits for a decision"))
    expect(page.get_by_text(say("You cannot decide this:"))).to_be_visible()

    as_person(page, at, "demo-branch-head", language)
    page.goto(f"{at}/books/customer/{customer}/")
    expect(page.locator("#post-now")).to_have_text(say("nobody"))
    page.goto(f"{at}/books/proposals/{name}/")
    picture(page, f"book-proposal-{language}")
    assert not looked_at(page, "the proposal")
    page.get_by_role("link", name=say("Books before and after")).click()
    picture(page, f"book-proposal-books-{language}")
    assert not looked_at(page, "books before and after")
    page.get_by_role("button", name=say("Approve")).click()
    wait_for(page, "#state", at_last(say(en="applied", zh="已执行")))
    page.goto(f"{at}/books/customer/{customer}/")
    expect(page.locator("#post-now")).to_have_text(to_post)
    rooms = page.get_by_role("navigation", name=say("Books"))
    rooms.get_by_role("link", name=say("Who looks after whom")).click()
    picture(page, f"books-{language}")
    page.goto(f"{at}/books/?branch=")
    page.get_by_role("link", name=to_post).first.click()
    expect(page.locator("#list-book")).to_contain_text(customer)
    picture(page, f"book-{language}")
    assert not looked_at(page, "a book")

    as_person(page, at, "demo-team-head", language)
    page.goto(f"{at}/books/proposals/{name}/")
    page.get_by_label(say("Reason")).first.fill(say(zh="客户投诉", en="Complaints of customers"))
    page.get_by_role("button", name=say("Ask to undo")).click()
    expect(page.get_by_text(say("You cannot decide this:"))).to_be_visible()
    as_person(page, at, "demo-branch-head", language)
    page.goto(f"{at}/books/proposals/{name}/")
    picture(page, f"book-undo-{language}")
    page.get_by_role("button", name=say("Approve")).click()
    wait_for(page, "#state", at_last(say(en="undone", zh="已撤回")))
    page.goto(f"{at}/books/customer/{customer}/")
    expect(page.locator("#post-now")).to_have_text(say("nobody"))
    page.get_by_role("link", name=say("Credit for growth")).first.click()
    expect(page.locator("#credit")).to_be_visible()
    picture(page, f"credit-{language}")
    assert not looked_at(page, "credit")
