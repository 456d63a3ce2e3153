"""What all tests share: under QUANKE_REQUIRE_SERVICES=1 a service test may fail but not be skipped."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

SERVICES_REQUIRED = os.environ.get("QUANKE_REQUIRE_SERVICES") == "1"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, None, None]:
    """Turns the skip of a test marked `service` into a failure where the services must be there."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if SERVICES_REQUIRED and report.skipped and item.get_closest_marker("service"):
        report.outcome = "failed"
        report.longrepr = f"service required here, yet the test was skipped: {report.longrepr}"
