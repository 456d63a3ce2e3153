"""`house-view.yaml`: read, refused with the line, four eyes."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest

from quanke.kernel.errors import DefinitionError, PortfolioError
from quanke.wealth.portfolios import HouseView, read_house_view

HEAD = "dated: 2026-06-30\nuntil: 2026-12-31\nproposed_by: analyst-7\napproved_by: committee-2\nviews:\n"
GOOD = HEAD + (
    "  equity: {expected: 6%, confidence: 40%}\n"
    "  over: {better: overseas, than: gold, by: 0.02, confidence: 0.3}\n"
)


def read(tmp_path: Path, text: str) -> HouseView:
    path = tmp_path / "house-view.yaml"
    path.write_text(text, encoding="utf-8")
    return read_house_view(path)


def test_views_are_read(tmp_path: Path) -> None:
    view = read(tmp_path, GOOD)
    assert [(v.asset, v.than, v.value, v.confidence) for v in view.views] == [
        ("equity", "", Decimal("0.06"), Decimal("0.4")),
        ("overseas", "gold", Decimal("0.02"), Decimal("0.3")),
    ]
    assert view.in_force(dt.date(2026, 12, 31)) and not view.in_force(dt.date(2027, 1, 1))
    assert HouseView.from_sheet(view.sheet()) == view
    pick, value = view.picked(["gold", "equity", "overseas"])
    assert pick.tolist() == [[0, 1, 0], [-1, 0, 1]] and value.tolist() == [0.06, 0.02]
    with pytest.raises(PortfolioError, match="no asset 'equity'"):
        view.picked(["gold", "overseas"])


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        (GOOD.replace("committee-2", "analyst-7"), "another than who proposed", 1),
        (GOOD.replace("until: 2026-12-31", "until: 2026-01-01"), "ends before it begins", 1),
        (GOOD.replace("until: 2026-12-31", "until: tomorrow"), "YYYY-MM-DD", 2),
        (GOOD.replace("approved_by: committee-2\n", ""), "approved_by is missing", 1),
        (GOOD.replace("6%", "600%"), "a share: 6 % is 0.06", 6),
        (GOOD.replace("6%", "much"), "a number with or without %", 6),
        (GOOD.replace("40%", "140%"), "confidence is a share", 6),
        (GOOD.replace(", confidence: 40%", ""), "says its confidence", 6),
        (GOOD.replace("than: gold, ", ""), "`expected`, or `better`, `than` and `by`", 7),
        (GOOD.replace("than: gold", "than: overseas"), "not better than itself", 7),
        (GOOD.replace("expected: 6%", "expected: 6%, hope: 1"), "no 'hope'", 6),
        (GOOD + "more: 1\n", "none of dated", 8),
        (GOOD.replace("6%", "NaN"), "a number with or without %", 6),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, said: str, line: int) -> None:
    with pytest.raises(DefinitionError) as caught:
        read(tmp_path, text)
    assert said in str(caught.value) and f"house-view.yaml:{line}:" in str(caught.value)
