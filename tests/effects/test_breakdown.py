"""Within groups: the effect of a member is that of its customers alone, and no other customer is missed."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from quanke.effects import estimate
from quanke.effects.breakdown import effects_within
from quanke.effects.report import CampaignEffect, Funnel, MeasuredOutcome

DRAWS = np.random.default_rng(5)
N = 600
BEFORE = DRAWS.normal(size=N)
TREATED = DRAWS.random(N) < 0.5
VALUES = BEFORE + DRAWS.normal(size=N) + 0.5 * TREATED
STRATA = (np.arange(N) % 3).astype(np.int64)
TERMS = (10, 0.95, False, "")
NORTH = np.arange(N) < 250


def test_a_member_is_measured_by_its_own_customers() -> None:
    values = VALUES.copy()
    values[:4] = np.nan
    north, south = effects_within(
        "region",
        {"north": NORTH, "south": ~NORTH},
        values,
        BEFORE,
        TREATED,
        STRATA,
        None,
        10,
        0.95,
        False,
        "",
    )
    assert north.estimate is not None and south.estimate is not None
    alone = estimate(values[NORTH], TREATED[NORTH], BEFORE[NORTH], STRATA[NORTH])
    assert north.estimate.effect == pytest.approx(alone.effect)
    assert (north.estimate.low, north.estimate.high) == pytest.approx((alone.low, alone.high))
    assert any("Left out, as their outcome is not known" in said for said in north.estimate.warnings)
    assert south.estimate.warnings == (), "nobody of the south is unknown"
    assert south.estimate.metrics == 2 and south.estimate.p_adjusted is not None
    assert south.estimate.p_adjusted >= south.estimate.p_value


def test_a_member_with_too_few_known_is_hidden() -> None:
    values = VALUES.copy()
    values[NORTH] = np.nan
    north, south = effects_within(
        "region", {"north": NORTH, "south": ~NORTH}, values, None, TREATED, STRATA, None, *TERMS
    )
    assert north.estimate is None and south.estimate is not None


def test_members_beyond_the_largest_are_cut_and_not_called_too_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quanke.effects.breakdown.MOST_MEMBERS", 1)
    few = np.arange(N) >= N - 3
    members = {"north": NORTH, "south": ~NORTH & ~few, "few": few}
    found = {g.member: g for g in effects_within("r", members, VALUES, None, TREATED, STRATA, None, *TERMS)}
    assert found["south"].estimate is not None and found["north"].estimate is None
    assert found["north"].cut and not found["few"].cut and not found["south"].cut
    assert found["north"].to_json()["cut"] is True and found["few"].to_json()["cut"] is False


def test_a_member_of_one_cluster_in_an_arm_is_hidden_and_spoils_no_other() -> None:
    cluster = np.repeat(np.arange(20), 30).astype(np.int64)
    treated, few = cluster % 2 == 0, cluster < 2
    one, rest = effects_within(
        "branch", {"one": few, "rest": ~few}, VALUES, None, treated, STRATA, cluster, *TERMS
    )
    assert one.estimate is None and rest.estimate is not None


def test_an_outcome_of_another_name_is_refused_with_the_names() -> None:
    day, one = dt.date(2026, 5, 1), estimate(VALUES, TREATED)
    outcomes = tuple(
        MeasuredOutcome(name=name, title_zh="", title_en="", unit="", estimate=one)
        for name in ("aum", "login")
    )
    found = CampaignEffect(
        campaign="c", title_zh="", title_en="", design="", arm="", before=day, first=day, last=day,
        closes=day, as_of=day, running=False, outcomes=outcomes, flow=None, groups=(), balance=(),
        ratio=None, overlaps=(),
        funnel=Funnel(targeted=1, pushed=1, reached=1, converted=None, control=1, control_converted=None),
        warnings=(), method="", hidden_below=10, facts="",
    )  # fmt: skip
    assert found["login"] is one
    with pytest.raises(KeyError, match="no outcome 'x': there are aum, login"):
        found["x"]
