"""What may stand in a reason: dates as people write them, and no number that may be somebody's."""

from __future__ import annotations

import pytest

from quanke_desk.foundation.reasons import NotAllowed, checked_reason


@pytest.mark.parametrize(
    "text",
    (
        "年假 2026-12-01 至 2026-12-05", "年假2026-12-01至2026-12-05", "leave 2026-12-01 - 2026-12-05",
        "2026-12-01/2026-12-05 培训", "2026/12/1-2026/12/5 出差", "2026年12月1日至2026年12月5日休假",
        "2026-12-01、2026-12-08 两次到访", "2026-12-01 14:30 来访", "客户 3 位，2026-12-01 起",
    ),
)  # fmt: skip
def test_a_date_is_no_number(text: str) -> None:
    assert checked_reason(f" {text} ") == text


@pytest.mark.parametrize(
    "text",
    (
        "电话 13812345678", "138 2026-12-01 5678", "138-2026-12-01", "138 2026-12-01", "2026-12-01 5678",
        "330106 1990-01-01 1234", "3301061990-01-011234", "2026-13-01 2026-02-30", "2026-12-011",
        "20261201", "2126-12-01", "13 2026-12-01 81 2026-12-02 23 2026-12-03 45 6",
        "2026-12-01 2026-12-02 2026-12-03 2026-12-04",
    ),
)  # fmt: skip
def test_a_number_does_not_hide_in_a_date(text: str) -> None:
    with pytest.raises(NotAllowed, match="numbers"):
        checked_reason(text)
