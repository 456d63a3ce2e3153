"""What is read first: yuan or people, the interval, and in words where nothing can be measured."""

from __future__ import annotations

import copy
import pickle
import re

import numpy as np
import pytest

from quanke.effects import Estimate, estimate
from quanke.effects.estimates.said import Said, chinese_of


def told(effect: float, low: float, high: float, unit: str, n: int = 10_000, **more: object) -> Estimate:
    fields: dict[str, object] = {
        "effect": effect, "low": low, "high": high, "se": (high - low) / 3.92, "n_treated": n, "n_control": n,
        "warnings": (), "unit": unit, "level": 0.95, "p_value": 0.5 if low <= 0 <= high else 0.001,
        "total": effect * n, "total_low": low * n, "total_high": high * n, "mean_treated": effect,
        "mean_control": 0.0, "relative": None, "variance_reduction": 0.0, "degrees_of_freedom": 100.0,
        "method": "", "detectable": (high - low) / 1.4, **more,
    }  # fmt: skip
    return Estimate(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "english", "chinese"),
    [
        (
            told(123_400, 80_000, 166_800, "fen"),
            "About 1,234 more yuan a customer (95 %: 800 to 1,668), 12.3 million yuan in all.",
            "户均约多 1,234 元（95% 区间：800 至 1,668），合计多 1,234 万元。",
        ),
        (
            told(-5_050, -9_000, -1_100, "fen", n=100),
            "About 50.50 less yuan a customer (95 %: 11.00 to 90.00), 5,050 yuan in all.",
            "户均约少 50.50 元（95% 区间：11.00 至 90.00），合计少 5,050 元。",
        ),
        (
            told(0.031, 0.02, 0.042, "people"),
            "About 310 more people (95 %: 200 to 420), 3.1 in 100 customers.",
            "约多 310 人（95% 区间：200 至 420），每百户多 3.1 人。",
        ),
        (
            told(-0.031, -0.042, -0.02, "people"),
            "About 310 fewer people (95 %: 200 to 420), 3.1 in 100 customers.",
            "约少 310 人（95% 区间：200 至 420），每百户少 3.1 人。",
        ),
        (
            told(0.0312, 0.02, 0.0424, "rate"),
            "About 3.12 percentage points more (95 %: 2 to 4.24).",
            "约高 3.12 个百分点（95% 区间：2 至 4.24）。",
        ),
        (
            told(0.25, 0.1, 0.4, ""),
            "About 0.25 more a customer (95 %: 0.1 to 0.4), 2,500 in all.",
            "户均约多 0.25（95% 区间：0.1 至 0.4），合计多 2,500。",
        ),
        (
            told(0.25, 0.1, 0.4, "", ratio=True),
            "About 0.25 more on average (95 %: 0.1 to 0.4), 2,500 in all.",
            "平均约多 0.25（95% 区间：0.1 至 0.4），合计多 2,500。",
        ),
        (
            told(1_200, -30_000, 32_400, "fen"),
            "No measurable effect: +12.00 yuan a customer, and its 95 % interval (-300 to +324) holds zero. "
            "An effect of 446 yuan a customer would probably have been seen.",
            "没有可测得的效果：估计 +12.00 元，95% 区间（-300 至 +324）包含零。"
            "若效果达到户均 446 元，大概率能测得。",
        ),
        (
            told(0.001, -0.01, 0.012, "people"),
            "No measurable effect: +0.1 in 100 customers, and its 95 % interval (-1 to +1.2) holds zero. "
            "An effect of 1.57 in 100 customers would probably have been seen.",
            "没有可测得的效果：估计 +0.1 人/百户，95% 区间（-1 至 +1.2）包含零。"
            "若效果达到每百户 1.57 人，大概率能测得。",
        ),
        (
            told(0.02, 0.001, 0.039, "rate", p_adjusted=0.2, metrics=9),
            "No measurable effect: +2 percentage points, and its 95 % interval (+0.1 to +3.9) leaves out "
            "zero, but of 9 metrics looked at together one may do so by chance (corrected p = 0.2). An "
            "effect of 2.71 percentage points would probably have been seen.",
            "没有可测得的效果：估计 +2 个百分点，95% 区间（+0.1 至 +3.9）虽不含零，但同时看 9 个指标，"
            "其中一个可能出于偶然（校正后 p = 0.2）。若效果达到 2.71 个百分点，大概率能测得。",
        ),
    ],
)
def test_sentence(found: Estimate, english: str, chinese: str) -> None:
    assert found.sentence == english
    assert found.sentence_zh == chinese


@pytest.mark.parametrize("unit", ["fen", "people", "rate", ""])
def test_any_size_can_be_said(unit: str) -> None:
    draws = np.random.default_rng(2)
    treated = np.arange(200) % 2 == 0
    for size in (1e-9, 1e-3, 1.0, 1e6, 1e13):
        for shift in (-9, 0, 0.1, 9):
            found = estimate(size * (draws.normal(size=200) + shift * treated), treated, unit=unit)
            assert found.sentence.endswith(".") and found.sentence_zh.endswith("。")
            assert "nan" not in found.sentence + found.sentence_zh
            said = "No measurable" in found.sentence, "没有可测得" in found.sentence_zh
            assert said == (not found.significant,) * 2


def test_what_is_said_to_be_detectable_is() -> None:
    """Four times out of five, by simulation."""
    draws = np.random.default_rng(9)
    treated = np.arange(400) % 4 > 0
    effect = estimate(draws.normal(size=400), treated).detectable
    shown = sum(
        estimate(draws.normal(size=400) + effect * treated, treated).significant for _ in range(1_000)
    )
    assert 0.74 < shown / 1_000 < 0.86


def test_a_warning_goes_as_english_and_knows_its_chinese() -> None:
    """Copied and sent to another process, too; of one language it is itself."""
    said = Said("Nobody.", "没有客户。")
    for same in (said, copy.deepcopy(said), pickle.loads(pickle.dumps(said))):
        assert same == "Nobody." and chinese_of(same) == "没有客户。"
    assert chinese_of("Nobody.") == "Nobody."
    draws = np.random.default_rng(1)
    treated = np.arange(40) % 2 == 0
    outcomes = np.where(np.arange(40) < 3, np.nan, draws.exponential(size=40) ** 4)
    cases = (
        estimate(outcomes, treated, np.where(np.arange(40) < 2, np.nan, 1.0), expected=0.9),
        estimate((draws.random(40) < 0.1) * 1.0, treated, unit="people", sequential=True),
        estimate(np.ones(40), treated, strata=np.arange(40) // 3, reached=~treated),
        estimate(draws.normal(size=40), treated, cluster=np.arange(40) % 5, expected=0.5),
    )
    warnings = [warning for one in cases for warning in one.warnings]
    assert len(set(warnings)) >= 8
    for text in (*warnings, *(one.method for one in cases)):
        assert re.search("[\u4e00-\u9fff]", chinese_of(text)), text
