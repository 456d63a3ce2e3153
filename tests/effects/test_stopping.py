"""Advice when to stop: its rates of error by simulation, which verdict goes first, what is still needed."""

from __future__ import annotations

from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest

from quanke.effects.estimates import Estimate, estimate, estimate_many
from quanke.effects.estimates.sequences import always
from quanke.effects.report import MeasuredOutcome
from quanke.effects.stopping import EARLY, Advice, StoppingVerdict, advise

NAMES = ("aum_mean", "login", "kept")
LOOKS = 8


def measured(found: dict[str, Estimate]) -> list[MeasuredOutcome]:
    return [
        MeasuredOutcome(name=n, title_zh=f"指标{n}", title_en=n, unit="", estimate=e)
        for n, e in found.items()
    ]


def advice(found: dict[str, Estimate], running: bool = True) -> Advice:
    said = advise(measured(found), running=running, days_left=5, harmed=NAMES)
    assert said is not None
    return said


def looked_at(effects: tuple[float, ...], seed: int, daily: int = 90) -> set[StoppingVerdict]:
    """Verdicts of a campaign that is looked at each day, as customers come in."""
    draws = np.random.default_rng(seed)
    treated = draws.random(daily * LOOKS) < 0.7
    shared = draws.normal(size=(daily * LOOKS, 1))
    outcomes = 0.5 * shared + draws.normal(size=(daily * LOOKS, 3)) + treated[:, None] * np.array(effects)
    seen = set()
    for day in range(2, LOOKS + 1):
        rows = slice(0, day * daily)
        found = estimate_many(outcomes[rows], treated[rows], sequential=True, names=NAMES)
        seen.add(advice(found).verdict)
    return seen


def test_without_effect_it_is_seldom_told_to_stop() -> None:
    """100 campaigns without effect, three metrics, looked at on 7 days: five in a hundred may be called
    harmful and one in a hundred successful; that is 5 and 1 here, and three deviations more."""
    seen = [looked_at((0.0, 0.0, 0.0), seed) for seed in range(100)]
    assert sum(StoppingVerdict.HARM in each for each in seen) <= 11
    assert sum(StoppingVerdict.SUCCESS in each for each in seen) <= 4


def test_what_helps_and_what_harms_is_found() -> None:
    helped = [looked_at((0.8, 0.0, 0.0), seed) for seed in range(20)]
    assert sum(StoppingVerdict.SUCCESS in each for each in helped) >= 18
    assert not any(StoppingVerdict.HARM in each for each in helped)
    harmed = [looked_at((0.0, 0.0, -0.8), seed) for seed in range(20)]
    assert sum(StoppingVerdict.HARM in each for each in harmed) >= 18


def two(effect: float, seed: int = 1, count: int = 2_000, sequential: bool = True) -> Estimate:
    draws = np.random.default_rng(seed)
    treated = np.arange(count) % 2 == 0
    return estimate(draws.normal(size=count) + effect * treated, treated, sequential=sequential)


def test_harm_goes_before_success_and_names_its_metric() -> None:
    found = advice({"aum_mean": two(0.5), "kept": two(-0.5, 2)})
    assert (found.verdict, found.metric) == (StoppingVerdict.HARM, "kept")
    assert "Stop" in found.sentence and "kept" in found.sentence and "指标kept" in found.sentence_zh
    other = advise(
        measured({"aum_mean": two(0.5), "complaints": two(-0.5, 2)}), running=True, days_left=5, harmed=NAMES
    )
    assert other is not None and other.verdict is StoppingVerdict.SUCCESS, (
        "of what is no standard metric nobody knows that more is better"
    )


def test_between_the_two_levels_one_goes_on() -> None:
    """Shown at one in twenty, not yet at one in a hundred: the interval leaves out zero, the advice waits."""
    found = next(
        f for f in (two(e) for e in np.linspace(0.05, 0.4, 400)) if EARLY < f.p_value < 0.05 and f.effect > 0
    )
    assert found.low > 0
    said = advice({"aum_mean": found})
    assert said.verdict is StoppingVerdict.GO_ON and said.needed is not None and said.needed > said.customers


def test_what_is_needed_would_do() -> None:
    found = two(0.08, seed=3)
    said = advice({"aum_mean": found})
    assert said.verdict is StoppingVerdict.GO_ON and said.needed is not None
    z = found.effect / found.se
    for size, shown in ((said.needed, True), (int(said.needed * 0.99), False)):
        p = always(z * np.sqrt(size / 2_000), size, 0.95, 10_000).p_value
        assert (p <= EARLY) is shown
    assert said.more >= said.needed - 2_000 and said.more < (said.needed - 2_000) * 1.1
    assert f"{said.more:,}" in said.sentence and f"{said.more:,}" in said.sentence_zh
    assert "5 days" in said.sentence and "5 天" in said.sentence_zh


def test_of_a_first_metric_nobody_judged_there_is_no_advice_but_of_harm() -> None:
    """More complaints are no success, fewer no harm; what harms a standard metric is told all the same."""
    for effect in (0.5, -0.5):
        for running in (True, False):
            rows = measured({"complaints": two(effect, sequential=running), "kept": two(0.0)})
            assert advise(rows, running=running, days_left=5, harmed=NAMES) is None
    rows = measured({"complaints": two(0.5), "kept": two(-0.5, 2)})
    said = advise(rows, running=True, days_left=5, harmed=NAMES)
    assert said is not None and (said.verdict, said.metric) == (StoppingVerdict.HARM, "kept")


def test_success_holds_over_all_metrics_looked_at() -> None:
    """p of 0.009 is below 0.01, but not where ten metrics were looked at together."""
    found = replace(two(0.5), p_value=0.009)
    assert advice({"aum_mean": found}).verdict is StoppingVerdict.SUCCESS
    many = replace(found, p_adjusted=0.09, metrics=10)
    assert advice({"aum_mean": many}).verdict is StoppingVerdict.GO_ON


@pytest.mark.parametrize("metrics", [1, 6])
def test_so_many_more_would_show_it_four_times_out_of_five(metrics: int) -> None:
    """By simulation, at the size that is told: two arms, normal, all other metrics without effect."""
    name, draws = "aum_mean", np.random.default_rng(11)
    one = replace(two(0.0, sequential=False), effect=0.08, low=0.08 - 1.96 * 0.0447, high=0.2, se=0.0447,
                  p_value=0.07, degrees_of_freedom=1_998.0)  # fmt: skip
    if metrics > 1:
        one = replace(one, p_adjusted=0.4, metrics=metrics)
    said = advice({name: one}, running=False)
    assert said.verdict is StoppingVerdict.NOT_SHOWN and said.needed is not None
    z = 0.08 / (0.0447 * np.sqrt(2_000 / said.needed)) + draws.normal(size=20_000)
    bound = -NormalDist().inv_cdf(0.025 / metrics)
    assert 0.79 < (z > bound).mean() < 0.81, "four of five, whatever the upper end is"


def test_nothing_speaks_for_it() -> None:
    said = advice({"aum_mean": replace(two(0.0), effect=-0.001, p_value=0.9)})
    assert said.verdict is StoppingVerdict.GO_ON and said.needed is None and "nothing speaks" in said.sentence


def test_after_the_window_one_look_decides() -> None:
    shown = advice({"aum_mean": two(0.5, sequential=False)}, running=False)
    assert shown.verdict is StoppingVerdict.SHOWN and shown.needed is None
    small = advice({"aum_mean": two(0.03, seed=5, sequential=False)}, running=False)
    assert small.verdict is StoppingVerdict.NOT_SHOWN
    assert "will" not in small.sentence and "days" not in small.sentence
    hurt = advice({"aum_mean": two(-0.5, sequential=False)}, running=False)
    assert hurt.verdict is StoppingVerdict.HARM and "do not repeat" in hurt.sentence


def test_early_looks_must_be_allowed_for() -> None:
    with pytest.raises(ValueError, match="always-valid"):
        advice({"aum_mean": two(0.1, sequential=False)})
    with pytest.raises(ValueError, match="none"):
        advice({})


def test_plain_data() -> None:
    said = advice({"aum_mean": two(0.08, seed=3)}).to_json()
    assert said["verdict"] == "go_on" and said["more"] > 0 and said["clusters"] is False
    assert said["sentence"].startswith("Go on") and said["sentence_zh"].startswith("继续")
