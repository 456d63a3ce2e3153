from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quanke.kernel.calendars import elapsed
from quanke.kernel.errors import InputError
from quanke.kernel.money import (
    LARGEST,
    currency_exponents,
    format_amount,
    format_wan,
    half_up,
    interest_on_daily_balances,
    interest_per_deposit,
    minor_unit_exponent,
    parse_amount,
    split,
)


@pytest.mark.parametrize(
    ("text", "exponent", "fen"),
    [
        ("0", 2, 0),
        ("-0.00", 2, 0),
        ("12.3", 2, 1230),
        ("12.34", 2, 1234),
        ("+1,234,567.80", 2, 123456780),
        (" 5 ", 2, 500),
        ("-5.05", 2, -505),
        ("7.500", 2, 750),
        ("1234", 0, 1234),
        ("1.234", 3, 1234),
        ("92233720368547758.07", 2, LARGEST),
        ("000000000000000000000000012.00", 2, 1200),
    ],
)
def test_amounts_are_read_exactly(text: str, exponent: int, fen: int) -> None:
    assert parse_amount(text, exponent) == fen


@pytest.mark.parametrize(
    "text",
    [
        *(
            "1.234",
            "1e3",
            "¥5",
            "5元",
            "1,23",
            "12,3456",
            "١٢",
            "１２",
            "--1",
            "1.",
            ".5",
            "",
            "-",
            "NaN",
            "inf",
        ),
        *("0x10", "1 000", "92233720368547758.08"),
    ],
)
def test_what_is_no_amount_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_amount(text)
    assert len(text) < 4 or text not in str(caught.value)


@given(st.integers(-LARGEST, LARGEST), st.integers(0, 4), st.booleans())
def test_an_amount_survives_writing_and_reading(fen: int, exponent: int, thousands: bool) -> None:
    assert parse_amount(format_amount(fen, exponent, thousands), exponent) == fen


def test_display() -> None:
    assert format_amount(123456) == "1,234.56"
    assert format_amount(-5) == "-0.05"
    assert format_amount(1234, exponent=0) == "1,234"
    assert format_wan(1_234_567_890) == "1,234.57"
    assert format_wan(5_000_000) == "5.00"


@pytest.mark.parametrize(
    ("numerator", "denominator", "rounded"),
    [(2675, 1000, 3), (25, 10, 3), (-25, 10, -3), (24, 10, 2), (-24, 10, -2), (25, -10, -3), (0, 7, 0)],
)
def test_ties_round_away_from_zero(numerator: int, denominator: int, rounded: int) -> None:
    assert half_up(numerator, denominator) == rounded


def test_mny_1_the_float_trap() -> None:
    assert half_up(2675 * 100, 1000) == 268  # 2.675 -> 2.68, where floats give 2.67


def test_division_by_zero_is_an_error_here() -> None:
    with pytest.raises(ZeroDivisionError):
        half_up(1, 0)


@given(st.integers(-(10**15), 10**15), st.lists(st.integers(0, 10**6), min_size=1, max_size=20).filter(any))
def test_parts_of_a_split_are_the_whole_and_within_one(total: int, weights: list[int]) -> None:
    parts = split(total, weights)
    assert sum(parts) == total
    assert split(-total, weights) == [-part for part in parts]
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - total * weight) < sum(weights)


def test_split_by_largest_remainder() -> None:
    assert split(100, [1, 1, 1]) == [34, 33, 33]
    assert split(10, [3, 3, 1]) == [4, 4, 2]
    assert split(5, [0, 2]) == [0, 5]
    for weights in ([], [0, 0], [1, -1, 3]):
        with pytest.raises(ValueError):
            split(1, weights)


def test_int_1_interest_by_day_balances() -> None:
    assert interest_on_daily_balances([(1_000_088, 40), (500_000, 51)], Decimal("0.0005")) == 91


def test_int_1_interest_per_deposit() -> None:
    assert interest_per_deposit(1_000_088, Decimal("0.0150"), 1, 0, 0) == 15_000
    assert interest_per_deposit(1_000_000, Decimal("0.0150"), 1, 3, 10) == 15_000 + 3_750 + 417
    assert interest_per_deposit(99, Decimal("0.5"), 9, 0, 0) == 0  # below one yuan nothing bears interest


def test_both_methods_agree_on_whole_360ths() -> None:
    assert interest_on_daily_balances([(1_000_000, 90)], Decimal("0.02")) == interest_per_deposit(
        1_000_000, Decimal("0.02"), 0, 0, 90
    )


def test_the_term_of_a_deposit_counts_its_first_day_and_not_its_last() -> None:
    assert elapsed(date(2025, 3, 1), date(2025, 3, 2)) == (0, 0, 1)
    assert elapsed(date(2024, 2, 29), date(2025, 2, 28)) == (1, 0, 0)
    assert elapsed(date(2025, 1, 31), date(2025, 3, 1)) == (0, 1, 1)


def test_currencies() -> None:
    assert [minor_unit_exponent(code) for code in ("CNY", "JPY", "KWD", "CZK", "HKD")] == [2, 0, 3, 2, 2]
    assert all(len(code) == 3 and code.isupper() for code in currency_exponents())
    for code in ("RMB", "cny", ""):
        with pytest.raises(InputError):
            minor_unit_exponent(code)
