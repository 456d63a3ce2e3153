"""Sorted keys and the customers of each, as arrays that are mapped: `Numbers` by digest, `Texts` by text.

    <name>.keys       Numbers: the digests, rising (uint64)
    <name>.text       Texts: all texts one behind the other (UTF-8), in the order of their bytes
    <name>.ends       Texts: where each text begins, and where the last one ends (int64)
    <name>.starts     where the customers of each key begin, and where the last ones end (int64); absent where
                      every key has exactly one
    <name>.customers  customers, key by key, rising and each once (int32)

All are little-endian and have no head. Texts that begin alike stand together, and so do their customers: a
prefix is answered by one slice.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from quanke.customers.finding.keyed import Tokens

Customers: TypeAlias = npt.NDArray[np.int32]
Strings: TypeAlias = pa.Array | pa.ChunkedArray
PIECES = 8
"""Parts of the range of digests that are sorted one after the other, to bound memory."""
_BEHIND = b"\xff"
"""Behind every sign of UTF-8."""
NOBODY = np.empty(0, np.int32)


def write_numbers(folder: Path, name: str, tokens: Tokens, customers: Customers) -> None:
    """Write digests with their customers (shape (n,) each, in any order)."""
    with _Writer(folder, name) as writer, (folder / f"{name}.keys").open("wb") as keys:
        piece = (tokens >> np.uint64(61)).astype(np.uint8)
        for number in range(PIECES):
            chosen = np.flatnonzero(piece == number)
            found, rank = np.unique(tokens[chosen], return_inverse=True)
            found.tofile(keys)
            writer.add(rank, customers[chosen], len(found))


def write_texts(folder: Path, name: str, texts: Strings, codes: Customers, customers: Customers) -> None:
    """Write texts with their customers: row i says that `customers[i]` has `texts[codes[i]]`. Texts may stand
    several times."""
    encoded = texts.dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks() if len(encoded) else pa.array([], pa.string()).dictionary_encode()
    order = pc.sort_indices(encoded.dictionary).to_numpy()
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    with _Writer(folder, name) as writer:
        writer.add(rank[encoded.indices.to_numpy()][codes], customers, len(order))
    ordered = encoded.dictionary.take(pa.array(order)).cast(pa.large_string())
    _, offsets, data = ordered.buffers()
    ends = np.frombuffer(offsets, np.int64)[: len(ordered) + 1] if len(ordered) else np.zeros(1, np.int64)
    ends.tofile(folder / f"{name}.ends")
    text = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
    text[: ends[-1]].tofile(folder / f"{name}.text")


class _Writer:
    """Writes the customers of keys that come in their order, some keys at a time."""

    def __init__(self, folder: Path, name: str) -> None:
        self._starts = folder / f"{name}.starts"
        self._file = (folder / f"{name}.customers").open("wb")
        self._counts: list[npt.NDArray[np.int32]] = []

    def add(self, rank: npt.NDArray[Any], customers: Customers, keys: int) -> None:
        """The next `keys` keys: row i says that `customers[i]` has key number `rank[i]` of them."""
        pairs = rank.astype(np.uint64)
        pairs <<= np.uint64(32)
        pairs |= customers.astype(np.uint64)
        pairs.sort()
        if len(pairs):
            pairs = pairs[np.concatenate([[True], pairs[1:] != pairs[:-1]])]
        pairs.astype(np.uint32).tofile(self._file)  # the lower half
        pairs >>= np.uint64(32)
        self._counts.append(np.bincount(pairs.astype(np.int64), minlength=keys).astype(np.int32))

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        if all(int(counts.max(initial=1)) == 1 for counts in self._counts):
            return
        with self._starts.open("wb") as starts:
            begun = np.zeros(1, np.int64)
            begun.tofile(starts)
            for counts in self._counts:
                ends = begun + np.cumsum(counts, dtype=np.int64)
                ends.tofile(starts)
                begun = ends[-1:] if len(ends) else begun


def _mapped(folder: Path, name: str, part: str, kind: type[Any]) -> npt.NDArray[Any]:
    path = folder / f"{name}.{part}"
    if not path.stat().st_size:  # nothing cannot be mapped
        return np.empty(0, kind)
    return np.asarray(np.memmap(path, kind, "r"))


class _Postings:
    """What both kinds of keys have: the customers of a slice of them."""

    def __init__(self, folder: Path, name: str) -> None:
        self.customers: Customers = _mapped(folder, name, "customers", np.int32)
        starts = folder / f"{name}.starts"
        self._starts = _mapped(folder, name, "starts", np.int64) if starts.exists() else None

    def of(self, low: int, high: int) -> Customers:
        """Customers of the keys `low` to `high - 1`; of several keys some may stand more than once."""
        if low >= high:
            return NOBODY
        if self._starts is None:
            return self.customers[low:high]
        return self.customers[int(self._starts[low]) : int(self._starts[high])]


class Numbers(_Postings):
    """Customers by digest."""

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__(folder, name)
        self._keys: Tokens = _mapped(folder, name, "keys", np.uint64)

    def find(self, token: int) -> Customers:
        """Customers of a digest, rising."""
        at = int(np.searchsorted(self._keys, np.uint64(token)))
        there = at < len(self._keys) and int(self._keys[at]) == token
        return self.of(at, at + 1) if there else NOBODY


class Texts(_Postings, Sequence[bytes]):
    """Customers by text; itself the sorted texts."""

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__(folder, name)
        self._text = _mapped(folder, name, "text", np.uint8)
        self._ends = _mapped(folder, name, "ends", np.int64)

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, at: Any) -> Any:
        return self._text[int(self._ends[at]) : int(self._ends[at + 1])].tobytes()

    def find(self, text: str) -> Customers:
        """Customers of exactly this text, rising."""
        key = text.encode()
        at = bisect_left(self, key)
        return self.of(at, at + 1) if at < len(self) and self[at] == key else NOBODY

    def beginning(self, text: str) -> Customers:
        """Customers of texts that begin so; some may stand more than once."""
        key = text.encode()
        return self.of(bisect_left(self, key), bisect_left(self, key + _BEHIND))
