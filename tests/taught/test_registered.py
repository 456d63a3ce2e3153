"""A registered campaign is learned from by the arms it was dealt, whoever was pushed."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from quanke.bank.home import Home
from quanke.effects.groups import CampaignRegister
from quanke.effects.uplift.rules import UpliftRules
from quanke.kernel.errors import ScoreError
from quanke.night.uplift_training import learn_uplift
from quanke.segments.dated import Dated
from tests.experiments.test_register import arms_of, design
from tests.taught.campaigns import FUND, STARTED

FEW_WILL_DO = UpliftRules(least_converted=Dated.of(1))


def registered(pushed: Path, home: Path, only_treated: bool, product: str) -> dict[str, int]:
    """A copy of the home in which the campaign is registered with more customers than were pushed; the pushes
    of its controls are taken away. Sizes by arm."""
    shutil.copytree(pushed, home)
    arms = arms_of(range(3_000), "s")
    for file in Home.open(home).facts("pushes"):
        rows = pq.read_table(file)
        own = pc.equal(rows["campaign"], FUND)
        keep = pc.or_(pc.invert(own), pc.equal(rows["arm"], "treated")) if only_treated else None
        pq.write_table(rows.filter(keep) if keep is not None else rows, file)
    planned = design(
        FUND, offer="fund", product=product, salt="s", first_contact=STARTED,
        until=STARTED + dt.timedelta(days=3), night=STARTED - dt.timedelta(days=7),
    )  # fmt: skip
    register = CampaignRegister(home)
    with register.deciding():
        return dict(register.keep(planned, arms).design.counts)


def test_arms_are_those_of_the_register(pushed: Path, tmp_path: Path) -> None:
    sizes = registered(pushed, tmp_path / "home", True, "fund")
    card = (
        learn_uplift(Home.open(tmp_path / "home"), features=["age"], rules=FEW_WILL_DO)
        .versions["uplift_fund"]
        .card
    )
    rows, dropped = card["rows"], card["rows"]["dropped"]
    there = rows["treated"]["rows"] + rows["control"]["rows"] + sum(dropped.values())
    assert abs(there - sum(sizes.values())) < 0.05 * there, "of 3,000 all, though half were never pushed"
    # as dealt: one in five is a control
    assert 0.15 < rows["control"]["rows"] / (rows["treated"]["rows"] + rows["control"]["rows"]) < 0.25
    accounts = pa.concat_tables([pq.read_table(f) for f in Home.open(tmp_path / "home").facts("accounts")])
    until = STARTED + dt.timedelta(days=3 + card["window_days"])
    sold = accounts.filter(
        pc.and_(
            pc.equal(accounts["category"], "fund"),
            pc.and_(
                pc.greater_equal(accounts["opened_on"], pa.scalar(STARTED)),
                pc.less_equal(accounts["opened_on"], pa.scalar(until)),
            ),
        )
    )
    happened = rows["treated"]["happened"] + rows["control"]["happened"]
    assert 0 < happened <= len(np.unique(sold["customer"].to_numpy()))


def test_who_converted_must_be_known_of_controls(pushed: Path, tmp_path: Path) -> None:
    registered(pushed, tmp_path / "home", True, "")
    with pytest.raises(ScoreError, match="names no product"):
        learn_uplift(Home.open(tmp_path / "home"), features=["age"])
