"""Where python-stdnum is right we use it; where it is not, these tests say how it differs from the rule book.

A test that fails after an upgrade of stdnum is good news: take the upgrade in, and let our own code go.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import lei, luhn
from stdnum.cn import ric, uscc

from quanke.kernel.identifiers.organisation import (
    ALPHABET,
    WEIGHTS,
    check_uscc,
    organisation_check_character,
    uscc_check_character,
)
from quanke.kernel.identifiers.resident import CHECK_CHARACTERS, check_resident_id, resident_check_character
from quanke.kernel.identifiers.resident import WEIGHTS as RESIDENT_WEIGHTS


@given(st.text("0123456789", min_size=17, max_size=17))
def test_its_check_character_of_gb_11643_is_right(first_17: str) -> None:
    total = sum(int(digit) * weight for digit, weight in zip(first_17, RESIDENT_WEIGHTS, strict=True))
    assert resident_check_character(first_17) == CHECK_CHARACTERS[total % 11]


@given(st.text(ALPHABET, min_size=17, max_size=17))
def test_its_check_character_of_gb_32100_is_right(first_17: str) -> None:
    total = sum(ALPHABET.index(char) * weight for char, weight in zip(first_17, WEIGHTS, strict=True))
    assert uscc_check_character(first_17) == ALPHABET[(31 - total % 31) % 31]


def test_it_is_right_about_cards_and_leis() -> None:
    assert luhn.is_valid("6222024000000000014")
    assert lei.is_valid("5493001KJTIIGC8Y1R12")


@pytest.mark.parametrize("number", ["810000199001010019", "911840198001010013", "110105491231002"])
def test_it_refuses_documents_that_are_valid(number: str) -> None:
    assert not ric.is_valid(number)


def test_it_refuses_people_of_regions_that_came_after_their_birth() -> None:
    first_17 = "11011219800101001"  # Tongzhou district, so named in 1997
    number = first_17 + resident_check_character(first_17)
    assert check_resident_id(number) is None
    assert not ric.is_valid(number)


def test_it_refuses_the_standard_s_own_example() -> None:
    assert check_resident_id("440524188001010014") is None
    assert not ric.is_valid("440524188001010014")


def test_it_takes_birth_days_in_the_future() -> None:
    first_17 = "11010529990101001"
    number = first_17 + resident_check_character(first_17)
    assert ric.is_valid(number)
    assert check_resident_id(number) is not None


def test_it_does_not_look_at_the_organisation_code_inside() -> None:
    first_17 = "91100000100003961"
    code = first_17 + uscc_check_character(first_17)
    assert uscc.is_valid(code)
    assert check_uscc(code) is not None


def test_it_refuses_codes_of_other_registers() -> None:
    own = "MF1234567"[:8]
    first_17 = "N2440300" + own + organisation_check_character(own)
    code = first_17 + uscc_check_character(first_17)
    assert check_uscc(code) is None
    assert not uscc.is_valid(code)
