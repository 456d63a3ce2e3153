"""Random draws that are equal on every machine: raw generator words and integer arithmetic only.

NumPy promises the raw words of a bit generator for ever, but neither its distributions nor the last bit
of `exp` and `log`. So levels (wealth, wages, amounts) are drawn from quantile tables of integers, and
choices from lookup tables; no float arithmetic reaches the data.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from decimal import Decimal, localcontext
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_STEPS = 8
"""Linear pieces between two knots of a level; enough that the curve looks geometric."""


class Level:
    """A quantile function in integers: `Level((0, 10), (500_000, 900), (1_000_000, 5_000))`.

    Knots are (share in millionths, value); between knots values grow geometrically where both ends are
    positive, else linearly.
    """

    def __init__(self, *knots: tuple[int, int]) -> None:
        shares: list[int] = []
        values: list[int] = []
        for (left, low), (right, high) in pairwise(knots):
            for step in range(_STEPS):
                shares.append(((left * (_STEPS - step) + right * step) << 32) // (_STEPS * 1_000_000))
                values.append(_between(low, high, step))
        shares.append((knots[-1][0] << 32) // 1_000_000)
        values.append(knots[-1][1])
        self.shares: Ints = np.array(shares, dtype=np.int64)
        self.values: Ints = np.array(values, dtype=np.int64)

    def at(self, words: NDArray[np.uint32]) -> Ints:
        """Values at the quantiles `words / 2**32`; int64 of the same length."""
        place = words.astype(np.int64)
        right = np.clip(np.searchsorted(self.shares, place, side="right"), 1, len(self.shares) - 1)
        left = right - 1
        width = np.maximum(self.shares[right] - self.shares[left], 1)
        part = ((place - self.shares[left]) << 16) // width
        step = self.values[right] - self.values[left]
        # the step is split so that part * step cannot leave 63 bits
        found: Ints = self.values[left] + ((step >> 16) * part) + (((step & 0xFFFF) * part) >> 16)
        return found


def _between(low: int, high: int, step: int) -> int:
    if low <= 0 or high <= 0:
        return (low * (_STEPS - step) + high * step) // _STEPS
    with localcontext() as context:
        context.prec = 24
        grown = (Decimal(high).ln() - Decimal(low).ln()) * step / _STEPS + Decimal(low).ln()
        return int(grown.exp().to_integral_value())


class Choice:
    """Weighted choice of a position: `Choice([5, 3, 2])` draws 0, 1 and 2 in that proportion."""

    SIZE = 65_536

    def __init__(self, weights: Sequence[int] | Ints) -> None:
        heap = np.cumsum(np.asarray(weights, dtype=np.int64))
        ticks = (np.arange(self.SIZE, dtype=np.int64) * 2 + 1) * heap[-1] // (2 * self.SIZE)
        self.table: NDArray[np.int32] = np.searchsorted(heap, ticks, side="right").astype(np.int32)

    def at(self, words: NDArray[np.uint32]) -> NDArray[np.int32]:
        """Positions chosen by the upper 16 bits of `words`."""
        found: NDArray[np.int32] = self.table[words >> np.uint32(16)]
        return found


class Choices:
    """One weighted choice per row of a table: the row is given, the column is drawn."""

    SIZE = 4_096

    def __init__(self, rows: Sequence[Sequence[int]]) -> None:
        self.table: NDArray[np.int32] = np.stack(
            [Choice(row).table[:: Choice.SIZE // self.SIZE] for row in rows]
        )

    def at(self, rows: Ints | NDArray[np.int32], words: NDArray[np.uint32]) -> NDArray[np.int32]:
        """Column drawn for each of `rows`."""
        found: NDArray[np.int32] = self.table[rows, words >> np.uint32(20)]
        return found


class Draws:
    """A stream of draws named by its key: `Draws(seed, block, "salary")`; streams are independent."""

    def __init__(self, *key: int | str) -> None:
        entropy = [part if isinstance(part, int) else zlib.crc32(part.encode()) for part in key]
        self._bits = np.random.SFC64(np.random.SeedSequence(entropy))

    def words(self, count: int) -> NDArray[np.uint32]:
        """`count` uniform 32-bit words."""
        raw = np.asarray(self._bits.random_raw((count + 1) // 2), dtype="<u8")
        return raw.view("<u4")[:count].astype(np.uint32, copy=False)

    def longs(self, count: int) -> NDArray[np.uint64]:
        """`count` uniform 64-bit words."""
        return np.asarray(self._bits.random_raw(count), dtype=np.uint64)

    def below(self, limit: int | Ints, count: int) -> Ints:
        """Integers in [0, limit), limit below 2**31; `limit` may be an array."""
        return (self.words(count).astype(np.int64) * limit) >> 32

    def between(self, low: int | Ints, high: int | Ints, count: int) -> Ints:
        """Integers in [low, high], both included."""
        return low + self.below(high - low + 1, count)

    def chance(self, share: float | NDArray[np.float64], count: int) -> Bools:
        """True with probability `share`. A float times 2**32 is exact, so this is safe to compare."""
        return self.words(count) < np.floor(np.asarray(share) * 4_294_967_296.0)

    def level(self, level: Level, count: int) -> Ints:
        """Values of a `Level`."""
        return level.at(self.words(count))

    def pick(self, choice: Choice, count: int) -> NDArray[np.int32]:
        """Positions of a `Choice`."""
        return choice.at(self.words(count))

    def pick_by(self, choices: Choices, rows: Ints | NDArray[np.int32]) -> NDArray[np.int32]:
        """Columns of `Choices`, one per given row."""
        return choices.at(rows, self.words(len(rows)))

    def shuffled(self, count: int) -> Ints:
        """The numbers 0..count-1 in random order."""
        keys = (self.longs(count) & np.uint64(0xFFFF_FFFF_FF00_0000)) | np.arange(count, dtype=np.uint64)
        return (np.sort(keys) & np.uint64(0x00FF_FFFF)).astype(np.int64)

    def some(self, pool: Ints, count: int) -> Ints:
        """`count` different members of `pool` (all of it where it is smaller)."""
        return pool[self.shuffled(len(pool))[:count]]
