"""Pictures for the documentation: taken only where QUANKE_PICTURES names a folder for them."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Page, expect

WIDE, LEAST, MOST = 1280, 640, 1300


def picture(page: Page, name: str, *, as_it_is: bool = False) -> None:
    """A page as a wide screen shows it, from its top, not higher than one reads at a glance; or as it is."""
    folder = os.environ.get("QUANKE_PICTURES")
    if folder is None:
        return
    Path(folder).mkdir(parents=True, exist_ok=True)
    before = page.viewport_size
    if not as_it_is:
        page.set_viewport_size({"width": WIDE, "height": LEAST})
        high = int(page.evaluate("document.documentElement.scrollHeight"))
        page.set_viewport_size({"width": WIDE, "height": min(high, MOST)})
        page.evaluate("window.scrollTo(0, 0)")
        expect(page.locator(".htmx-request")).to_have_count(0)
    page.screenshot(path=Path(folder) / f"desk-{name}.png")
    if not as_it_is and before is not None:
        page.set_viewport_size(before)
