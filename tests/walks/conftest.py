"""A browser, and a desk it opens."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect, sync_playwright

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def _env(home: Path, database: str = "") -> dict[str, str]:
    return {**os.environ, "QUANKE_HOME": str(home), "QUANKE_DESK_DEMO": "1", "QUANKE_DESK_DATABASE": database}


@contextmanager
def served_desk(home: Path, database: str = "") -> Iterator[tuple[str, Callable[..., str]]]:
    """A desk over a home, served as a bank's would be: its address, and its commands."""
    words, env = [str(Path(sys.executable).with_name("quanke-desk"))], _env(home, database)

    def command(*more: str) -> str:
        done = subprocess.run([*words, *more], env=env, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    if database or not (home / "desk" / "desk.sqlite3").exists():
        for name in ("migrate", "bring_bank", "demo_people"):
            command(name)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (home / "served.log").open("w") as told:
        served = subprocess.Popen(
            [*words, "serve", "--port", str(port)], env=env, stdout=told, stderr=subprocess.STDOUT
        )
    try:
        at = f"http://127.0.0.1:{port}"
        _wait_for(at, served)
        yield at, command
    finally:
        served.terminate()
        served.wait(60)


BRING = """
import django
from django.core.management import call_command
django.setup()
for name in ("migrate", "bring_bank", "demo_people"):
    call_command(name)
"""


@pytest.fixture(scope="package")
def brought(after_june: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample home of June with a desk's database, made once: whoever changes it copies it first."""
    home = tmp_path_factory.mktemp("brought") / "home"
    shutil.copytree(after_june, home)
    env = {**_env(home), "DJANGO_SETTINGS_MODULE": "quanke_desk.web.settings"}
    done = subprocess.run([sys.executable, "-c", BRING], env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return home


@pytest.fixture(scope="package")
def desk_at(brought: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a desk over a copy of the sample home of June, on SQLite: shared by walks that leave it as
    others expect it."""
    home = tmp_path_factory.mktemp("desk") / "home"
    shutil.copytree(brought, home)
    with served_desk(home) as (at, _):
        yield at


def _wait_for(at: str, served: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 240
    while time.monotonic() < until and served.poll() is None:
        try:
            urllib.request.urlopen(f"{at}/health/", timeout=5).close()
            return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.2)
    raise RuntimeError("the desk did not begin to serve")


@pytest.fixture(autouse=True)
def patient(request: pytest.FixtureRequest) -> Iterator[None]:
    """Two cores serve, browse and test at once, and a cold desk compiles what counts: how fast that is is not
    what is tested here."""
    if "page" in request.fixturenames:
        request.getfixturevalue("page").set_default_timeout(60_000)
    expect.set_options(timeout=30_000)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    # not for the whole session: as long as it is open its loop runs in this thread, and Django refuses
    # whoever asks the database meanwhile
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no chromium: on Debian, `apt-get install chromium fonts-noto-cjk`")
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Page]:
    """A page that fails its test where the browser complains."""
    context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(30_000)
    said: list[str] = []

    def hear(told: ConsoleMessage) -> None:
        # a poll that is under way when one goes to another page is given up: htmx calls that an error
        given_up = told.text.startswith(("htmx:sendAbort", "htmx:afterRequest"))
        if told.type == "error" and "401" not in told.text and not given_up:
            said.append(f"{told.text} {told.location['url']}")

    page.on("console", hear)
    page.on("pageerror", lambda e: said.append(str(e)))
    yield page
    context.close()
    assert not said
