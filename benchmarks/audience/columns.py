"""A bank's tags made of nothing: flags, two categories, numbers of 7 to 31 bits, an amount and a day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from quanke.language.nodes import Grain, Reference
from quanke.language.types import BOOLEAN, DATE, INTEGER, MONEY, TEXT, Kind, Type

FLAGS = tuple(f"flag_{n:02d}" for n in range(20))
CATEGORIES = {"city": 300, "branch": 1_500}
BITS = {"visits": 7, "points": 12, "distance": 17, "spend": 24, "device": 31}
NUMBERS = (*BITS, "aum", "opened_on")
FIRST_DAY = np.datetime64("1990-01-01", "D")
DAYS = 13_300

TYPES: dict[str, Type] = {
    **dict.fromkeys(FLAGS, BOOLEAN),
    **dict.fromkeys(CATEGORIES, TEXT),
    **dict.fromkeys(BITS, INTEGER),
    "aum": MONEY,
    "opened_on": DATE,
}
REFERENCES = {name: Reference(name, of, Grain.CUSTOMER) for name, of in TYPES.items()}


@dataclass(frozen=True)
class Base:
    """The columns as NumPy arrays (categories as places in `texts`) and as one Arrow table with `customer`.
    One amount in fifty and one day in a hundred is unknown: `known` says which are not."""

    arrays: dict[str, npt.NDArray[np.generic]]
    known: dict[str, npt.NDArray[np.bool_]]
    texts: dict[str, list[str]]
    table: pa.Table


def made(rows: int, seed: int) -> Base:
    """The same customers for the same seed."""
    draw = np.random.default_rng(seed)
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    known: dict[str, npt.NDArray[np.bool_]] = {}
    texts: dict[str, list[str]] = {}
    for name, share in zip(FLAGS, draw.uniform(0.02, 0.7, len(FLAGS)), strict=True):
        arrays[name] = draw.random(rows, np.float32) < share
    for name, count in CATEGORIES.items():
        weights = 1 / (10 + np.arange(count))
        codes = np.searchsorted(np.cumsum(weights / weights.sum()), draw.random(rows)).clip(0, count - 1)
        texts[name] = [f"{name}-{n:04d}" for n in range(count)]
        arrays[name] = draw.permutation(count).astype(np.int16)[codes]
    for name, bits in BITS.items():
        arrays[name] = draw.integers(0, 2**bits, rows, dtype=np.int64)
    arrays["aum"] = np.where(
        draw.random(rows) < 0.15, 0, draw.lognormal(12.5, 2.2, rows).clip(0, 2e13)
    ).astype(np.int64)
    known["aum"] = draw.random(rows) > 0.02
    arrays["opened_on"] = FIRST_DAY + draw.integers(0, DAYS, rows)
    known["opened_on"] = draw.random(rows) > 0.01
    return Base(arrays, known, texts, _table(rows, arrays, known, texts))


def _table(
    rows: int,
    arrays: dict[str, npt.NDArray[np.generic]],
    known: dict[str, npt.NDArray[np.bool_]],
    texts: dict[str, list[str]],
) -> pa.Table:
    columns = {"customer": pa.array(np.arange(rows, dtype=np.int32))}
    for name, of in TYPES.items():
        values = arrays[name]
        if of.kind is Kind.TEXT:
            coded = pa.DictionaryArray.from_arrays(pa.array(values), pa.array(texts[name]))
            columns[name] = coded.cast(pa.string())
        else:
            if of.kind is Kind.DATE:
                values = values.astype("datetime64[D]")
            columns[name] = pa.array(values, mask=~known[name] if name in known else None)
    return pa.table(columns)
