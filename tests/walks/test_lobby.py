"""A visitor in a browser: a real machine's call, the card, one tap, the call-back of the remote team."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Page, expect

from quanke import open as open_home
from tests.walks.conftest import served_desk
from tests.walks.pictures import picture
from tests.walks.test_manager import enter

MACHINE = Path(__file__).parents[2] / "examples" / "lobby_machine.py"
WORDS = {
    "zh": {"interested": "有意向", "decline": "拒绝", "served": "已服务", "take": "领取并打开"},
    "en": {"interested": "Interested", "decline": "Declined", "served": "Served", "take": "Take it and open"},
}


@pytest.fixture(scope="module")
def lobby(
    brought: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str, list[str], str]]:
    """A desk, the key of a machine of an outlet, documents of people of it and the outlet."""
    home = tmp_path_factory.mktemp("lobby") / "home"
    shutil.copytree(brought, home)
    with served_desk(home) as (at, command):
        bank = open_home(home)
        night = bank.night()
        branches = pq.read_table(bank.home.facts("branches")[0]).to_pylist()
        outlet = min(
            b["branch_id"]
            for b in branches
            if b["kind"] == "outlet"
            and b["parent_id"] == min(x["branch_id"] for x in branches if x["kind"] == "sub_branch")
        )
        key = (
            command(
                "machine_key", "--name", "Ticket machine 1", "--branch", outlet, "--by", "demo-administrator"
            )
            .strip()
            .splitlines()[-1]
        )
        chosen = set(pq.read_table(bank.plan().path("chosen.parquet"))["customer"].to_pylist())
        branch = night.read(["branch"])["branch"].to_pylist()
        documents = []
        for customer in sorted(c for c in chosen if branch[c] == outlet)[:12]:
            value = next((f.value for f in bank.golden(customer) if f.name == "id_number" and f.value), None)
            if value and [f.customer for f in bank.search(value, kinds=("document",)).found] == [customer]:
                documents.append(str(value))
        assert len(documents) >= 2
        yield at, key, documents, outlet


def tell(at: str, key: str, *words: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, str(MACHINE), "--desk", at, *words],
        env={**os.environ, "QUANKE_MACHINE_KEY": key},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("language", ["zh", "en"])
def test_from_the_ticket_to_the_call_back(
    page: Page, lobby: tuple[str, str, list[str], str], language: str
) -> None:
    at, key, documents, outlet = lobby
    words, ticket = WORDS[language], f"{language.upper()}1"
    page.set_viewport_size({"width": 1024, "height": 768})  # the tablet of the lobby
    enter(page, at, "demo-lobby", language, "/lobby/")
    page.goto(f"{at}/lobby/")
    document = documents[0 if language == "zh" else 1]
    began = time.monotonic()
    told = tell(at, key, "--outlet", outlet, "--ticket", ticket, "--kind", "id", "--value", document)
    assert told["known"] is True
    card = page.locator(f"#arrival-{told['arrival']}")
    expect(card).to_contain_text(ticket)  # by itself: nobody pressed anything
    assert time.monotonic() - began < 30
    assert document not in page.content()
    idea = card.locator("ol.ideas li").first
    idea.get_by_role("button", name=words["interested"], exact=True).click()
    expect(card.locator("ol.ideas li").first.locator("[aria-pressed=true]")).to_have_text(words["interested"])
    picture(page, f"lobby-{language}")
    card.get_by_role("button", name=words["served"], exact=True).click()
    expect(card.locator("header")).to_contain_text("已服务" if language == "zh" else "served")
    page.goto("about:blank")  # the page of the lobby asks by itself, and would ask for its own log-in
    page.context.clear_cookies()
    enter(page, at, "demo-remote-seat", language, "/work/callbacks/")
    page.goto(f"{at}/work/callbacks/")
    row = page.locator("tbody tr", has_text=ticket)
    expect(row).to_contain_text("*")
    row.get_by_role("link").first.click()
    page.get_by_role("button", name=words["take"]).click()
    expect(page.get_by_role("heading", level=1)).not_to_contain_text("*")
    picture(page, f"call-back-{language}")
    page.locator("#minutes").fill("2")
    page.get_by_role("button", name="已服务" if language == "zh" else "Looked after", exact=True).click()
    page.goto(f"{at}/work/callbacks/")
    expect(page.locator("tbody tr", has_text=ticket)).to_have_count(0)
