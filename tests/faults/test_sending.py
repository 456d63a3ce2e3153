"""kill -9 of senders in every step and at random moments, on both databases, until fifty were killed.

Each message reaches a phone once by whatever means, none is lost, and what came back is noted once.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.faults.desk_at import in_desk
from tests.faults.test_desk_on_postgresql import database as database

KILLS, OFFERS = 50, 60
SENT = f"from tests.faults.senders import run\ntell(run(fork, kill, {KILLS}))"


def check(after_june: Path, home: Path, database: str) -> None:
    shutil.copytree(after_june, home)
    told: dict[str, Any] = in_desk(home, SENT, database, seconds=1_000)
    assert told["killed"] >= KILLS and not told["missing"], f"nobody died at: {told['missing']}"
    assert not told["twice"] and not told["never"], told
    assert told["states"] == {"t": told["count"]}, told
    assert told["receipts_wrong"] == 0, "what came back is noted once"
    assert told["home"] == [OFFERS, 1], "each offer is in the bank's table once"
    assert told["next_means"] and told["again"] and told["asked"], "nobody was killed in the middle"


@pytest.mark.slow
@pytest.mark.timeout(1_000)
def test_senders_killed_in_every_step(after_june: Path, tmp_path: Path) -> None:
    check(after_june, tmp_path / "home", "")


@pytest.mark.slow
@pytest.mark.timeout(1_000)
@pytest.mark.service
def test_senders_killed_in_every_step_on_postgresql(after_june: Path, tmp_path: Path, database: str) -> None:
    check(after_june, tmp_path / "home", database)
