"""What all tests share: homes made once, no waiting for the disk; and under QUANKE_REQUIRE_SERVICES=1 a
service test may fail but not be skipped."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.homes import after_june, after_may, busy, fresh, loaded, stream, wanted  # noqa: F401

# how fast a loaded machine draws examples says nothing about the code: speed is shown in benchmarks
settings.register_profile(
    "quanke",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    # a change is judged by the same examples every time; QUANKE_RANDOM=1 looks for others
    derandomize=os.environ.get("QUANKE_RANDOM") != "1",
)
settings.load_profile("quanke")

SERVICES_REQUIRED = os.environ.get("QUANKE_REQUIRE_SERVICES") == "1"


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_the_disk() -> Iterator[None]:
    """`os.fsync` returns at once, here and in no process of its own. It matters when the power goes, which no
    test can try; a kill -9 loses nothing that was written. A small night calls it some 350 times."""
    usual = os.fsync

    def fsync(file: object) -> None:
        os.fstat(file if isinstance(file, int) else file.fileno())  # type: ignore[attr-defined]

    os.fsync = fsync  # type: ignore[assignment]
    yield
    os.fsync = usual


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, None, None]:
    """Turns the skip of a test marked `service` into a failure where the services must be there."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if SERVICES_REQUIRED and report.skipped and item.get_closest_marker("service"):
        report.outcome = "failed"
        report.longrepr = f"service required here, yet the test was skipped: {report.longrepr}"
