"""Identity documents and phones: numbers whose checksums hold, by kind of document."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from quanke.bank.sample.draws import Bools, Choice, Draws, Ints
from quanke.bank.sample.places import REGIONS
from quanke.bank.sample.text import digits, id_numbers, join, scattered, strings, tagged, year_month_day

_REGION_CODES = np.array(REGIONS, dtype=np.int64)
_HMT_REGIONS = np.array([810_000, 820_000, 830_000], dtype=np.int64)
_AREAS = np.array([44, 11, 31, 32, 33, 35, 37, 51], dtype=np.int64)
_SERIAL_PRIME, _SERIAL_FACTOR = 99_999_989, 48_611_117
STAFF_BLOCK = -1
"""Stands for the staff where the numbers of a block are asked for."""

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


def _slots(block: int, cell: Ints, each: int, capacity: int) -> Ints:
    """A slot below `capacity` for everybody: no two people of one cell (a birthday and sex) share one.

    Every block has `each` slots of a cell for itself; more people than that in one cell do not occur. Where
    the slots begin is turned from cell to cell. Without this, ten million random numbers would name
    165,000 people twice.
    """
    count = len(cell)
    bits = count.bit_length()
    order = np.sort(((cell - cell.min(initial=0)) << bits) | np.arange(count))
    starts = np.flatnonzero(np.diff(order >> bits, prepend=-1))
    rank = np.empty(count, dtype=np.int64)
    rank[order & ((1 << bits) - 1)] = np.arange(count) - np.repeat(starts, np.diff(starts, append=count))
    turn = cell * 2_654_435_761 % capacity
    found: Ints = ((block * each + rank % each) * 7_919 + turn) % capacity
    return found


def resident_ids(block: int, birth: Ints, male: Bools) -> pa.StringArray:
    """Resident identity numbers, odd sequence for men (ID-1); no number twice up to thirty million."""
    slot = _slots(block, birth * 2 + male, 48, len(REGIONS) * 500)
    return _eighteen(_REGION_CODES[slot // 500], slot % 500, birth, male)


def hmt_permits(block: int, birth: Ints, male: Bools) -> pa.StringArray:
    """Numbers of residence permits of Hong Kong, Macau and Taiwan residents (ID-2)."""
    slot = _slots(block, birth * 2 + male, 5, 1_500)
    return _eighteen(_HMT_REGIONS[slot // 500], slot % 500, birth, male)


def _eighteen(region: Ints, number: Ints, birth: Ints, male: Bools) -> pa.StringArray:
    first = np.hstack([digits(region, 6), digits(year_month_day(birth), 8), digits(number * 2 + male, 3)])
    return strings(id_numbers(first))


def permanent_ids(block: int, birth: Ints, male: Bools, country: Ints) -> pa.StringArray:
    """Permanent residence numbers of the 2023 pattern: 9, region, country, birth, sequence, check."""
    slot = _slots(block, (birth * 2 + male) * len(COUNTRIES) + country, 2, len(_AREAS) * 50)
    parts = [
        digits(_AREAS[slot // 50], 2),
        digits(_NUMERIC[country], 3),
        digits(year_month_day(birth), 8),
        digits(slot % 50 * 2 + male, 3),
    ]
    return strings(id_numbers(tagged("9", np.hstack(parts))))


def _eight_digits(person: Ints) -> pa.StringArray:
    """Eight digits, different for every person."""
    return strings(digits(scattered(person, _SERIAL_PRIME, _SERIAL_FACTOR), 8))


def hk_macau_permits(draws: Draws, person: Ints) -> pa.StringArray:
    """H or M and eight digits; older cards carry two digits of renewal (ID-3)."""
    head = pa.array(["H", "M"]).take(pa.array(draws.pick(Choice([8, 1]), len(person))))
    renewal = pa.array(["", "00", "01"]).take(pa.array(draws.pick(Choice([7, 2, 1]), len(person))))
    return join(head, _eight_digits(person), renewal)


def taiwan_permits(person: Ints) -> pa.StringArray:
    """Eight digits (ID-3)."""
    return _eight_digits(person)


def passports(person: Ints, country: Ints) -> pa.StringArray:
    """Passport numbers roughly in the manner of the country."""
    heads = pa.array(["5", "5", "M", "TK", "C", "19A", "Z", "PA", "AB", "E", "A", "FR"])
    return join(heads.take(pa.array(country)), _eight_digits(person))


def phones(draws: Draws, count: int) -> pa.StringArray:
    """Mobile numbers of mainland pattern (ID-7)."""
    head = _HEAD_CODES[draws.pick(_HEAD_CHOICE, count)]
    body = draws.below(100_000_000, count)
    return strings(np.hstack([digits(head, 3), digits(body, 8)]))
