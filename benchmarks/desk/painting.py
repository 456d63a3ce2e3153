"""First paint in a real browser, of a page opened after logging in."""

from __future__ import annotations

import random
import shutil
import statistics
import time
from typing import Any

from benchmarks.desk.questions import Tablet
from benchmarks.desk.served import WORD, Desk

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
PAGES = {
    "dashboard": ("demo-branch-head", "/"),
    "search": ("demo-compliance", "/customers/"),
    "morning": ("demo-customer-manager", "/work/"),
    "lobby": ("demo-lobby", "/lobby/"),
}
ROUNDS, CARDS = 5, 20
_PAINTED = """() => new Promise(done => {
  const told = () => performance.getEntriesByName('first-contentful-paint')[0];
  const wait = () => told() ? done(told().startTime) : setTimeout(wait, 20);
  wait();
})"""


def browser() -> str | None:
    """Path of a Chromium, null where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def cards_painted(desk: Desk, tablet: Tablet) -> dict[str, float]:
    """Milliseconds from the ticket machine's call to the card in a real browser's page, the tablet's own
    asking in between: median and the longest of the rounds; empty without a browser."""
    path = browser()
    if path is None:
        return {}
    from playwright.sync_api import sync_playwright

    draw, times = random.Random(3), []
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=path, args=FLAGS)
        page = chromium.new_page(viewport={"width": 1024, "height": 768})
        _enter(page, desk, tablet.username)
        page.goto(f"http://127.0.0.1:{desk.port}/lobby/")
        for _ in range(CARDS):
            time.sleep(draw.random())  # a customer comes at any moment between two askings
            begun = time.perf_counter()
            ticket, _arrival = tablet.machine.announce(draw)
            page.get_by_text(ticket, exact=True).first.wait_for(state="visible")
            times.append((time.perf_counter() - begun) * 1000)
        chromium.close()
    return {"p50_ms": round(statistics.median(times)), "longest_ms": round(max(times))}


def _enter(page: Any, desk: Desk, person: str) -> None:
    page.goto(f"http://127.0.0.1:{desk.port}/login/")
    page.locator("#username").fill(person)
    page.locator("#password").fill(WORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"http://127.0.0.1:{desk.port}/")


def first_paints(desk: Desk) -> dict[str, Any]:
    """Median milliseconds from asking to the first contentful paint, by page; empty without a browser."""
    path = browser()
    if path is None:
        return {}
    from playwright.sync_api import sync_playwright

    found: dict[str, Any] = {}
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=path, args=FLAGS)
        for name, (person, address) in PAGES.items():
            times = []
            for _ in range(ROUNDS):
                context = chromium.new_context(viewport={"width": 1280, "height": 800})
                page = context.new_page()
                _enter(page, desk, person)
                page.goto(f"http://127.0.0.1:{desk.port}{address}")
                times.append(float(page.evaluate(_PAINTED)))
                context.close()
            found[name] = round(statistics.median(times))
        chromium.close()
    return found
