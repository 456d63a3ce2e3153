"""What all tests share: homes made once, no waiting for the disk; and under QUANKE_REQUIRE_SERVICES=1 a
service test may fail but not be skipped."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

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

_UNFREEZE = gc.unfreeze
SERVICES_REQUIRED = os.environ.get("QUANKE_REQUIRE_SERVICES") == "1"

ON_SPARK = (
    "tests/generative/test_standard_on_spark.py",
    "tests/generative/test_definitions.py",
    "tests/generative/test_expressions.py",
    "tests/plans/test_portions.py",
    "tests/spec/",
    "tests/night/test_on_spark.py",
)
"""What asks the one Spark of a run: where tests are spread over processes, one process begins it. The last
needs a home, which the other process makes meanwhile."""
WALKS = "tests/walks/"
LONGEST = (
    *ON_SPARK,
    WALKS,
    "tests/tiles/",
    "tests/faults/",
    "tests/scores/",
    "tests/planned/",
    "tests/night/",
)
"""What is begun first where tests are spread over processes: begun last, the others would wait for it."""


class Spread(LoadScopeScheduling):
    """Tests over processes: a file stays in one with what its fixtures made; so does all that asks Spark."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(WALKS):
            return "walks"  # one desk and one browser for all of them
        return "spark" if nodeid.startswith(ON_SPARK) else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Spread:
    """Whatever `--dist` says: xdist's own groups are not kept with this pytest (a node's id is read once)."""
    return Spread(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a process among several, what takes longest comes first."""

    def place(item: pytest.Item) -> int:
        return next((at for at, start in enumerate(LONGEST) if item.nodeid.startswith(start)), len(LONGEST))

    if hasattr(config, "workerinput"):
        items.sort(key=place)


def pytest_collection_finish() -> None:
    """Thousands of tests and what they import stay until the end: nobody need look whether they are garbage,
    which took a third of a second each time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)  # a sixteenth of the time of all tests, for a little memory
    gc.unfreeze = _stays_so  # type: ignore[assignment]


def _stays_so() -> None:
    """In the place of `gc.unfreeze` while tests run: who set something aside for a moment ends that alone."""


def pytest_sessionfinish() -> None:
    gc.unfreeze = _UNFREEZE
    gc.unfreeze()


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
