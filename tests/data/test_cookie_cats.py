"""A test of a mobile game whose arms were not split as meant: the sample-ratio check says so."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from quanke.effects import estimate, resembles_random

SOURCE = (
    Path(__file__).resolve().parents[2].parent / "shared" / "data" / "ab_cookie_cats" / "cookie_cats.csv.gz"
)

pytestmark = pytest.mark.skipif(not SOURCE.is_file(), reason=f"no Cookie Cats data: {SOURCE} is absent")


def test_the_alarm() -> None:
    with gzip.open(SOURCE, "rt", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    treated = np.array([row["test_version"] for row in rows]) == "gate_40"
    found = resembles_random(treated, 0.5)
    assert sum(found.counts) == 90_189
    assert found.alarm and round(found.p, 4) == 0.0086
    assert resembles_random(treated, 0.5, alarm_below=0.005)
    kept = estimate([row["retention_7"] == "True" for row in rows], treated, expected=0.5, unit="people")
    assert kept.warnings == (found.sentence,) and kept.significant and kept.effect < 0
    rounds = estimate([float(row["sum_gamerounds"]) for row in rows], treated)
    assert any("One customer makes up" in said for said in rounds.warnings), "one player with 49,854 rounds"
