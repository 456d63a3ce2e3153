"""kill -9 at random moments of a night: rerun, and the published bytes are an undisturbed run's."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from quanke.bank.home import Home
from quanke.night import night as run_night
from tests.night.conftest import LAST, loaded  # noqa: F401  (a fixture)
from tests.night.test_night import digest

KILLS = 20
CHILD = """
import datetime, sys
from pathlib import Path
from quanke.bank.home import Home
from quanke.night import night
night(Home.open(Path(sys.argv[1])), datetime.date.fromisoformat(sys.argv[2]), bucket=500)
"""


def start(home: Path) -> subprocess.Popen[bytes]:
    """A night in a process of its own."""
    source = str(Path(__file__).resolve().parents[2] / "src")
    env = {**os.environ, "PYTHONPATH": source}
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(home), LAST.isoformat()],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_a_killed_night_ends_in_the_same_bytes(loaded: Path, tmp_path: Path) -> None:  # noqa: F811
    calm = tmp_path / "calm"
    shutil.copytree(loaded, calm)
    begin = time.perf_counter()
    assert start(calm).wait(timeout=300) == 0
    whole = time.perf_counter() - begin
    want = digest(calm / "nights")
    assert want

    draw = random.Random(20_260_630)
    home = tmp_path / "killed"
    shutil.copytree(loaded, home)
    unfinished = 0
    for kill in range(KILLS):
        if kill % 4 == 0:  # begin afresh now and then, else resume what the last kill left
            for part in ("nights", "identity"):  # so that kills strike while it is found out who is who, too
                shutil.rmtree(home / part, ignore_errors=True)
        child = start(home)
        try:
            child.wait(timeout=draw.uniform(0.15, 1.0) * whole)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.wait()
        published = home / "nights" / LAST.isoformat()
        unfinished += not published.exists()
        if published.exists():
            assert digest(home / "nights") == want
            shutil.rmtree(home / "nights")
    assert unfinished >= KILLS // 4, "the kills came too late to prove anything"
    run_night(Home.open(home), LAST, bucket=500)
    assert digest(home / "nights") == want
