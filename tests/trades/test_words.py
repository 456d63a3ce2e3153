"""Words: risks first, nothing promised, deposit insurance only beside deposits; cash that is kept."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from quanke.kernel.errors import DefinitionError, InputError
from quanke.wealth.suitability import promises_in
from quanke.wealth.trades import (
    AdviceFacts,
    ClassStanding,
    Remains,
    TradeTold,
    cash_needs,
    education_for,
    education_items,
    read_education,
    trade_words,
)
from quanke.wealth.trades.education import own_education

DAY = dt.date(2026, 6, 30)
CLASSES = (
    ClassStanding("cash", 30_000_000, 600_000, 150_000),
    ClassStanding("deposit", 15_000_000, 300_000, 300_000),
    ClassStanding("equity", 5_000_000, 100_000, 400_000),
)
SHARES = TradeTold(True, "F9", "成长股票基金", "equity", 10_000_000, 80_000, 4, 90, DAY)
DEPOSIT = TradeTold(True, "T1", "整存整取一年", "deposit", 5_000_000, 0, 1, deposit=True)
SALE = TradeTold(False, "F3", "双利债券基金", "fixed_income", 2_000_000, 10_000, 2)


def facts(*trades: TradeTold, remains: Remains = Remains.REACHED) -> AdviceFacts:
    return AdviceFacts(
        CLASSES, trades, 1_000_000, ((DAY, 3_000_000),), 123_400, remains, 60_000_000, 50_000_000
    )


def test_risks_stand_first_and_all_is_told() -> None:
    words = trade_words(facts(SALE, SHARES, remains=Remains.LOCKED))
    assert words.zh.startswith("风险提示：") and words.en.startswith("Risks first:")
    assert words.zh.index("R4") < words.zh.index("成长股票基金")
    for part in (
        "100,000元",
        "费用800元",
        "90天",
        "2026-06-30",
        "10,000元留作活钱",
        "30,000元到期",
        "锁定期",
    ):
        assert part in words.zh
    for part in ("100,000 yuan", "fee 800 yuan", "90 days", "2026-06-30", "10,000 yuan stay", "sell 20,000"):
        assert part in words.en
    assert words.education is not None and "equity" in words.education.topics


POLICY = TradeTold(True, "B7", "福寿年金", "protection", 5_000_000, 0, 1, exit_days=3_650, exit_ppm=80_000)


@pytest.mark.parametrize("fee", [0, 400_000])
def test_leaving_a_policy_early_stands_among_the_risks(fee: int) -> None:
    words = trade_words(facts(POLICY))
    assert words.zh.index("10年内退保最多扣8%") < words.zh.index("买入保险")
    assert words.en.index("early surrender within 10 years costs up to 8 %") < words.en.index("buy 50,000")
    assert "无申赎费用" not in words.zh and "no fee" not in words.en
    sold = trade_words(facts(replace(POLICY, buys=False, fee=fee)))
    assert "退保保险" in sold.zh and "赎回" not in sold.zh
    assert "无申赎费用" not in sold.zh and "no fee" not in sold.en


def test_a_fee_that_is_always_due_has_no_years() -> None:
    words = trade_words(facts(replace(POLICY, asset_class="gold", exit_days=36_500, exit_ppm=4_000)))
    assert "赎回最多扣0.4%" in words.zh and "redemption costs up to 0.4 %" in words.en
    assert "年内" not in words.zh and "early" not in words.en


def test_what_cash_is_short_of_is_told() -> None:
    words = trade_words(replace(facts(), short=400_000))
    assert "所需的10,000元少4,000元" in words.zh and "4,000 yuan short of the 10,000 yuan" in words.en
    assert "留作活钱" not in words.zh


@pytest.mark.parametrize("trades", [(), (SHARES,), (DEPOSIT,), (DEPOSIT, SHARES), (SALE,), (POLICY,)])
@pytest.mark.parametrize("remains", list(Remains))
def test_no_word_promises(trades: tuple[TradeTold, ...], remains: Remains) -> None:
    words = trade_words(facts(*trades, remains=remains))
    assert not promises_in(words.zh) and not promises_in(words.en)
    assert not promises_in(words.deposit_zh, beside_wealth=False)
    assert not promises_in(words.deposit_en, beside_wealth=False)


def test_a_name_that_promises_is_not_said() -> None:
    words = trade_words(facts(TradeTold(True, "L7", "稳赚宝保本理财", "fixed_income", 100, 0, 2)))
    assert "稳赚" not in words.zh and "L7" in words.zh


def test_deposit_insurance_stands_beside_deposits_only() -> None:
    assert trade_words(facts(SHARES)).deposit_zh == ""
    words = trade_words(facts(DEPOSIT, SHARES))
    assert "500,000元" in words.deposit_zh and "100,000 yuan above" in words.deposit_en


def test_education_is_whole_and_approved() -> None:
    items = education_items()
    assert len(items) >= 12 and all(each.approval for each in items)
    for each in items:
        assert not promises_in(each.text_zh) and not promises_in(each.text_en), each.id
        assert each.text_zh != each.text_en
    topics = {topic for each in items for topic in each.topics}
    assert topics >= {
        "cash",
        "deposit",
        "fixed_income",
        "balanced",
        "equity",
        "overseas",
        "gold",
        "protection",
    }
    assert topics >= {"R2", "R3", "R4", "R5"}
    assert education_for(["no such", "gold"]) in items and education_for(["no such"]) is None


@pytest.mark.parametrize("text", ["", "a: 1", "- id: x", "[]", "- 1"])
def test_a_broken_education_file_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        read_education(text)


def item(**changed: str) -> str:
    """A bank's own file of one item."""
    fields = {
        "id": "B-1", "approval": "A-2026-7", "topics": "[R2]", "title_zh": "净值", "title_en": "Values",
        "text_zh": "净值会波动。", "text_en": "Values move.",
    }  # fmt: skip
    return "- " + "\n  ".join(f"{name}: {text}" for name, text in (fields | changed).items()) + "\n"


def test_a_bank_has_education_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "education.yaml"
    assert own_education(path) is None
    path.write_text(item(), encoding="utf-8")
    found = own_education(path)
    assert found is not None and found[0].approval == "A-2026-7"


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (item(approval="''"), 2, "approval number"),
        (item(text_zh="稳赚不赔"), 6, "promise"),
        (item(text_en="no risk, guaranteed return"), 7, "promise"),
        (item() + "- id: [\n", 9, "not YAML"),
        (item() + "- id: B-2\n", 8, "an item has the fields"),
    ],
)
def test_a_bank_s_own_education_is_refused_at_its_line(
    tmp_path: Path, text: str, line: int, reason: str
) -> None:
    path = tmp_path / "education.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DefinitionError, match=reason) as told:
        own_education(path)
    assert f"education.yaml:{line}:" in str(told.value)


def test_cash_needs_by_hand() -> None:
    #        25 with wages, 40 with wages below spending, 65 without income, unknown age with pension
    kept = cash_needs(
        np.array([25, 40, 65, -1]),
        np.array([500_000, 1_000_000, 300_000, 200_000]),
        np.array([800_000, 900_000, 0, 400_000]),
        np.array([0, 200_000, 0, 0]),
        np.array([0, 0, 5_000_000, 0]),
        DAY,
    )
    assert kept.tolist() == [1_500_000, 5_500_000, 7_700_000, 1_200_000]


def test_cash_needs_rise_with_spending_and_never_fall_below_the_least() -> None:
    n = 200
    rng = np.random.default_rng(3)
    age, income = rng.integers(-1, 90, n), rng.integers(0, 3, n) * 500_000
    none = np.zeros(n, int)
    some = cash_needs(age, none + 100_000, income, none, none, DAY)
    more = cash_needs(age, none + 300_000, income, none, none, DAY)
    assert (more > some).all() and (cash_needs(age, none, income, none, none, DAY) == 200_000).all()
    with pytest.raises(InputError, match="spending"):
        cash_needs(age, none - 1, income, none, none, DAY)
