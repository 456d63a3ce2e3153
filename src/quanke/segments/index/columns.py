"""One column of the index: codes that keep the order of the values, and planes of their bits.

* A *code* is a whole number from 0: a value less the least one; of text its place among all texts, by code
  points; false 0, true 1. Unknown is the last code, where the column has unknown values.
* A *bucket* is the code itself where there are at most EXACT; else one of up to BUCKETS ranges of codes that
  hold about equally many customers. A value many customers have is a bucket of its own.
* *Planes* are the bits of the buckets, a bit of 64 customers in a word.
* The *codes* file holds the code of each customer in 1, 2, 4 or 8 bytes; there is none where planes are few.

A range is answered by the planes; only customers in a bucket that a limit cuts through are looked up by their
code. Both files are mapped when they are first asked for.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from quanke.language.nodes import Literal
from quanke.language.types import RATE_PLACES, Kind
from quanke.segments.index.cuts import NOTHING, Cuts, between, joined, pairs
from quanke.segments.index.kernels import BLOCK, WORDS, unpack

EXACT = 4_096
"""Most codes that are buckets of their own."""
BUCKETS = 1_024
DOMAIN = 2**18
"""Most values of a column that are all tried in an operation instead of everybody's."""
TEXTS = 8
"""So many customers there must be for each text that is tried."""
CODE_TYPES = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}
DTYPES: dict[Kind, Any] = {
    Kind.BOOLEAN: np.bool_,
    Kind.INTEGER: np.int64,
    Kind.MONEY: np.int64,
    Kind.RATE: np.int64,
    Kind.NUMBER: np.float64,
    Kind.TEXT: object,
    Kind.DATE: "datetime64[D]",
    Kind.INSTANT: "datetime64[us]",
}
_EPOCH = dt.datetime(1970, 1, 1)
_MAGNITUDE = np.int64(2**63 - 1)


@dataclass(frozen=True, slots=True)
class Values:
    """Values of some customers where `valid`, whatever elsewhere: money in fen, rates in millionths, text as
    str."""

    values: npt.NDArray[Any]
    valid: npt.NDArray[np.bool_]


def ordered(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Whole numbers in the order of floating-point ones; both zeros are one. The inverse is `floating`."""
    bits = (numbers + 0.0).view(np.int64)
    return bits ^ ((bits >> np.int64(63)) & _MAGNITUDE)


def floating(ordinals: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The floating-point numbers that `ordered` made whole ones of."""
    return (ordinals ^ ((ordinals >> np.int64(63)) & _MAGNITUDE)).view(np.float64)


def ordinal(literal: Literal) -> int:
    """A constant as the whole number its kind is ordered by. Not for text."""
    value: Any = literal.value
    match literal.type.kind:
        case Kind.RATE:
            return int(Decimal(value).scaleb(RATE_PLACES))
        case Kind.NUMBER:
            return int(ordered(np.array([value], np.float64))[0])
        case Kind.DATE:
            return int((value - _EPOCH.date()).days)
        case Kind.INSTANT:
            return int((value - _EPOCH) // dt.timedelta(microseconds=1))
    return int(value)


@dataclass(frozen=True)
class IndexColumn:
    """One column, opened."""

    name: str
    kind: Kind
    folder: Path
    rows: int
    base: int
    size: int
    null: int | None
    width: int
    planes: int
    edges: tuple[int, ...]
    counts: tuple[int, ...]
    _memory: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def exact(self) -> bool:
        """Whether every code is a bucket of its own."""
        return not self.edges

    @property
    def known(self) -> int:
        """How many codes stand for values: all but that of unknown."""
        return self.size - (self.null is not None)

    @property
    def small(self) -> bool:
        """Whether an operation may be tried on all values there can be: they are few beside the customers."""
        most = self.rows // TEXTS if self.kind is Kind.TEXT else self.rows
        return self.size <= min(DOMAIN, max(EXACT, most))

    @cached_property
    def plane_words(self) -> npt.NDArray[np.uint64]:
        """The planes, block by block."""
        return np.memmap(self.folder / f"{self.name}.planes", np.uint64, mode="r")

    @cached_property
    def codes(self) -> npt.NDArray[Any]:
        """The code of each customer, one after the other, up to the end of the last block."""
        return np.memmap(self.folder / f"{self.name}.codes", CODE_TYPES[self.width], mode="r")

    @cached_property
    def plane_address(self) -> int:
        """Where the planes begin."""
        return address_of(self.plane_words)

    @cached_property
    def code_address(self) -> int:
        """Where the codes begin."""
        return address_of(self.codes)

    @cached_property
    def texts(self) -> list[str]:
        """All texts of a text column, in order."""
        with pa.memory_map(str(self.folder / f"{self.name}.values.arrow")) as source:
            found: list[str] = pa.ipc.open_file(source).read_all()["value"].to_pylist()
        return found

    @cached_property
    def totals(self) -> npt.NDArray[np.int64]:
        """Running total of the counts, from 0."""
        return np.concatenate([[0], np.cumsum(self.counts)])

    def counted(self, cuts: Cuts) -> int:
        """How many customers there are in a set of buckets."""
        totals = self.totals
        return sum(int(totals[b] - totals[a]) for a, b in pairs(cuts))

    def part(self, first: int, last: int) -> npt.NDArray[Any]:
        """Codes of customers `first` (the beginning of a block) to `last - 1`."""
        if self.width:
            return self.codes[first:last]
        found = np.empty(-(-(last - first) // BLOCK) * BLOCK, np.uint16)
        low, high = first // BLOCK, -(-last // BLOCK)
        unpack(self.plane_words.ctypes.data, self.planes, low, high, found.ctypes.data)
        return found[: last - first]

    def values(self, codes: npt.NDArray[Any]) -> Values:
        """Values that codes stand for."""
        valid = np.ones(len(codes), np.bool_) if self.null is None else codes != self.null
        if self.kind is Kind.TEXT:
            held = np.array([*self.texts, ""], object)
            return Values(held[np.minimum(codes, len(self.texts)).astype(np.int64)], valid)
        with np.errstate(over="ignore"):
            ordinals = codes.astype(np.uint64).view(np.int64)
            if self.base:
                ordinals += np.int64(self.base)
        if self.null is not None:
            ordinals[~valid] = self.base if self.known else 0
        if self.kind is Kind.NUMBER:
            return Values(floating(ordinals), valid)
        if self.kind is Kind.BOOLEAN:
            return Values(ordinals.astype(np.bool_), valid)
        dtype = DTYPES[self.kind]
        return Values(ordinals.view(dtype) if isinstance(dtype, str) else ordinals, valid)

    def domain(self) -> Values:
        """All values there can be, by code; unknown among them."""
        found: Values | None = self._memory.get("domain")
        if found is None:
            found = self._memory["domain"] = self.values(np.arange(self.size, dtype=np.uint64))
        return found

    def place(self, literal: Literal, after: bool = False) -> int:
        """How many known codes lie below a constant (or below or at it)."""
        if self.kind is Kind.TEXT:
            return (bisect_right if after else bisect_left)(self.texts, str(literal.value))
        return min(max(ordinal(literal) - self.base + after, 0), self.known)

    def compared(self, operation: str, literal: Literal) -> Cuts:
        """Codes for which `value operation constant` is true."""
        low, high = self.place(literal), self.place(literal, after=True)
        match operation:
            case "less":
                return between(0, low)
            case "at_most":
                return between(0, high)
            case "greater":
                return between(high, self.known)
            case "at_least":
                return between(low, self.known)
            case "equal":
                return between(low, high)
        return joined(between(0, low), between(high, self.known))

    def unknown(self) -> Cuts:
        """The code of unknown values, if there is one."""
        return NOTHING if self.null is None else between(self.null, self.null + 1)

    def remembered(self, key: Any, make: Callable[[], Any]) -> Any:
        """What was made for a key before, or is made now; the column is the same for ever."""
        if key not in self._memory:
            if len(self._memory) > 4_096:
                self._memory.clear()
            self._memory[key] = make()
        return self._memory[key]


def address_of(array: npt.NDArray[Any]) -> int:
    """Where an array begins."""
    found: int = array.__array_interface__["data"][0]
    return found


def blocks_of(rows: int) -> int:
    """Blocks that hold so many customers."""
    return -(-rows // BLOCK)


def words_of(rows: int) -> int:
    """Words of those blocks."""
    return blocks_of(rows) * WORDS
