"""Identity documents and phones: numbers whose checksums hold, by kind of document."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quanke.bank.sample.draws import Bools, Choice, Draws, Ints
from quanke.bank.sample.places import REGIONS
from quanke.bank.sample.text import digits, id_numbers, join, strings, tagged, year_month_day

_REGION_CODES = np.array([code for code, _ in REGIONS], dtype=np.int64)
_REGION_CHOICE = Choice([weight for _, weight in REGIONS])

_MOBILE_HEADS = {
    138: 9, 139: 9, 135: 8, 136: 8, 137: 8, 134: 4, 150: 6, 151: 6, 152: 5, 158: 7, 159: 7, 182: 5, 183: 5,
    187: 6, 188: 7, 147: 2, 178: 3, 198: 3, 130: 5, 131: 5, 132: 5, 155: 5, 156: 5, 185: 5, 186: 6, 176: 4,
    166: 3, 133: 5, 153: 4, 180: 4, 181: 4, 189: 5, 177: 5, 199: 3, 191: 2, 195: 2, 170: 1, 171: 1,
}  # fmt: skip
_HEAD_CODES = np.array(list(_MOBILE_HEADS), dtype=np.int64)
_HEAD_CHOICE = Choice(list(_MOBILE_HEADS.values()))

COUNTRIES = ("USA", "GBR", "KOR", "JPN", "DEU", "FRA", "IND", "AUS", "CAN", "SGP", "MYS", "BRA")
_NUMERIC = np.array([840, 826, 410, 392, 276, 250, 356, 36, 124, 702, 458, 76], dtype=np.int64)
COUNTRY_CHOICE = Choice([18, 8, 16, 15, 5, 5, 8, 4, 5, 6, 7, 3])


def resident_ids(draws: Draws, birth: Ints, male: Bools) -> pa.StringArray:
    """Resident identity numbers; odd sequence for men (ID-1)."""
    region = _REGION_CODES[draws.pick(_REGION_CHOICE, len(birth))]
    return _eighteen(draws, region, birth, male)


def hmt_permits(draws: Draws, birth: Ints, male: Bools) -> pa.StringArray:
    """Numbers of residence permits of Hong Kong, Macau and Taiwan residents (ID-2)."""
    region = np.array([810_000, 820_000, 830_000], dtype=np.int64)[draws.pick(Choice([7, 1, 4]), len(birth))]
    return _eighteen(draws, region, birth, male)


def _eighteen(draws: Draws, region: Ints, birth: Ints, male: Bools) -> pa.StringArray:
    count = len(birth)
    sequence = draws.below(500, count) * 2 + male
    first = np.hstack([digits(region, 6), digits(year_month_day(birth), 8), digits(sequence, 3)])
    return strings(id_numbers(first))


def permanent_ids(draws: Draws, birth: Ints, male: Bools, country: NDArray[np.int32]) -> pa.StringArray:
    """Permanent residence numbers of the 2023 pattern: 9, region, country, birth, sequence, check."""
    count = len(birth)
    area = np.array([11, 31, 44], dtype=np.int64)[draws.pick(Choice([1, 1, 6]), count)]
    sequence = draws.below(50, count) * 2 + male
    parts = [
        digits(area, 2),
        digits(_NUMERIC[country], 3),
        digits(year_month_day(birth), 8),
        digits(sequence, 3),
    ]
    return strings(id_numbers(tagged("9", np.hstack(parts))))


def hk_macau_permits(draws: Draws, count: int) -> pa.StringArray:
    """H or M and eight digits; older cards carry two digits of renewal (ID-3)."""
    head = pa.array(["H", "M"]).take(pa.array(draws.pick(Choice([8, 1]), count)))
    renewal = pa.array(["", "00", "01"]).take(pa.array(draws.pick(Choice([7, 2, 1]), count)))
    return join(head, strings(digits(draws.below(90_000_000, count) + 10_000_000, 8)), renewal)


def taiwan_permits(draws: Draws, count: int) -> pa.StringArray:
    """Eight digits (ID-3)."""
    return strings(digits(draws.below(90_000_000, count) + 10_000_000, 8))


def passports(draws: Draws, country: NDArray[np.int32]) -> pa.StringArray:
    """Passport numbers roughly in the manner of the country."""
    heads = pa.array(["5", "5", "M", "TK", "C", "19A", "Z", "PA", "AB", "E", "A", "FR"])
    head = heads.take(pa.array(country))
    return join(head, strings(digits(draws.below(90_000_000, len(country)) + 10_000_000, 8)))


def phones(draws: Draws, count: int) -> pa.StringArray:
    """Mobile numbers of mainland pattern (ID-7)."""
    head = _HEAD_CODES[draws.pick(_HEAD_CHOICE, count)]
    body = draws.below(100_000_000, count)
    return strings(np.hstack([digits(head, 3), digits(body, 8)]))
