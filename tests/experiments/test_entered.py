"""Campaigns customers enter one by one: arms that nobody chose, registered when their days are over."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import quanke
from quanke.bank.home import Home
from quanke.effects.groups import CampaignRegister
from quanke.engines.store import NightStore
from quanke.kernel.errors import EffectError
from quanke.night.campaigns import explain_arm
from quanke.night.entered import EnteredCampaign, register_entered
from quanke.segments.control import in_control
from tests.homes import MAY

FIRST, LAST = dt.date(2026, 6, 1), dt.date(2026, 6, 20)


@pytest.fixture
def home(after_june: Path, tmp_path: Path) -> Home:
    """The shared home with campaigns of its own."""
    path = tmp_path / "home"
    path.mkdir()
    for part in after_june.iterdir():
        if part.name not in ("campaigns", "effects"):
            (path / part.name).symlink_to(part)
    return Home.open(path)


def entered(home: Home, share: float = 0.8) -> EnteredCampaign:
    night = NightStore(home.path / "nights").open(MAY)
    there = np.setdiff1d(np.arange(night.rows), list(night.absorbed))
    came = there[in_control(there, "who came", int(share * 1_000_000))]
    return EnteredCampaign(
        name="salary_welcome_202606", entry="trigger:salary_arrived", customers=came, first=FIRST, last=LAST,
        salt="salary_welcome control", control_ppm=300_000,
    )  # fmt: skip


def test_arms_follow_from_the_design_alone(home: Home) -> None:
    asked = entered(home)
    made = register_entered(
        home, replace(asked, customers=np.append(asked.customers[::-1], asked.customers[:9]))
    )
    control = in_control(asked.customers, asked.salt, asked.control_ppm)
    assert made.customers.tolist() == asked.customers.tolist(), "each once, by number"
    assert made.controls.tolist() == asked.customers[control].tolist()
    assert made.design.night == MAY and made.design.strata == () and made.design.salt == asked.salt
    arms = made.arms.to_pydict()
    night = NightStore(home.path / "nights").open(MAY)
    tier = night.read(["tier"])["tier"].cast("string").to_pylist()
    assert arms["tier"] == [tier[c] or "-" for c in arms["customer"]]
    first, other = int(asked.customers[control][0]), int(asked.customers[~control][0])
    why = explain_arm(home, asked.name, first)
    assert why.arm == "control" and why.rank <= why.cuts[0][1] == int(control.sum())
    assert explain_arm(home, asked.name, other).arm == "treated"
    with pytest.raises(EffectError, match="registered already"):
        register_entered(home, asked)


def test_what_is_refused(home: Home) -> None:
    asked = entered(home)
    with pytest.raises(EffectError, match="fewer than"):
        register_entered(home, replace(asked, customers=asked.customers[:40]))
    assert CampaignRegister(home.path).all() == []


def test_who_came_after_the_night_is_in_no_tier(home: Home) -> None:
    asked = entered(home)
    rows = NightStore(home.path / "nights").open(MAY).rows
    made = register_entered(home, replace(asked, customers=np.append(asked.customers, rows + 5)))
    last = made.arms.to_pylist()[-1]
    assert (last["customer"], last["tier"], last["branch"]) == (rows + 5, "-", "-")


def test_nothing_was_done_and_nothing_is_found(home: Home) -> None:
    """Nobody was treated: the intervals of what arms differ by hold zero, but for chance."""
    asked = entered(home)
    register_entered(home, asked)
    report = quanke.open(home.path).effects(asked.name)
    found = [outcome.estimate for outcome in report.outcomes]
    assert len(found) >= 3 and all(e.n_control > 300 for e in found)
    assert sum(e.low <= 0 <= e.high for e in found) >= len(found) - 1
    assert report.ratio is not None and not report.ratio.alarm
