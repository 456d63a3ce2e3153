"""Whose proposal is shown to nobody: the controls of advice, the bank's hold-out, controls of campaigns."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from quanke.bank.home import Home
from quanke.night import Bank
from quanke.night.wealth import withheld_on
from quanke.night.wealth_rules import wealth_rules
from quanke.segments import HoldOut
from tests.homes import LAST

EVERYBODY = np.arange(3_000, dtype=np.int64)
MORNING = dt.date(2026, 7, 1)


def test_who_is_held_out_by_the_bank_is_shown_no_proposal(after_june: Path) -> None:
    home = Home.open(after_june)
    held = HoldOut().holds(EVERYBODY, MORNING)
    withheld = withheld_on(home, EVERYBODY, wealth_rules(home), LAST)
    assert held.any() and withheld[held].all()
    assert 0.04 < withheld.mean() < 0.10, "5 % of advice and 2 % of the bank"
    shown = Bank(home).wealth().worklist()["customer"].to_numpy()
    assert len(shown) and not HoldOut().holds(shown, MORNING).any()
    status = Bank(home).wealth().proposals
    mine = status.filter(pc.equal(status["status"], "withheld"))["customer"].to_numpy()
    assert withheld_on(home, mine, wealth_rules(home), LAST).all()


def test_the_year_that_counts_is_that_of_the_morning(after_june: Path, tmp_path: Path) -> None:
    path = tmp_path / "home"
    shutil.copytree(after_june, path, ignore=shutil.ignore_patterns("nights", "tiles", "tables"))
    (path / "effects.yaml").write_text("hold_out: {1900-01-01: 0%, 2027-01-01: 30%}\n")
    home = Home.open(path)
    rules = wealth_rules(home)
    before = withheld_on(home, EVERYBODY, rules, dt.date(2026, 12, 30))
    after = withheld_on(home, EVERYBODY, rules, dt.date(2026, 12, 31))
    assert after[before].all() and after.mean() > before.mean() + 0.2
