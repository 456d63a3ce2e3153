"""First paint in a real browser, of a page opened after logging in."""

from __future__ import annotations

import shutil
import statistics
from typing import Any

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
ROUNDS = 5
_PAINTED = """() => new Promise(done => {
  const told = () => performance.getEntriesByName('first-contentful-paint')[0];
  const wait = () => told() ? done(told().startTime) : setTimeout(wait, 20);
  wait();
})"""


def first_paints(desk: Desk) -> dict[str, Any]:
    """Median milliseconds from asking to the first contentful paint, by page; empty without a browser."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
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
                page.goto(f"http://127.0.0.1:{desk.port}/login/")
                page.locator("#username").fill(person)
                page.locator("#password").fill(WORD)
                page.keyboard.press("Enter")
                page.wait_for_url(f"http://127.0.0.1:{desk.port}/")
                page.goto(f"http://127.0.0.1:{desk.port}{address}")
                times.append(float(page.evaluate(_PAINTED)))
                context.close()
            found[name] = round(statistics.median(times))
        chromium.close()
    return found
