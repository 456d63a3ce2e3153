"""Sorted keys and the customers of each, as arrays that are mapped: `Numbers` by digest, `Texts` by text.

    <name>.keys.npy       Numbers: the digests, rising
    <name>.text.npy       Texts: all texts one behind the other (UTF-8), in the order of their bytes
    <name>.ends.npy       Texts: where each text begins, and where the last one ends
    <name>.starts.npy     where the customers of each key begin, and where the last ones end; absent where
                          every key has exactly one
    <name>.customers.npy  customers, key by key, rising and each once

Texts that begin alike stand together, and so do their customers: a prefix is answered by one slice.
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


def write_numbers(folder: Path, name: str, tokens: Tokens, customers: Customers) -> int:
    """Write digests with their customers (shape (n,) each, in any order); how many keys there are."""
    keys, counts, held = [np.empty(0, np.uint64)], [np.empty(0, np.int64)], [NOBODY]
    piece = (tokens >> np.uint64(61)).astype(np.uint8)
    for number in range(PIECES):
        chosen = np.flatnonzero(piece == number)
        found, rank = np.unique(tokens[chosen], return_inverse=True)
        grouped, count = _grouped(rank, customers[chosen], len(found))
        keys.append(found)
        counts.append(count)
        held.append(grouped)
    return _write(folder, name, {"keys": np.concatenate(keys)}, np.concatenate(counts), np.concatenate(held))


def write_texts(folder: Path, name: str, texts: Strings, codes: Customers, customers: Customers) -> int:
    """Write texts with their customers: row i says that `customers[i]` has `texts[codes[i]]`. Texts may stand
    several times; how many different ones there are."""
    encoded = texts.dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks() if len(encoded) else pa.array([], pa.string()).dictionary_encode()
    order = pc.sort_indices(encoded.dictionary).to_numpy()
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    grouped, counts = _grouped(rank[encoded.indices.to_numpy()][codes], customers, len(order))
    ordered = encoded.dictionary.take(pa.array(order)).cast(pa.large_string())
    _, offsets, data = ordered.buffers()
    ends = np.frombuffer(offsets, np.int64)[: len(ordered) + 1] if len(ordered) else np.zeros(1, np.int64)
    text = np.frombuffer(data, np.uint8)[: ends[-1]] if data is not None else np.empty(0, np.uint8)
    return _write(folder, name, {"text": text, "ends": _narrow(ends)}, counts, grouped)


def _grouped(
    rank: npt.NDArray[np.int64], customers: Customers, keys: int
) -> tuple[Customers, npt.NDArray[np.int64]]:
    """Customers by rank, rising and each once, and how many each of `keys` ranks has."""
    pairs = (rank.astype(np.uint64) << np.uint64(32)) | customers.astype(np.uint64)
    pairs.sort()
    if len(pairs):
        pairs = pairs[np.concatenate([[True], pairs[1:] != pairs[:-1]])]
    counts = np.bincount((pairs >> np.uint64(32)).astype(np.int64), minlength=keys)
    return (pairs & np.uint64(0xFFFFFFFF)).astype(np.int32), counts


def _write(
    folder: Path, name: str, arrays: dict[str, Any], counts: npt.NDArray[np.int64], customers: Customers
) -> int:
    if len(customers) > len(counts):
        arrays["starts"] = _narrow(np.concatenate([[0], np.cumsum(counts)]))
    for part, array in {**arrays, "customers": customers}.items():
        np.save(folder / f"{name}.{part}.npy", array)
    return len(counts)


def _narrow(places: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    return places.astype(np.uint32) if places[-1] < 2**32 else places


def _mapped(folder: Path, name: str, part: str) -> npt.NDArray[Any]:
    path = folder / f"{name}.{part}.npy"
    array: npt.NDArray[Any] = np.load(path, mmap_mode="r")
    return np.asarray(array)


class _Postings:
    """What both kinds of keys have: the customers of a slice of them."""

    def __init__(self, folder: Path, name: str) -> None:
        self.customers: Customers = _mapped(folder, name, "customers")
        starts = folder / f"{name}.starts.npy"
        self._starts = _mapped(folder, name, "starts") if starts.exists() else None

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
        self._keys: Tokens = _mapped(folder, name, "keys")

    def find(self, token: int) -> Customers:
        """Customers of a digest, rising."""
        at = int(np.searchsorted(self._keys, np.uint64(token)))
        there = at < len(self._keys) and int(self._keys[at]) == token
        return self.of(at, at + 1) if there else NOBODY


class Texts(_Postings, Sequence[bytes]):
    """Customers by text; itself the sorted texts."""

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__(folder, name)
        self._text = _mapped(folder, name, "text")
        self._ends = _mapped(folder, name, "ends")

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
