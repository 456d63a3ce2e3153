"""Building columns of the index from a night's profile. Equal values give equal bytes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from quanke.language.types import Kind
from quanke.segments.index.columns import (
    BUCKETS,
    CODE_TYPES,
    EXACT,
    IndexColumn,
    blocks_of,
    ordered,
    words_of,
)
from quanke.segments.index.kernels import BLOCK, WORDS, pack

FEW_PLANES = 4
"""Up to so many planes, a customer's code is read from them."""
MOST_TEXTS = 2_000_000
_SAMPLE = 2**17
_QUANTILES = BUCKETS - 8


@dataclass(frozen=True)
class Coded:
    """A column as codes."""

    codes: npt.NDArray[Any]
    base: int
    size: int
    null: int | None
    texts: pa.Array | None = None


def words_from(flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint64]:
    """Words of one flag for each customer, up to the end of the last block."""
    words = np.zeros(words_of(len(flags)), np.uint64)
    packed = np.packbits(flags, bitorder="little")
    words.view(np.uint8)[: len(packed)] = packed
    return words


def coded(values: pa.ChunkedArray, kind: Kind, there: npt.NDArray[np.bool_]) -> Coded | None:
    """The column as codes, in the smallest type that holds them, up to the end of the last block.

    None where it cannot be one: more different texts than MOST_TEXTS, whole numbers further apart than 64
    bits, floating-point values that are not numbers.
    """
    valid = _valid(values)
    known = there if valid is None else there & valid
    absent = valid is not None and bool((there & ~valid).any())
    everybody = bool(known.all())
    texts: pa.Array | None = None
    ordinals: npt.NDArray[Any]
    if kind is Kind.TEXT:
        found = _text_codes(values)
        if found is None:
            return None
        ordinals, texts = found
        low, high = 0, len(texts) - 1
    elif kind is Kind.BOOLEAN:
        ordinals, low, high = pc.fill_null(values, False).to_numpy().view(np.uint8), 0, 1
    else:
        ordinals = _ordinals(values, kind)
        if kind is Kind.NUMBER:
            if np.isnan(ordinals if everybody else ordinals[known]).any():
                return None
            ordinals = ordered(ordinals)
        seen = ordinals if everybody else ordinals[known]
        low, high = (int(seen.min()), int(seen.max())) if len(seen) else (0, -1)
    size = max(high - low + 1 + absent, 1)
    if size > 2**64:
        return None
    return Coded(*_narrowed(ordinals, None if everybody else known, low, size, absent), texts)


def _narrowed(
    ordinals: npt.NDArray[Any], known: npt.NDArray[np.bool_] | None, low: int, size: int, absent: bool
) -> tuple[npt.NDArray[Any], int, int, int | None]:
    width = next(w for w in CODE_TYPES if size <= 256**w)
    null = size - 1 if absent else None
    codes = np.zeros(blocks_of(len(ordinals)) * BLOCK, CODE_TYPES[width])
    shifted = ordinals
    if low:
        with np.errstate(over="ignore"):
            shifted = (ordinals.astype(np.int64, copy=False) - np.int64(low)).view(np.uint64)
    place = codes[: len(ordinals)]
    np.copyto(place, shifted, casting="unsafe")
    if known is not None:
        place[~known] = null or 0
    return codes, low, size, null


def _valid(values: pa.ChunkedArray) -> npt.NDArray[np.bool_] | None:
    if not values.null_count:
        return None
    found: npt.NDArray[np.bool_] = pc.is_valid(values).to_numpy()
    return found


def _ordinals(values: pa.ChunkedArray, kind: Kind) -> npt.NDArray[Any]:
    """Whole numbers in the order of the values (floating-point ones as they are); anything where unknown."""
    if not len(values):
        return np.zeros(0, np.float64 if kind is Kind.NUMBER else np.int64)
    if kind is Kind.RATE:
        return np.concatenate([_millionths(chunk) for chunk in values.chunks])
    wanted = {Kind.NUMBER: pa.float64(), Kind.DATE: pa.int32()}.get(kind, pa.int64())
    filled = values
    if kind is Kind.INSTANT:
        filled = filled.cast(pa.timestamp("us"))
    return np.concatenate([_plain(chunk, wanted) for chunk in filled.chunks])


def _plain(chunk: pa.Array, wanted: pa.DataType) -> npt.NDArray[Any]:
    """The numbers of a chunk without looking at which are known."""
    if chunk.type != wanted:
        chunk = chunk.view(wanted) if chunk.type.bit_width == wanted.bit_width else chunk.cast(wanted)
    data = chunk.buffers()[1]
    return np.frombuffer(data, wanted.to_pandas_dtype(), len(chunk), chunk.offset * wanted.bit_width // 8)


def _millionths(chunk: pa.Array) -> npt.NDArray[np.int64]:
    if not pa.types.is_decimal(chunk.type):
        return _plain(chunk, pa.int64())
    halves = np.frombuffer(chunk.buffers()[1], np.int64, 2 * len(chunk), chunk.offset * 16)
    return halves[::2]


def _text_codes(values: pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], pa.Array] | None:
    encoded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
    encoded = encoded.unify_dictionaries()
    if not encoded.num_chunks or not len(encoded.chunk(0).dictionary):
        return np.zeros(len(values), np.int64), pa.array([], pa.string())
    texts = encoded.chunk(0).dictionary.cast(pa.string())
    if len(texts) > MOST_TEXTS:
        return None
    order = pc.sort_indices(texts)
    rank = np.empty(len(texts), np.int64)
    rank[order.to_numpy()] = np.arange(len(texts))
    places = [pc.fill_null(c.indices, 0).to_numpy(zero_copy_only=False) for c in encoded.chunks]
    return rank[np.concatenate(places)], texts.take(order)


def edges_of(made: Coded, rows: int) -> tuple[int, ...]:
    """First codes of the buckets, or nothing where each code is one."""
    if made.size <= EXACT:
        return ()
    sample = np.sort(made.codes[: rows : max(1, rows // _SAMPLE)])
    taken = sample[np.linspace(0, len(sample) - 1, _QUANTILES).astype(np.int64)]
    often = taken[1:][taken[1:] == taken[:-1]]
    cut = {0, *taken.tolist(), *(int(c) + 1 for c in np.unique(often))}
    if made.null is not None:
        cut.add(made.null)
    return tuple(sorted(c for c in cut if c < made.size))


def build_column(
    name: str,
    values: pa.ChunkedArray,
    kind: Kind,
    there: npt.NDArray[np.bool_],
    words: npt.NDArray[np.uint64],
    folder: Path,
    earlier: tuple[Path, Mapping[str, Any]] | None = None,
) -> dict[str, Any] | None:
    """Write one column into a folder and return its entry in the index, or None where it cannot be indexed.

    `there`: who exists, and `words` the same as words. `earlier`: folder and entry of the same column in an
    earlier index: where the values are the same, its files are linked instead of written again.
    """
    made = coded(values, kind, there)
    if made is None:
        return None
    rows = len(there)
    digest = _digest(made, kind, words)
    same = earlier is not None and earlier[1]["digest"] == digest and earlier[1]["rows"] == rows
    if same and earlier is not None and _linked(name, *earlier, folder):
        return {**earlier[1]}
    edges = edges_of(made, rows)
    buckets = len(edges) or made.size
    planes = max(1, (buckets - 1).bit_length())
    kept = bool(edges) or planes > FEW_PLANES
    packed, counts = _packed(made, rows, edges, planes, words)
    _write(folder / f"{name}.planes", packed)
    if kept:
        _write(folder / f"{name}.codes", made.codes)
    if made.texts is not None:
        table = pa.table({"value": made.texts})
        path = str(folder / f"{name}.values.arrow")
        with pa.OSFile(path, "wb") as out, pa.ipc.new_file(out, table.schema) as writer:
            writer.write_table(table)
    return {
        "kind": str(kind),
        "rows": rows,
        "base": made.base,
        "size": made.size,
        "null": made.null,
        "width": made.codes.itemsize if kept else 0,
        "planes": planes,
        "edges": list(edges),
        "counts": counts,
        "digest": digest,
    }


def _packed(
    made: Coded, rows: int, edges: tuple[int, ...], planes: int, words: npt.NDArray[np.uint64]
) -> tuple[npt.NDArray[np.uint64], list[int]]:
    blocks = blocks_of(rows)
    out = np.empty(blocks * planes * WORDS, np.uint64)
    counts = np.zeros(len(edges) or made.size, np.int64)
    limits = np.array(edges, np.uint64)
    pack(
        made.codes.ctypes.data, made.codes.itemsize, rows, limits, planes, 0, blocks, out.ctypes.data, counts,
        words.ctypes.data,
    )  # fmt: skip
    return out, counts.tolist()


def _digest(made: Coded, kind: Kind, words: npt.NDArray[np.uint64]) -> str:
    state = hashlib.sha256(f"1 {kind} {made.base} {made.size} {made.null} {made.codes.dtype}".encode())
    state.update(made.codes.data)
    state.update(words.data)
    for text in made.texts or ():
        state.update(text.as_py().encode() + b"\0")
    return state.hexdigest()


def _write(path: Path, array: npt.NDArray[Any]) -> None:
    with path.open("wb") as out:
        out.write(array.data)


def _linked(name: str, before: Path, entry: Mapping[str, Any], folder: Path) -> bool:
    """Give the files of an earlier column a second name here. False where one is gone."""
    endings = [".planes"] + [".codes"] * bool(entry["width"])
    endings += [".values.arrow"] * (entry["kind"] == str(Kind.TEXT))
    sources = [before / f"{name}{ending}" for ending in endings]
    if not all(source.exists() for source in sources):
        return False
    for source in sources:
        target = folder / source.name
        target.unlink(missing_ok=True)
        try:
            os.link(source, target)
        except OSError:  # another file system, or one without links
            target.write_bytes(source.read_bytes())
    return True


def opened_column(name: str, entry: Mapping[str, Any], folder: Path) -> IndexColumn:
    """The column that an entry describes."""
    return IndexColumn(
        name=name,
        kind=Kind(entry["kind"]),
        folder=folder,
        rows=entry["rows"],
        base=entry["base"],
        size=entry["size"],
        null=entry["null"],
        width=entry["width"],
        planes=entry["planes"],
        edges=tuple(entry["edges"]),
        counts=tuple(entry["counts"]),
    )


def workers() -> ThreadPoolExecutor:
    """Threads for a job that holds both cores."""
    return ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1))
