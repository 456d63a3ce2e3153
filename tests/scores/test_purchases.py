"""BG/NBD against what does not share its code: quadrature of the definition, differences, the paper's closed
form, customers drawn from the process."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.special import hyp2f1
from scipy.stats import beta, gamma

from quanke.kernel.errors import ScoreError
from quanke.plans.scores.purchases import BetaGeometricNBD, _Likelihood, log_likelihood

Floats = NDArray[np.float64]
PAPER = BetaGeometricNBD.of(0.243, 4.414, 0.793, 2.426)


def drawn(
    rng: np.random.Generator, size: int, r: float, alpha: float, a: float, b: float, t: Floats, more: float
) -> tuple[Floats, Floats, Floats]:
    """Frequency and recency by `t`, and purchases in (t, t + more], of customers drawn one by one."""
    frequency, recency, later = np.zeros(size), np.zeros(size), np.zeros(size)
    rate, chance = rng.gamma(r, 1 / alpha, size), rng.beta(a, b, size)
    for i in range(size):
        at = 0.0
        while True:
            at += rng.exponential(1 / rate[i])
            if at > t[i] + more:
                break
            if at <= t[i]:
                frequency[i] += 1
                recency[i] = at
            else:
                later[i] += 1
            if rng.random() < chance[i]:
                break
    return frequency, recency, later


def test_parameters_of_the_process_come_back() -> None:
    rng = np.random.default_rng(20_260_630)
    truth = (0.8, 12.0, 0.6, 3.0)
    t = rng.uniform(20, 60, 12_000)
    x, t_x, later = drawn(rng, len(t), *truth, t, 40.0)
    fitted = BetaGeometricNBD().fit(x, t_x, t)
    assert fitted.converged_ and fitted.bounds_ == ()
    assert (fitted.r_, fitted.alpha_) == pytest.approx(truth[:2], rel=0.07)
    assert fitted.a_ / (fitted.a_ + fitted.b_) == pytest.approx(0.6 / 3.6, rel=0.07)
    assert fitted.log_likelihood_ >= log_likelihood(truth, x, t_x, t, np.ones(len(t)))
    for low, high in ((0, 0), (1, 2), (3, 6), (7, 1_000)):
        own = (x >= low) & (x <= high)
        said = fitted.predict(x, t_x, t, 40.0)[own]
        error = float(np.std(later[own])) / np.sqrt(own.sum())
        assert abs(said.mean() - later[own].mean()) < 4 * error


def test_weights_are_so_many_customers_and_the_unit_of_time_is_free() -> None:
    rng = np.random.default_rng(5)
    t = np.round(rng.uniform(50, 200, 400))
    x, t_x, _ = drawn(rng, len(t), 0.7, 30.0, 0.5, 2.0, t, 0.0)
    weights = rng.integers(0, 4, len(t))
    one = BetaGeometricNBD().fit(x, t_x, t, weights)
    whole = np.repeat(np.arange(len(t)), weights)
    other = BetaGeometricNBD().fit(x[whole], t_x[whole], t[whole])
    weeks = BetaGeometricNBD().fit(x, t_x / 7, t / 7, weights)
    for name, scale in (("r_", 1), ("alpha_", 7), ("a_", 1), ("b_", 1)):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-4)
        assert getattr(one, name) == pytest.approx(getattr(weeks, name) * scale, rel=1e-4)
    assert one.log_likelihood_ == pytest.approx(other.log_likelihood_, abs=1e-6)


positive = st.floats(0.02, 50)


@settings(max_examples=60, deadline=None)
@given(positive, positive, positive, positive, st.integers(0, 10_000))
def test_the_gradient_is_that_of_the_likelihood(
    r: float, alpha: float, a: float, b: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    t = rng.uniform(0.1, 50, 20)
    x = rng.integers(0, 15, 20).astype(float)
    t_x = np.where(x > 0, t * rng.random(20), 0.0)
    data = _Likelihood(x, t_x, t, rng.uniform(0.5, 2, 20))
    logs = np.log([r, alpha, a, b])
    _, slope = data(logs)
    for i in range(4):
        step = np.zeros(4)
        step[i] = 1e-5
        numeric = (data(logs + step)[0] - data(logs - step)[0]) / 2e-5
        assert slope[i] == pytest.approx(numeric, rel=2e-5, abs=1e-6)


def test_the_likelihood_is_that_of_the_process() -> None:
    """Of given rate and chance (equation 3), averaged over both distributions by quadrature."""
    r, alpha, a, b = 0.9, 5.0, 1.3, 2.1

    def over_rates(x: int, power: float) -> float:
        return float(quad(lambda v: v**x * np.exp(-v * power) * gamma.pdf(v, r, scale=1 / alpha), 0, 60)[0])

    def over_chances(left: int, stayed: int) -> float:
        return float(quad(lambda p: p**left * (1 - p) ** stayed * beta.pdf(p, a, b), 0, 1)[0])

    for x, t_x, t in ((0, 0.0, 8.0), (1, 3.0, 8.0), (4, 7.5, 8.0)):
        wanted = over_chances(0, x) * over_rates(x, t)
        if x > 0:
            wanted += over_chances(1, x - 1) * over_rates(x, t_x)
        found = log_likelihood((r, alpha, a, b), *(np.array([float(v)]) for v in (x, t_x, t)), np.ones(1))
        assert found == pytest.approx(np.log(wanted), rel=1e-6)


def closed_form(model: BetaGeometricNBD, x: float, t_x: float, seen: float, t: float) -> float:
    """Equation 10 as it is printed."""
    r, alpha, a, b = model.r_, model.alpha_, model.a_, model.b_
    series = hyp2f1(r + x, b + x, a + b + x - 1, t / (alpha + seen + t))
    above = (a + b + x - 1) / (a - 1) * (1 - ((alpha + seen) / (alpha + seen + t)) ** (r + x) * series)
    gone = a / (b + x - 1) * ((alpha + seen) / (alpha + t_x)) ** (r + x) if x > 0 else 0.0
    return float(above / (1 + gone))


def test_the_expectation_of_the_paper() -> None:
    # Fader, Hardie and Lee, "Implementing the BG/NBD Model for Customer Base Analysis in Excel" (2005)
    assert PAPER.predict([2], [30.43], [38.86], 39)[0] == pytest.approx(1.226, abs=5e-4)
    for x, seen in itertools.product((0, 1, 2, 7, 29), (3.0, 38.86)):
        wanted = closed_form(PAPER, x, 0.8 * seen if x else 0.0, seen, 39.0)
        assert PAPER.predict([x], [0.8 * seen if x else 0.0], [seen], 39)[0] == pytest.approx(
            wanted, rel=1e-10
        )


@pytest.mark.parametrize("a", [1e-4, 0.02, 0.5, 1.0, 1.0 + 1e-9, 3.0, 200.0, 1e5])
@pytest.mark.parametrize("b", [0.05, 2.0, 500.0])
def test_the_expectation_is_its_integral_everywhere(a: float, b: float) -> None:
    """At a = 1, where the closed form is 0/0, and far from it on both sides."""
    model = BetaGeometricNBD.of(0.4, 9.0, a, b)
    for x, seen, t in ((0, 0.0, 30.0), (3, 20.0, 1e-3), (3, 20.0, 90.0), (250, 300.0, 90.0), (1, 1.0, 1e6)):
        power, ratio = model.r_ + x, t / (model.alpha_ + seen)
        held = beta(a, b + x)

        def each(q: float, power: float = power, ratio: float = ratio, held: object = held) -> float:
            p = max(float(held.ppf(q)), 1e-250)  # type: ignore[attr-defined]
            return float(-np.expm1(-power * np.log1p(p * ratio)) / p)

        cuts = [0.0, 1e-6, 1e-3, 0.05, 0.3, 0.7, 0.95, 0.999, 1 - 1e-6, 1.0]
        wanted = sum(quad(each, u, v, limit=200, epsrel=1e-9)[0] for u, v in itertools.pairwise(cuts))
        found = float(model.expected_if_alive([x], [seen], t)[0])
        assert found == pytest.approx(wanted, rel=2e-6)
        assert 0 < found <= power * ratio * (1 + 1e-9), "never more than who cannot turn away"


def test_extremes_stay_numbers() -> None:
    x = np.array([0, 0, 1, 364, 10_000, 1, 5])
    t = np.array([0, 1e9, 1e9, 364, 1e4, 1e-9, 1e9])
    t_x = np.array([0, 0, 0, 364, 1e4, 1e-9, 1e9])
    for model in (
        PAPER,
        BetaGeometricNBD.of(1e-5, 1e6, 1e-5, 1e-5),
        BetaGeometricNBD.of(1e4, 1e-5, 1e5, 1e5),
    ):
        alive, said = model.probability_alive(x, t_x, t), model.predict(x, t_x, t, 90)
        assert np.isfinite(alive).all() and (alive >= 0).all() and (alive <= 1).all()
        assert np.isfinite(said).all() and (said >= 0).all()
        assert alive[0] == alive[1] == 1, "who did not buy again had nothing to leave after"
    assert PAPER.probability_alive([1], [0], [1e9])[0] < 0.01
    assert (PAPER.predict(x, t_x, t, 0) == 0).all()
    longer = [PAPER.predict([4], [20], [30], t)[0] for t in (1, 10, 100, 1_000)]
    assert longer == sorted(longer)
    later = [PAPER.probability_alive([4], [at], [30])[0] for at in (1, 10, 20, 30)]
    assert later == sorted(later)


def test_what_is_no_history_is_refused() -> None:
    good = ([0, 2], [0.0, 3.0], [5.0, 5.0])
    for wrong, rule in (
        (([0, -1], *good[1:]), "row 1: frequency"),
        (([0, 1.5], *good[1:]), "row 1: frequency"),
        ((good[0], [0.0, 6.0], good[2]), "row 1: recency must lie"),
        ((good[0], [1.0, 3.0], good[2]), "row 0: recency must be 0"),
        ((good[0], [0.0, np.nan], good[2]), "recency must be finite"),
        ((good[0], good[1], [5.0]), "one length"),
        ((["often", 2], *good[1:]), "frequency must be numbers"),
    ):
        with pytest.raises(ScoreError, match=rule):
            BetaGeometricNBD().fit(*wrong)
        with pytest.raises(ScoreError, match=rule):
            PAPER.predict(*wrong, t=1)
    with pytest.raises(ScoreError, match="nobody bought again"):
        BetaGeometricNBD().fit([0, 0], [0, 0], [4, 5])
    with pytest.raises(ScoreError, match="nobody bought again"):
        BetaGeometricNBD().fit(*good, weights=[1, 0])
    with pytest.raises(ScoreError, match="weights"):
        BetaGeometricNBD().fit(*good, weights=[1, -1])
    with pytest.raises(ScoreError, match="call fit first"):
        BetaGeometricNBD().predict(*good, t=1)
    with pytest.raises(ScoreError, match="below zero"):
        PAPER.predict(*good, t=-1)
    with pytest.raises(ScoreError, match="above zero"):
        BetaGeometricNBD.of(0.2, 4.4, 0, 2.4)


def test_a_base_without_dropout_says_so() -> None:
    rng = np.random.default_rng(3)
    t = np.full(3_000, 50.0)
    x, t_x, _ = drawn(rng, len(t), 1.0, 10.0, 1e-9, 1.0, t, 0.0)
    fitted = BetaGeometricNBD().fit(x, t_x, t)
    # a and b run along a ridge, to its end or not: what they say together is the same
    assert fitted.converged_ and fitted.a_ / (fitted.a_ + fitted.b_) < 1e-3
    assert fitted.r_ == pytest.approx(1, rel=0.15) and fitted.alpha_ == pytest.approx(10, rel=0.15)
    assert fitted.probability_alive(x, t_x, t).min() > 0.9
