"""A set of customers, one bit each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quanke.segments.index.build import words_from
from quanke.segments.index.kernels import places


@dataclass(frozen=True, eq=False)
class Members:
    """The customers of an audience: `words` holds a bit for each customer number, `there` one for each who
    exists (absorbed numbers do not). `a & b`, `a | b`, `a - b`, `a ^ b` and `~a` are audiences again."""

    words: npt.NDArray[np.uint64]
    there: npt.NDArray[np.uint64]

    @classmethod
    def of(cls, numbers: npt.ArrayLike, there: npt.NDArray[np.uint64]) -> Members:
        """The customers of some numbers; those who do not exist are left out."""
        flags = np.zeros(len(there) * 64, np.bool_)
        flags[np.asarray(numbers, np.int64)] = True
        return cls(words_from(flags)[: len(there)] & there, there)

    def __len__(self) -> int:
        return int(np.bitwise_count(self.words).sum())

    def __and__(self, other: Members) -> Members:
        return Members(self.words & other.words, self.there)

    def __or__(self, other: Members) -> Members:
        return Members(self.words | other.words, self.there)

    def __sub__(self, other: Members) -> Members:
        return Members(self.words & ~other.words, self.there)

    def __xor__(self, other: Members) -> Members:
        return Members(self.words ^ other.words, self.there)

    def __invert__(self) -> Members:
        return Members(self.there & ~self.words, self.there)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Members) and np.array_equal(self.words, other.words)

    def __contains__(self, customer: int) -> bool:
        word, bit = divmod(customer, 64)
        return 0 <= word < len(self.words) and bool(int(self.words[word]) >> bit & 1)

    def numbers(self) -> npt.NDArray[np.int64]:
        """Customer numbers, rising."""
        found = np.empty(len(self), np.int64)
        words = np.ascontiguousarray(self.words)
        places(words.ctypes.data, len(words), found)
        return found

    def sample(self, size: int, seed: int) -> npt.NDArray[np.int64]:
        """`size` customers drawn without replacement, everybody with the same chance, in rising order; all of
        them where there are not so many. The same seed gives the same customers."""
        numbers = self.numbers()
        if size >= len(numbers):
            return numbers
        drawn = np.random.default_rng(seed).choice(len(numbers), size, replace=False, shuffle=False)
        return numbers[np.sort(drawn)]
