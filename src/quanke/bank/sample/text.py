"""Arrow strings and decimals built from NumPy digits, and the check characters of identifiers.

The checksums are *made* here, over whole arrays; `quanke.kernel.identifiers` checks them. Rules: domain.md
ID-1 (GB 11643), ID-2, ID-4 (GB 32100), ID-5 (Luhn).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from quanke.bank.sample.draws import Bools, Ints

Digits = NDArray[np.uint8]
"""One row of ASCII bytes per string."""

_ID_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2], dtype=np.int64)
_ID_CHECKS = np.frombuffer(b"10X98765432", dtype=np.uint8)
_USCC_SIGNS = np.frombuffer(b"0123456789ABCDEFGHJKLMNPQRTUWXY", dtype=np.uint8)
_USCC_WEIGHTS = np.array([pow(3, n, 31) for n in range(17)], dtype=np.int64)
_ORG_WEIGHTS = np.array([3, 7, 9, 10, 5, 8, 4, 2], dtype=np.int64)
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


def digits(values: Ints, width: int) -> Digits:
    """Zero-padded decimal digits of non-negative integers as ASCII bytes, shape (n, width)."""
    rest = np.asarray(values, dtype=np.int64)
    found = np.empty((len(rest), width), dtype=np.uint8)
    for place in range(width - 1, -1, -1):
        smaller = rest // 10
        found[:, place] = rest - smaller * 10 + 48
        rest = smaller
    return found


def hexes(words: NDArray[np.uint64], width: int = 16) -> Digits:
    """Hexadecimal digits of 64-bit words as ASCII bytes, shape (n, width)."""
    shifts = np.arange(4 * (width - 1), -1, -4, dtype=np.uint64)
    nibbles = (words[:, None] >> shifts[None, :]) & np.uint64(15)
    return _HEX[nibbles.astype(np.int64)]


def tagged(prefix: str, body: Digits) -> Digits:
    """The same ASCII prefix before every row."""
    head = np.frombuffer(prefix.encode(), dtype=np.uint8)
    return np.hstack([np.broadcast_to(head, (len(body), len(head))), body])


def strings(body: Digits, valid: Bools | None = None) -> pa.StringArray:
    """Rows of bytes, all of one width, as an Arrow string array; `valid` False makes a null."""
    count, width = body.shape
    offsets = np.arange(0, (count + 1) * width, width, dtype=np.int32) if width else np.zeros(count + 1, "i4")
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(body))]
    found = pa.Array.from_buffers(pa.string(), count, buffers)
    return found if valid is None else blank(found, valid)


def blank(values: pa.Array, valid: Bools) -> pa.Array:
    """The same array with nulls where `valid` is False."""
    return pc.if_else(pa.array(valid), values, pa.scalar(None, values.type))


def join(*parts: pa.Array | str) -> pa.StringArray:
    """Strings written one behind the other, element by element."""
    return pc.binary_join_element_wise(*parts, "")


def coded(values: Sequence[str], positions: Ints | NDArray[np.int32], valid: Bools | None = None) -> pa.Array:
    """A dictionary-encoded code column; positions below 0 (or not `valid`) are null."""
    places = np.asarray(positions, dtype=np.int32)
    mask = places < 0 if valid is None else ~valid | (places < 0)
    indices = pa.array(places, mask=mask if mask.any() else None)
    return pa.DictionaryArray.from_arrays(indices, pa.array(values, pa.string()))


def constant(value: str, count: int) -> pa.Array:
    """A code column of one value."""
    return coded([value], np.zeros(count, dtype=np.int32))


def packed(values: pa.StringArray, positions: Ints | NDArray[np.int32]) -> pa.Array:
    """`values.take(positions)`, dictionary-encoded with only the values that occur; below 0 is null."""
    places = np.asarray(positions, dtype=np.int64)
    used = np.zeros(len(values) + 1, dtype=np.bool_)
    used[places] = True
    used[-1] = False
    rank = np.cumsum(used, dtype=np.int32) - 1
    indices = pa.array(rank[places], mask=places < 0)
    return pa.DictionaryArray.from_arrays(indices, values.take(pa.array(np.flatnonzero(used))))


def decimals(scaled: Ints, valid: Bools | None = None) -> pa.Array:
    """Millionths as DECIMAL(18,6)."""
    pairs = np.empty((len(scaled), 2), dtype=np.int64)
    pairs[:, 0] = scaled
    pairs[:, 1] = np.asarray(scaled) >> 63
    found = pa.Array.from_buffers(pa.decimal128(18, 6), len(pairs), [None, pa.py_buffer(pairs)])
    return found if valid is None else blank(found, valid)


def dates(days: Ints, valid: Bools | None = None) -> pa.Array:
    """Days since 1970-01-01 as dates."""
    found = pa.array(np.asarray(days, dtype=np.int32)).view(pa.date32())
    return found if valid is None else blank(found, valid)


def instants(seconds: Ints, valid: Bools | None = None) -> pa.Array:
    """Seconds since 1970-01-01 local as timestamps in milliseconds."""
    found = pa.array(np.asarray(seconds, dtype=np.int64) * 1000).view(pa.timestamp("ms"))
    return found if valid is None else blank(found, valid)


def year_month_day(days: Ints) -> Ints:
    """Days since 1970-01-01 as integers YYYYMMDD."""
    moment = np.asarray(days, dtype="datetime64[D]")
    months = moment.astype("datetime64[M]").astype(np.int64)
    day = (moment - moment.astype("datetime64[M]")).astype(np.int64) + 1
    found: Ints = (months // 12 + 1970) * 10_000 + (months % 12 + 1) * 100 + day
    return found


def id_numbers(first_17: Digits) -> Digits:
    """18 characters with the check character of GB 11643 (MOD 11-2)."""
    totals = (first_17.astype(np.int64) - 48) @ _ID_WEIGHTS
    return np.hstack([first_17, _ID_CHECKS[totals % 11][:, None]])


def uscc(kind: Digits, region: Ints, serial: Ints) -> Digits:
    """Unified social credit codes, 18 characters: two of `kind`, six of region, nine of organisation code.

    Both checks hold: the organisation code's own and that of GB 32100.
    """
    body = digits(serial, 8)
    rest = 11 - ((body.astype(np.int64) - 48) @ _ORG_WEIGHTS) % 11
    own = np.where(rest == 10, ord("X"), np.where(rest == 11, ord("0"), rest + 48)).astype(np.uint8)
    first = np.hstack([kind, digits(region, 6), body, own[:, None]])
    value_of = np.zeros(128, dtype=np.int64)
    value_of[_USCC_SIGNS] = np.arange(31)
    check = (31 - (value_of[first] @ _USCC_WEIGHTS) % 31) % 31
    return np.hstack([first, _USCC_SIGNS[check][:, None]])


def account_numbers(serial: Ints, prefix: str = "400002") -> Digits:
    """19-digit account numbers that never pass Luhn, as real account numbers need not (ID-5)."""
    body = tagged(prefix, digits(serial, 18 - len(prefix)))
    values = body.astype(np.int64) - 48
    doubled = values[:, ::-1][:, 0::2] * 2
    total = (doubled - 9 * (doubled > 9)).sum(axis=1) + values[:, ::-1][:, 1::2].sum(axis=1)
    luhn = (10 - total % 10) % 10
    last = (luhn + 1 + np.asarray(serial, dtype=np.int64) % 9) % 10 + 48
    return np.hstack([body, last.astype(np.uint8)[:, None]])


def scattered(serial: Ints, modulus: int, factor: int) -> Ints:
    """A one-to-one scattering of serial numbers below a prime modulus (`serial * factor mod modulus`)."""
    if int(np.max(serial, initial=0)) >= modulus:
        raise ValueError("serial numbers reach the modulus; numbers would repeat")
    return (np.asarray(serial, dtype=np.int64) * factor) % modulus
