"""Rows of one customer, who took part in several campaigns, are no evidence of each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from quanke.effects import UpliftModel, auuc, policy_value, qini
from quanke.effects.uplift.folds import folds_of, groups_of
from quanke.effects.uplift.learning import AVERAGE, LEARNED, Participants, lesson
from quanke.kernel.errors import EffectError

N = 700


def twice(seed: int) -> Participants:
    """The same customers in the same arms of two campaigns, which change nothing: who likes the product
    converts both times."""
    random = np.random.default_rng(seed)
    rows, arm, likes = random.normal(size=(N, 6)), random.random(N) < 0.5, random.random(N) < 0.3
    came = [likes & (random.random(N) < 0.9) for _ in range(2)]
    unknown = np.full(2 * N, np.nan)
    return Participants(
        np.r_[rows, rows],
        np.r_[arm, arm],
        np.concatenate(came),
        np.full(2 * N, 0.5),
        np.repeat([0, 1], N),
        unknown,
        unknown,
        np.tile(np.arange(N), 2),
    )


def test_customers_seen_in_another_campaign_bear_nothing_out() -> None:
    of = twice(5)
    settings = {"folds": 3, "level": 0.95, "learned_from": 100, "seed": 1}
    found = lesson(of, **settings)  # type: ignore[arg-type]
    assert found.kind == AVERAGE and found.held_out is not None and found.held_out.low <= 0
    apart = lesson(replace(of, customer=None), **settings)  # type: ignore[arg-type]
    assert apart.kind == LEARNED, "as other customers, what they remember passes for what was learned"
    assert apart.effect.se < 0.8 * found.effect.se


def test_no_customer_is_on_both_sides_of_a_fold() -> None:
    random = np.random.default_rng(1)
    customer, arm = random.integers(0, 60, 200), random.random(200) < 0.4
    outcome = (random.random(200) < 0.1).astype(float)
    folds = folds_of(outcome, arm, 4, 0, groups_of(customer, 200))
    assert sorted(np.concatenate([held for _, held in folds])) == list(range(200))
    for rest, held in folds:
        assert not set(customer[rest]) & set(customer[held])
        assert len(rest) + len(held) == 200 and abs(len(held) - 50) < 25
    with pytest.raises(EffectError, match="too few"):
        folds_of(outcome, arm, 4, 0, np.arange(200) % 3)
    with pytest.raises(EffectError, match="an arm is in too few groups"):
        folds_of(outcome, np.arange(200) < 10, 4, 0, np.arange(200) // 10)
    with pytest.raises(EffectError, match="groups"):
        UpliftModel().fit(np.zeros((200, 1)), arm, outcome, groups=customer[:-1])


@pytest.mark.parametrize("measure", [qini, auuc])
def test_what_stands_twice_tells_no_more_than_once(measure) -> None:  # type: ignore[no-untyped-def]
    random = np.random.default_rng(2)
    arm, score = random.random(500) < 0.5, random.normal(size=500)
    y = random.random(500) < 0.2 + 0.1 * arm * (score > 0)
    once = measure(y, arm, score)
    both = measure(*(np.tile(x, 2) for x in (y, arm, score)), groups=np.tile(np.arange(500), 2))
    assert both.value == pytest.approx(once.value) and both.se == pytest.approx(once.se)
    assert measure(y, arm, score, groups=np.arange(500)).se == once.se


def test_a_policy_is_worth_what_customers_tell_not_rows() -> None:
    random = np.random.default_rng(3)
    arm, score = random.random(500) < 0.5, random.normal(size=500)
    y = random.random(500) < 0.2 + 0.1 * arm
    once = policy_value(y, arm, score, threshold=0.0)
    groups = np.tile(np.arange(500), 2)
    both = policy_value(*(np.tile(x, 2) for x in (y, arm, score)), threshold=0.0, groups=groups)
    assert both.policy.se == pytest.approx(once.policy.se)
    assert both.over_lot.se == pytest.approx(once.over_lot.se)
