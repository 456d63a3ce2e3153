"""The salted hash: by hand in plain Python, its shares, and that salts have nothing to do with each other."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, chi2_contingency

from quanke.segments import in_control, salted_hash, salted_text_hash

MASK = 2**64 - 1


def _mix(value: int) -> int:
    value = (value + 0x9E3779B97F4A7C15) & MASK
    value = ((value ^ value >> 30) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ value >> 27) * 0x94D049BB133111EB) & MASK
    return value ^ value >> 31


def _by_hand(number: int, salt: str) -> int:
    digest = hashlib.sha256(salt.encode()).digest()
    one, other = (int.from_bytes(digest[i : i + 8], "big") for i in (0, 8))
    return _mix(_mix((number + one) & MASK) ^ other)


def test_the_finaliser_is_splitmix64() -> None:
    """The first outputs of SplitMix64 from the seed 1234567, as published with its reference code."""
    state, found = 1234567, []
    for _ in range(3):
        found.append(_mix(state))
        state = (state + 0x9E3779B97F4A7C15) & MASK
    assert found == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=20), st.text("ab 2026中", max_size=12))
def test_the_hash_is_the_one_written_down(numbers: list[int], salt: str) -> None:
    assert salted_hash(np.array(numbers), salt).tolist() == [_by_hand(n, salt) for n in numbers]


def test_it_never_changes() -> None:
    """Frozen: a changed hash would move customers from one arm to another in the middle of a campaign."""
    found = salted_hash([0, 1, 9_999_999], "hold-out 2026").tolist()
    assert found == [7754264066726190416, 2354584035526714701, 4369513824627720793]
    digest = hashlib.sha256(b"a\0P-1").digest()
    assert salted_text_hash(["P-1"], "a").tolist() == [int.from_bytes(digest[:8], "big")]


@given(
    st.integers(0, 1_000_000),
    st.integers(0, 1_000_000),
    st.lists(st.integers(0, 10**9), min_size=1, max_size=50),
)
def test_a_greater_share_holds_a_smaller_one(one: int, other: int, numbers: list[int]) -> None:
    small, great = (in_control(numbers, "s", share) for share in sorted((one, other)))
    assert not (small & ~great).any()


def test_the_ends() -> None:
    numbers = np.arange(100_000)
    assert not in_control(numbers, "s", 0).any()
    assert in_control(numbers, "s", 1_000_000).all()
    for wrong in (-1, 1_000_001):
        with pytest.raises(ValueError, match="1,000,000"):
            in_control(numbers, "s", wrong)
    with pytest.raises(ValueError, match="not negative"):
        in_control(np.array([-1]), "s", 10)


def test_hashes_are_uniform_and_salts_independent() -> None:
    """Chi-square at the 0.1 % level, with fixed salts: 64 cells of one salt, 8 x 8 of two."""
    numbers = np.arange(200_000)
    for salt in ("hold-out 2026", "hold-out 2027", "a", "b"):
        seen = np.bincount((salted_hash(numbers, salt) >> np.uint64(58)).astype(int), minlength=64)
        wanted = len(numbers) / 64
        assert ((seen - wanted) ** 2 / wanted).sum() < chi2.ppf(0.999, 63)
    for one, other in (("hold-out 2026", "hold-out 2027"), ("a", "b"), ("campaign 1", "campaign 2")):
        cells = np.zeros((8, 8))
        a, b = (salted_hash(numbers, salt) >> np.uint64(61) for salt in (one, other))
        np.add.at(cells, (a.astype(int), b.astype(int)), 1)
        assert chi2_contingency(cells).pvalue > 0.001


def test_neighbours_are_independent() -> None:
    """Whether a number is a control tells nothing of the next."""
    held = in_control(np.arange(400_000), "neighbours", 300_000)
    cells = [[(held[:-1] & held[1:]).sum(), (held[:-1] & ~held[1:]).sum()],
             [(~held[:-1] & held[1:]).sum(), (~held[:-1] & ~held[1:]).sum()]]  # fmt: skip
    assert chi2_contingency(cells).pvalue > 0.001
