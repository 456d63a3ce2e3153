"""What a caller hands over, as arrays that the passes take; what cannot be measured is refused here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quanke.kernel.errors import EffectError

Floats = NDArray[np.float64]

WIDEST_CODES = 1 << 20
"""Whole-number codes up to here are used as they are; wider ones are numbered first."""

_NO_NUMBERS = "MmcSUV"
"""NumPy's kinds of dates, durations, complex numbers, texts and records."""


@dataclass(frozen=True, slots=True, eq=False)
class Arms:
    """Who stands where: by customer the arm (1 treated, 0 control), stratum and cluster, both numbered from
    0; `clusters` 0 where customers stand for themselves. `nested`: no cluster has customers of both arms."""

    arm: NDArray[np.uint8]
    stratum: NDArray[np.int32]
    strata: int
    cluster: NDArray[np.int32]
    clusters: int
    nested: bool


def arms(treated: Any, strata: Any = None, cluster: Any = None) -> Arms:
    """Arms, strata and clusters.

    Raises EffectError for empty arms, other lengths, unknown arms and unknown clusters. A stratum that is
    not known is a stratum of its own.
    """
    arm = flags("treated", treated)
    rows = len(arm)
    given = int(arm.sum(dtype=np.int64))
    if given in (0, rows):
        raise EffectError(
            f"nobody is {'in control' if given else 'treated'}: there is nothing to compare",
            f"{'对照组' if given else '实验组'}没有客户：无从比较",
        )
    if strata is None:
        stratum, count = np.zeros(rows, np.int32), 1
    else:
        stratum, count = codes("strata", strata, rows)
    if cluster is None:
        return Arms(arm, stratum, count, np.zeros(0, np.int32), 0, False)
    group, groups = codes("cluster", cluster, rows, known=True)
    held = np.bincount(group, minlength=groups)
    inside = np.bincount(group, weights=arm, minlength=groups)
    there = held > 0
    return Arms(
        arm, stratum, count, group, int(there.sum()), bool(np.all((inside == 0) | (inside == held) | ~there))
    )


def flags(name: str, values: Any) -> NDArray[np.uint8]:
    """A yes or no for each customer, as 1 and 0. Raises EffectError where one is neither."""
    found = numbers(name, values)
    yes = found == 1.0
    odd = int(np.count_nonzero(~yes & (found != 0.0)))
    if odd:
        raise EffectError(f"{name}: must be true or false (1 or 0), and is neither in {odd:,} rows")
    if not len(found):
        raise EffectError(f"{name}: there are no customers")
    found_as_bytes: NDArray[np.uint8] = yes.view(np.uint8)
    return found_as_bytes


def numbers(name: str, values: Any, rows: int | None = None) -> Floats:
    """(n,) float64, NaN where a value is not known. Raises EffectError for infinite values and other
    lengths."""
    found = _array(name, values)
    if found.ndim != 1:
        raise EffectError(f"{name}: one number for each customer is needed, not {found.ndim} dimensions")
    return _checked(name, found, rows)


def table(name: str, values: Any, rows: int) -> Floats:
    """(n, k) float64 of (n,) or (n, k). Raises EffectError as `numbers` does."""
    found = _array(name, values)
    if found.ndim == 1:
        found = found[:, None]
    if found.ndim != 2:
        raise EffectError(f"{name}: (n,) or (n, k) numbers are needed, not {found.ndim} dimensions")
    return _checked(name, found, rows)


def _array(name: str, values: Any) -> Floats:
    try:
        if isinstance(values, pa.Array | pa.ChunkedArray):
            values = _numeric(values).to_numpy(zero_copy_only=False) if len(values) else ()
        elif not hasattr(values, "dtype"):
            values = np.asarray(values)
        # NumPy would take dates for numbers, read texts and drop imaginary parts
        if getattr(getattr(values, "dtype", None), "kind", "O") in _NO_NUMBERS:
            raise TypeError
        found = np.asarray(values, dtype=np.float64)
        # (a scalar stays one: it is refused by its dimensions)
        return np.ascontiguousarray(found) if found.ndim else found
    except (pa.ArrowException, TypeError, ValueError):
        raise EffectError(f"{name}: has values that are not numbers") from None


def _numeric(values: pa.Array | pa.ChunkedArray) -> Any:
    """As float64. Raises TypeError for dates, texts and the like."""
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    asked = (pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    if not any(fits(kind) for fits in (*asked, pa.types.is_null)):
        raise TypeError
    return values.cast(pa.float64())


def _checked(name: str, found: Floats, rows: int | None) -> Floats:
    if rows is not None and len(found) != rows:
        raise EffectError(f"{name}: {len(found):,} rows, but {rows:,} customers are in the arms")
    with np.errstate(over="ignore", invalid="ignore"):
        suspect = not np.isfinite(found.sum())
    if suspect and (infinite := int(np.count_nonzero(np.isinf(found)))):
        raise EffectError(f"{name}: infinite in {infinite:,} rows")
    return found


def codes(name: str, values: Any, rows: int, known: bool = False) -> tuple[NDArray[np.int32], int]:
    """(n,) codes numbered from 0, and how many numbers there may be.

    `values`: whole numbers, texts or an Arrow array. Raises EffectError for other lengths and, with
    `known`, for a code that is not known.
    """
    if isinstance(values, str | bytes | Mapping | Set) or not hasattr(values, "__len__"):
        raise EffectError(f"{name}: one code for each customer is needed, not one value or a set")
    if (dimensions := getattr(values, "ndim", 1)) != 1:
        raise EffectError(f"{name}: one code for each customer is needed, not {dimensions} dimensions")
    if len(values) != rows:
        raise EffectError(f"{name}: {len(values):,} rows, but {rows:,} customers are in the arms")
    if isinstance(values, np.ndarray) and values.dtype.kind in "iu":
        low, high = int(values.min()), int(values.max())
        if low >= 0 and high < min(WIDEST_CODES, max(1_024, rows // 4)):
            return np.ascontiguousarray(values, dtype=np.int32), high + 1
    coded = _encoded(name, values)
    if known and coded.indices.null_count:
        raise EffectError(f"{name}: not known in {coded.indices.null_count:,} rows")
    found = coded.indices.fill_null(len(coded.dictionary)).to_numpy(zero_copy_only=False)
    return found.astype(np.int32), len(coded.dictionary) + (coded.indices.null_count > 0)


def _encoded(name: str, values: Sequence[Any] | NDArray[Any] | pa.Array | pa.ChunkedArray) -> Any:
    """A dictionary array; nulls and NaN have no index."""
    try:
        made = (
            values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values, from_pandas=True)
        )
        if pa.types.is_nested(made.type):
            raise TypeError
        made = made.combine_chunks() if isinstance(made, pa.ChunkedArray) else made
        return made if pa.types.is_dictionary(made.type) else made.dictionary_encode()
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        raise EffectError(f"{name}: codes must be whole numbers or texts, all of one kind") from None


@dataclass(frozen=True, slots=True, eq=False)
class Covariates:
    """(n, k) numbers without gaps; `filled` of them were not known and stand at their mean, each such
    column with an indicator column beside it."""

    values: Floats
    filled: int


def covariates(name: str, values: Any, rows: int) -> Covariates:
    """Numbers from before the first contact. Gaps are filled with the mean of those that are known and
    marked by a column of their own (Gerber and Green 2012, section 4: harmless under randomisation)."""
    if values is None:
        return Covariates(np.zeros((rows, 0)), 0)
    found = table(name, values, rows)
    with np.errstate(over="ignore"):
        whole = bool(np.isfinite(found.sum()))
    if whole:
        return Covariates(found, 0)
    gaps = np.isnan(found)
    known = np.maximum(rows - gaps.sum(axis=0), 1)
    centre = np.where(gaps, 0.0, found).sum(axis=0) / known
    marks = [gaps[:, j] for j in range(found.shape[1]) if 0 < gaps[:, j].sum() < rows]
    full = np.where(gaps, centre, found)
    if marks:
        full = np.column_stack([full, *marks])
    return Covariates(np.ascontiguousarray(full, dtype=np.float64), int(gaps.sum()))
