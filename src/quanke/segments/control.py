"""Who is kept as a control, decided by a salted hash of the customer's number: fixed before anybody is
contacted, the same on every machine, and nothing anybody can choose.

The hash: the first 16 bytes of SHA-256 of the salt are two keys of 64 bits, big end first; a number is added
to the first key, mixed by the finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom
number generators", OOPSLA 2014), xored with the second key and mixed again. Two salts therefore give hashes
that have nothing to do with each other, and numbers that follow each other give hashes that do not.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quanke.segments.dated import Dated

WHOLE = 1_000_000
"""Shares are in parts per million."""
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def salted_hash(numbers: ArrayLike, salt: str) -> NDArray[np.uint64]:
    """A 64-bit hash of each number (n, whole, not negative), uniform and independent from salt to salt.

    For units that bear numbers: a customer's number stays his from night to night.
    """
    given = np.asarray(numbers)
    if given.size and (given.dtype.kind not in "iu" or (given.dtype.kind == "i" and given.min() < 0)):
        raise ValueError("a salted hash takes whole numbers that are not negative")
    digest = hashlib.sha256(salt.encode()).digest()
    one, other = (np.uint64(int.from_bytes(digest[i : i + 8], "big")) for i in (0, 8))
    return _mixed(_mixed(given.astype(np.uint64) + one) ^ other)


def salted_text_hash(texts: Iterable[str], salt: str) -> NDArray[np.uint64]:
    """A 64-bit hash of each text: the first 8 bytes, big end first, of SHA-256 of salt, a zero byte, text.

    For units that bear codes, such as posts and branches: some thousands, not millions.
    """
    head = salt.encode() + b"\0"
    found = [int.from_bytes(hashlib.sha256(head + text.encode()).digest()[:8], "big") for text in texts]
    return np.array(found, np.uint64)


def in_control(numbers: ArrayLike, salt: str, share_ppm: int) -> NDArray[np.bool_]:
    """For each number whether it is among the `share_ppm` of a million that are kept as a control.

    Each number is decided alone, so nobody's arm changes when others come or go; a greater share of the same
    salt holds everybody a smaller one held. The share met is the share asked for up to chance: for exact
    shares within groups order by `salted_hash` instead. Raises ValueError for a share outside 0..1,000,000.
    """
    if not 0 <= share_ppm <= WHOLE:
        raise ValueError("a share is between 0 and 1,000,000 parts per million")
    if share_ppm == WHOLE:
        return np.ones(np.shape(numbers), np.bool_)
    below: NDArray[np.bool_] = salted_hash(numbers, salt) < np.uint64((share_ppm << 64) // WHOLE)
    return below


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldOut:
    """The standing hold-out of a bank: customers whom no campaign contacts, so that all campaigns together
    can be measured; service is not touched. Each calendar year draws another one.

    `share_ppm`: parts per million in force on a day. `salt`: the bank's own, for two banks to differ.
    """

    share_ppm: Dated = field(default=Dated.of(20_000))
    salt: str = "quanke"

    def salt_on(self, day: dt.date) -> str:
        """The salt of the year a day lies in."""
        return f"{self.salt} hold-out {day.year}"

    def holds(self, numbers: ArrayLike, day: dt.date) -> NDArray[np.bool_]:
        """For each customer number whether it is held out on a day."""
        return in_control(numbers, self.salt_on(day), self.share_ppm.on(day))


def share_of(text: str) -> int:
    """A share in parts per million from "2%", "0.02" or "1/50". Raises ValueError for anything else."""
    text = text.strip()
    scale = Decimal(WHOLE)
    if text.endswith("%"):
        text, scale = text[:-1].strip(), scale / 100
    try:
        above, slash, below = text.partition("/")
        value = Decimal(above) / Decimal(below) if slash else Decimal(above)
        found = value * scale
    except (ArithmeticError, ValueError):
        raise ValueError("a share is written 2%, 0.02 or 1/50") from None
    if not found.is_finite() or not 0 <= found <= WHOLE:
        raise ValueError("a share lies between 0 and 100 %")
    return int(found.to_integral_value())


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    values = values + _GOLDEN
    values = (values ^ (values >> np.uint64(30))) * _FIRST
    values = (values ^ (values >> np.uint64(27))) * _SECOND
    return values ^ (values >> np.uint64(31))
