"""The effect of a campaign whose every yuan is known: the numbers by hand, and what is said beside them."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t as student

import quanke
from quanke.bank.home import Home
from quanke.effects.groups import RULES_FILE
from quanke.effects.report import CampaignEffect
from quanke.effects.store import EffectStore
from quanke.kernel.errors import EffectError
from quanke.night.effects import EffectQuestion, measure
from tests.experiments.small_bank import ARM, FIRST, LAST, MOVED, YUAN

SHARE = 26 / 30
"""Of a daily mean over 30 days, what comes on the fifth day counts for 26 of them."""


@pytest.fixture(scope="module")
def effect(by_hand: Path) -> CampaignEffect:
    """Of the campaign made by hand."""
    return quanke.open(str(by_hand)).effects("made_by_hand")


def _welch(treated: np.ndarray, control: np.ndarray) -> tuple[float, float, float]:
    """Difference and 95 % interval by the plain formula."""
    parts = [x.var(ddof=1) / len(x) for x in (treated, control)]
    freedom = sum(parts) ** 2 / sum(
        p**2 / (len(x) - 1) for p, x in zip(parts, (treated, control), strict=True)
    )
    apart, reach = treated.mean() - control.mean(), student.ppf(0.975, freedom) * np.sqrt(sum(parts))
    return apart, apart - reach, apart + reach


def _arms() -> tuple[np.ndarray, np.ndarray]:
    """What each brought that the bank did not have, in fen on the last day."""
    treated, control = np.zeros(ARM), np.zeros(ARM)
    treated[:10], treated[12] = 1_000 * YUAN, 700 * YUAN
    control[1] = 200 * YUAN
    return treated, control


def test_the_days(effect: CampaignEffect) -> None:
    assert (effect.first, effect.last, effect.closes) == (FIRST, LAST, LAST)
    assert effect.before == FIRST - dt.timedelta(days=1)
    assert not effect.running
    assert not effect.headline.always_valid


def test_money_moved_inside_is_no_increment(effect: CampaignEffect) -> None:
    """5,000 of a wife, 4,000 of a neighbour and 600 of the same name are none; 700 of another branch are."""
    found, (apart, low, high) = effect["aum_end"], _welch(*_arms())
    assert found.effect == pytest.approx(apart) == 262.5 * YUAN
    # amounts as skewed as these have an interval of their own (arms drawn again), close to the plain one
    assert (found.low, found.high) == pytest.approx((low, high), rel=0.15)
    assert found.total == pytest.approx(10_500 * YUAN)


def test_the_daily_mean_counts_the_days(effect: CampaignEffect) -> None:
    found = effect.headline
    assert effect.outcomes[0].name == "aum_mean"
    assert found.effect == pytest.approx(262.5 * YUAN * SHARE, abs=0.5)
    assert "more yuan a customer" in effect.sentence
    assert effect.sentence_zh.startswith("户均约多")


def test_the_natural_flow_adds_up(effect: CampaignEffect) -> None:
    flow = effect.flow
    assert flow is not None
    brought = 10_000 + 5_000 + 4_000 + 700 + 600
    assert flow.gross == pytest.approx(brought * YUAN * SHARE, abs=20)
    assert flow.anyway == pytest.approx((200 - 300) * YUAN * SHARE * 1, abs=20)
    assert flow.family == pytest.approx((5_000 + 600 + 300) * YUAN * SHARE, abs=20)
    assert flow.branch == pytest.approx(4_000 * YUAN * SHARE, abs=20)
    left = flow.gross - flow.anyway - flow.family - flow.branch - flow.chance
    assert left == pytest.approx(flow.increment) == effect.headline.total
    assert flow.chance == pytest.approx(0, abs=20)


def test_people(effect: CampaignEffect) -> None:
    assert effect["bought"].effect == pytest.approx(8 / ARM - 1 / ARM)
    assert effect["login"].effect == pytest.approx(10 / ARM - 5 / ARM)
    assert effect["converted"].effect == pytest.approx(6 / ARM)
    assert effect["kept"].effect == 0
    assert "No measurable effect" in effect["login"].sentence
    assert "没有可测得的效果" in effect["login"].sentence_zh
    funnel = effect.funnel
    assert (funnel.targeted, funnel.pushed, funnel.reached, funnel.converted) == (40, 40, 20, 6)
    assert (funnel.control, funnel.control_converted) == (40, 0)


def test_per_reached(effect: CampaignEffect) -> None:
    """Half were reached: the effect on them is twice that on all."""
    assert effect["converted"].effect_reached == pytest.approx(2 * 6 / ARM)


def test_what_speaks_against_it(effect: CampaignEffect) -> None:
    said = " ".join(effect.warnings)
    assert "1 of 40 controls (2.5%) were contacted by call" in said
    assert "No design is registered" in said
    assert effect.ratio is None


def test_json_holds_everything_and_no_customer(effect: CampaignEffect) -> None:
    text = json.dumps(effect.to_json(), ensure_ascii=False)
    whole = json.loads(text)
    assert whole["sentence"] == effect.sentence
    assert {each["name"] for each in whole["outcomes"]} == {
        "aum_mean", "aum_end", "bought", "login", "kept", "converted"
    }  # fmt: skip
    assert "C00" not in text
    assert "A00" not in text


def test_a_window_that_has_not_ended_is_looked_at_with_care(by_hand: Path) -> None:
    """Seen on the tenth day: shortened, told, and with intervals that hold at every look."""
    found = measure(Home.open(by_hand), "made_by_hand", EffectQuestion(on=FIRST + dt.timedelta(days=9)))
    assert found.running
    assert found.last == FIRST + dt.timedelta(days=9)
    assert found.headline.always_valid
    assert "10 of 30 days" in found.warnings[0]
    # 6 of 10 days had the money
    assert found.headline.effect == pytest.approx(262.5 * YUAN * 0.6, abs=0.5)


def test_it_is_too_early_before_the_first_contact(by_hand: Path) -> None:
    with pytest.raises(EffectError, match="no campaign of that name"):
        measure(Home.open(by_hand), "made_by_hand", EffectQuestion(on=FIRST - dt.timedelta(days=1)))


def test_a_window_of_five_days(by_hand: Path) -> None:
    found = measure(Home.open(by_hand), "made_by_hand", EffectQuestion(window=5, metrics=("aum_mean",)))
    assert found.last == MOVED
    assert found.headline.effect == pytest.approx(262.5 * YUAN / 5, abs=0.5)


def test_metrics_of_the_catalogue(by_hand: Path) -> None:
    """A tag by its mean, a count by what each adds, a share by the ratio of sums."""
    asked = EffectQuestion(metrics=("logins_30d", "mau", "cross_sold_rate", "aum"))
    found = measure(Home.open(by_hand), "made_by_hand", asked)
    assert found["logins_30d"].effect == pytest.approx(5 / ARM)
    assert found["mau"].effect == pytest.approx(5 / ARM)
    assert found["cross_sold_rate"].ratio
    assert found["aum"].effect == pytest.approx((20_300 - -100) / ARM * YUAN)
    assert found.flow is None


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("nothing_like_it", "no tag or metric"),
        ("interest_topic", "no number"),
        ("wealth_value", "as of a past day"),
        ("attrition_rate", "as of a past day"),
    ],
)
def test_metrics_that_cannot_be_measured(by_hand: Path, metric: str, said: str) -> None:
    with pytest.raises(EffectError, match=said):
        measure(Home.open(by_hand), "made_by_hand", EffectQuestion(metrics=(metric,)))


def test_small_groups_are_not_broken_out(by_hand: Path, tmp_path: Path) -> None:
    """All but one live in one branch: the other is not told; nor is anything where the rule asks for more."""
    found = measure(Home.open(by_hand), "made_by_hand")
    assert [each.member for each in found.groups] == []
    home = tmp_path / "home"
    shutil.copytree(by_hand, home)
    (home / RULES_FILE).write_text("least_shown: 41\nwindow_days: 10\n", encoding="utf-8")
    assert measure(Home.open(home), "made_by_hand").last == FIRST + dt.timedelta(days=9)


def test_what_was_published_stays(effect: CampaignEffect, tmp_path: Path) -> None:
    store = EffectStore(tmp_path)
    kept, same = store.keep(effect)
    assert same
    assert kept.content == json.loads(json.dumps(effect.to_json()))
    assert store.keep(effect) == (kept, True)
    from dataclasses import replace

    again, same = store.keep(replace(effect, facts="other facts"))
    assert not same
    assert again.content == kept.content
    assert [each.path.name for each in store.of("made_by_hand")] == ["2026-05-31.json"]
    with pytest.raises(EffectError, match="no name of a folder"):
        store.of("../elsewhere")
