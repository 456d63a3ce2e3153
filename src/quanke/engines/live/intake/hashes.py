"""64-bit hashes of texts, a column at a time: what the number index and the set of seen events compare.

The function is our own, so that a hash written today means the same after every upgrade. It is no protection
against somebody who looks for collisions; where a collision would matter the caller says what happens then.
"""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Hashes = npt.NDArray[np.uint64]

_PRIME = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)
_FINISH = np.uint64(0x94D049BB133111EB)
_NULL = np.uint64(0x2545F4914F6CDD1D)
_WORD = 8


def mixed(values: Hashes) -> Hashes:
    """Each value stirred so that close inputs lie far apart (the finish of SplitMix64)."""
    values = values ^ (values >> np.uint64(30))
    values = values * _MIX
    values = values ^ (values >> np.uint64(27))
    values = values * _FINISH
    return values ^ (values >> np.uint64(31))


def text_hashes(texts: pa.Array | pa.ChunkedArray) -> Hashes:
    """A hash of each text's UTF-8 bytes; nulls have one of their own. Shape (rows,)."""
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks() if texts.num_chunks != 1 else texts.chunk(0)
    if texts.type != pa.string():
        texts = texts.cast(pa.string())
    rows = len(texts)
    _, offsets_buffer, data_buffer = texts.buffers()
    if rows == 0:
        return np.empty(0, np.uint64)
    offsets = np.frombuffer(offsets_buffer, np.int32, rows + 1, texts.offset * 4).astype(np.int64)
    lengths = np.diff(offsets)
    low, high = int(offsets[0]), int(offsets[-1])
    data = np.zeros(high - low + _WORD, np.uint8)
    if data_buffer is not None and high > low:
        data[: high - low] = np.frombuffer(data_buffer, np.uint8, high - low, low)
    found = _hashed(data, offsets[:-1] - low, lengths)
    if texts.null_count:
        found[np.asarray(texts.is_null())] = _NULL
    return found


def _hashed(
    data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]
) -> Hashes:
    """Hashes of the pieces of `data`, which has eight bytes to spare at its end: a word of each at a time."""
    found = mixed(lengths.astype(np.uint64) + _PRIME)
    # Eight overlapping views make every byte the start of a word without copying.
    views = [
        data[shift : shift + (len(data) - shift) // _WORD * _WORD].view(np.uint64) for shift in range(_WORD)
    ]
    rows: npt.NDArray[np.int64] | None = None
    for at in range(0, int(lengths.max(initial=0)), _WORD):
        if at:
            rows = np.flatnonzero(lengths > at)
        begin = starts + at if rows is None else starts[rows] + at
        left = lengths if rows is None else lengths[rows] - at
        words = np.empty(len(begin), np.uint64)
        shift = begin & 7
        for view in range(_WORD):
            here = np.flatnonzero(shift == view)
            if len(here):
                words[here] = views[view][begin[here] >> 3]
        words &= _MASKS[np.minimum(left, _WORD)]
        if rows is None:
            found = mixed(found * _PRIME ^ words)
        else:
            found[rows] = mixed(found[rows] * _PRIME ^ words)
    return found


_MASKS = np.array([0, *((1 << (8 * n)) - 1 for n in range(1, 9))], np.uint64)


def salted(hashes: Hashes, salt: str) -> Hashes:
    """The hashes as they are under a name: equal texts in different columns or tables then differ."""
    return mixed(hashes ^ np.uint64(zlib.crc32(salt.encode()) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF))


def row_hashes(table: pa.Table, names: list[str]) -> Hashes:
    """A hash of each row over the named text columns; a null adds nothing, so an absent column is as null."""
    total = np.zeros(table.num_rows, np.uint64)
    for name in names:
        if table[name].null_count == table.num_rows:
            continue
        hashed = salted(text_hashes(table[name]), name)
        null = table[name].is_null()
        hashed[np.asarray(null)] = 0
        total += hashed
    return mixed(total)
