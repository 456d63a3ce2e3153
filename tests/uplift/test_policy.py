"""What treating the best is worth: by hand, without bias on a truth that is known, with intervals that hold
it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quanke.effects.uplift import policy_value
from quanke.kernel.errors import EffectError


def drawn(n: int, random: np.random.Generator, by_lot: bool = True) -> dict[str, np.ndarray]:
    """Customers with a known effect of 4 x, of whom those with large x are treated more often (unless by
    lot)."""
    x = random.normal(size=n)
    chance = np.full(n, 0.3) if by_lot else np.clip(0.5 + 0.2 * x, 0.1, 0.9)
    treated = random.random(n) < chance
    off, on = 10 + 2 * x, 10 + 6 * x
    y = np.where(treated, on, off) + random.normal(size=n) * 3
    return {"x": x, "chance": chance, "treated": treated, "y": y, "off": off, "on": on}


def test_by_hand() -> None:
    y, treated, score = [4, 1, 2, 3], [1, 0, 1, 0], [4, 3, 2, 1]
    # means of the arms 3 and 2; scores treated 5, 3, 1, 3 and untreated 2, 0, 2, 4
    found = policy_value(y, treated, score, share=0.5, propensity=0.5)
    assert found.policy.value == pytest.approx((5 + 3 + 2 + 4) / 4)
    assert found.treat_all.value == pytest.approx(3)
    assert found.treat_none.value == pytest.approx(2)
    assert found.over_none.value == pytest.approx(1.5)
    assert found.over_all.value == pytest.approx(0.5)
    assert found.over_lot.value == pytest.approx(1.0)


def test_customers_at_the_border_are_taken_in_part() -> None:
    y, treated = [4, 1, 2, 3], [1, 0, 1, 0]
    found = policy_value(y, treated, [1, 1, 1, 1], share=0.25, propensity=0.5)
    assert found.share == pytest.approx(0.25)
    assert found.policy.value == pytest.approx(0.75 * 2 + 0.25 * 3)
    assert found.over_lot.value == pytest.approx(0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.integers(1, 6))
def test_shares_are_kept_and_ends_are_all_and_none(seed: int, share: float, places: int) -> None:
    made = drawn(80, np.random.default_rng(seed))
    score = np.round(made["x"] * places)
    given_ = {"propensity": 0.3, "cost": 0.5}
    found = policy_value(made["y"], made["treated"], score, share=share, **given_)
    assert found.share == pytest.approx(share)
    nobody = policy_value(made["y"], made["treated"], score, share=0.0, **given_)
    everybody = policy_value(made["y"], made["treated"], score, share=1.0, **given_)
    assert nobody.policy.value == pytest.approx(nobody.treat_none.value)
    assert everybody.policy.value == pytest.approx(everybody.treat_all.value)
    assert everybody.over_all.se == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("way", ["share", "threshold"])
def test_intervals_hold_the_truth(way: str) -> None:
    random = np.random.default_rng(8)
    setting = {"share": 0.3} if way == "share" else {"threshold": 0.5}
    big = drawn(2_000_000, random)
    border = np.quantile(big["x"], 0.7) if way == "share" else 0.5
    chosen = big["x"] > border
    effect = big["on"] - big["off"]
    truth = {
        "policy": np.where(chosen, big["on"], big["off"]).mean(),
        "over_none": (chosen * effect).mean(),
        "over_all": (~chosen * -effect).mean(),
        "over_lot": ((chosen - chosen.mean()) * effect).mean(),
    }
    held: dict[str, list[bool]] = {name: [] for name in truth}
    for _ in range(600):
        made = drawn(1_000, random)
        found = policy_value(
            made["y"],
            made["treated"],
            made["x"],
            propensity=0.3,
            outcomes=(made["off"], made["on"]),
            **setting,
        )
        for name, value in truth.items():
            mean = getattr(found, name)
            held[name].append(mean.low <= value <= mean.high)
    assert {name: 0.925 <= np.mean(hits) <= 0.975 for name, hits in held.items()} == dict.fromkeys(
        truth, True
    )


@pytest.mark.parametrize("right", ["propensity", "outcomes"])
def test_one_right_model_is_enough(right: str) -> None:
    random = np.random.default_rng(4)
    values = []
    for _ in range(60):
        made = drawn(2_000, random, by_lot=False)
        known = (
            {"propensity": made["chance"]}
            if right == "propensity"
            else {"outcomes": (made["off"], made["on"])}
        )
        values.append(float(policy_value(made["y"], made["treated"], made["x"], threshold=0.0, **known)))
    # E[10 + 2x + 4x 1{x > 0}] = 10 + 4 / sqrt(2 pi)
    truth = 10 + 4 / np.sqrt(2 * np.pi)
    assert np.mean(values) == pytest.approx(truth, abs=4 * np.std(values) / np.sqrt(60))
    neither = [
        float(policy_value(m["y"], m["treated"], m["x"], threshold=0.0))
        for m in (drawn(2_000, random, by_lot=False) for _ in range(10))
    ]
    assert abs(np.mean(neither) - truth) > 0.3  # or the test would prove nothing


def test_cost_comes_off_each_who_is_treated() -> None:
    made = drawn(400, np.random.default_rng(2))
    free, dear = (
        policy_value(made["y"], made["treated"], made["x"], share=0.25, propensity=0.3, cost=cost)
        for cost in (0.0, 2.0)
    )
    assert free.policy.value - dear.policy.value == pytest.approx(0.5)
    assert free.treat_none == dear.treat_none


@pytest.mark.parametrize(
    ("settings_", "word"),
    [
        ({}, "share or threshold"),
        ({"share": 0.1, "threshold": 1.0}, "share or threshold"),
        ({"share": 1.1}, "share"),
        ({"share": 0.5, "propensity": 1.0}, "propensity"),
        ({"share": 0.5, "propensity": [0.5, 0.5]}, "propensity"),
        ({"share": 0.5, "outcomes": ([1.0], [1.0])}, "outcomes"),
    ],
)
def test_what_does_not_fit_is_said(settings_, word) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(EffectError, match=word):
        policy_value([0, 1, 2, 3], [0, 1, 0, 1], [1, 2, 3, 4], **settings_)
