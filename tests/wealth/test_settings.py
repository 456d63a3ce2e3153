"""`model-portfolios.yaml`: a bank's own ceilings and limits, refused with the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from quanke.kernel.errors import DefinitionError
from quanke.wealth.portfolios import STANDARD_ASSETS, STANDARD_LIMITS, ShareLimit
from quanke.wealth.portfolios.settings import ModelSettings, read_settings

GOOD = """\
volatility: [1%, 2%, 0.04, 8%, 12%]
step: 2%
assets:
  equity: {at_most: 60%}
  gold: {risk: 4}
limits:
  cash_kept: {assets: [cash], at_least: 5%}
  shares: {assets: [equity, overseas], at_most: 40%, only: [4, 3]}
"""


def read(tmp_path: Path, text: str) -> ModelSettings:
    path = tmp_path / "model-portfolios.yaml"
    path.write_text(text, encoding="utf-8")
    return read_settings(path)


def test_settings_are_read(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD)
    assert found.volatility == (0.01, 0.02, 0.04, 0.08, 0.12) and found.step == 0.02
    assert found.limits == (
        ShareLimit("cash_kept", ("cash",), at_least=0.05),
        ShareLimit("shares", ("equity", "overseas"), at_most=0.4, only=(3, 4)),
    )
    assets = {a.name: a for a in found.applied(STANDARD_ASSETS)}
    assert (assets["equity"].at_most, assets["equity"].risk) == (0.6, 4)
    assert (assets["gold"].at_most, assets["gold"].risk) == (1.0, 4)
    assert read(tmp_path, "step: 0.5%\n").limits == STANDARD_LIMITS


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        (GOOD.replace("0.04", "1%"), "each above the one before", 1),
        (GOOD.replace(", 12%", ""), "a list of five ceilings", 1),
        (GOOD.replace("step: 2%", "step: much"), "a number with or without %", 2),
        (GOOD.replace("step: 2%", "step: 200%"), "between 0 and 1", 2),
        (GOOD.replace("gold: {risk: 4}", "gold: {risk: 9}"), "1 to 5", 5),
        (GOOD.replace("gold:", "tulips:"), "none of cash", 3),
        (GOOD.replace("at_most: 60%", "most: 60%"), "'most' is none of risk", 4),
        (GOOD.replace("[cash]", "[tulips]"), "a list of cash", 7),
        (GOOD.replace(", at_least: 5%", ""), "at_least, at_most, or both", 7),
        (GOOD.replace("only: [4, 3]", "only: [0]"), "1 to 5", 8),
        (GOOD + "more: 1\n", "none of volatility", 9),
        ("limits: no\n", "limits is a mapping", 1),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, said: str, line: int) -> None:
    with pytest.raises(DefinitionError) as caught:
        read(tmp_path, text)
    assert said in str(caught.value) and f"model-portfolios.yaml:{line}:" in str(caught.value)
