"""The identifier checks over whole columns: Arrow string arrays in, NumPy booleans or Arrow strings out.

Every function answers exactly as its scalar sibling does (tests/kernel compares them on random texts), at
a million rows a second or more. Arrays may be `string`, `large_string` or dictionary-encoded, chunked or
not. A null is valid: an absent value breaks no rule of form, whether it may be absent is for the
contract.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from quanke.kernel.identifiers import card, organisation, phone, resident, travel
from quanke.kernel.identifiers.document import LONGEST_FREE_NUMBER
from quanke.kernel.identifiers.names import name_match
from quanke.kernel.identifiers.organisation_names import match_organisation_name
from quanke.kernel.identifiers.texts import BLANKS
from quanke.kernel.money import currency_exponents

Strings: TypeAlias = pa.Array | pa.ChunkedArray
Booleans: TypeAlias = npt.NDArray[np.bool_]
_Bytes: TypeAlias = npt.NDArray[np.uint8]
_Ints: TypeAlias = npt.NDArray[np.int64]
_Digits: TypeAlias = npt.NDArray[np.int32]

_ROWS_PER_BLOCK = 32_768

_DAYS_IN_MONTH = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.int32)
_RESIDENT_WEIGHTS = np.array(resident.WEIGHTS, dtype=np.int32)
_USCC_WEIGHTS = np.array(organisation.WEIGHTS, dtype=np.int32)
_ORGANISATION_WEIGHTS = np.array(organisation.ORGANISATION_WEIGHTS, dtype=np.int32)
_HAN_ONLY = r"\A[\x{4E00}-\x{9FFF}]+\z"
_HAN_AND_BRACKETS = r"\A[\x{4E00}-\x{9FFF}()]+\z"
_CONTROL = r"[\x00-\x1f\x7f]"


def valid_id_numbers(id_types: Strings, numbers: Strings, on: date | None = None) -> Booleans:
    """`check_id_number(...) is None` for each row. `on` is the business date birth dates are held against."""
    day = on or resident.today()
    return _in_blocks(lambda types, texts: _valid_id_numbers(types, texts, day), id_types, numbers)


def match_id_numbers(id_types: Strings, numbers: Strings) -> pa.Array:
    """`match_id_number(...)` for each row: the number for EXACT linking, null without type or number."""
    types, texts = _types(id_types), _upper_trimmed(numbers)
    for id_type, rows in types.items():
        if id_type is None:
            texts = pc.if_else(pa.array(_mask(rows, len(texts))), pa.scalar(None, pa.string()), texts)
        elif id_type in _KEYS:
            key = _KEYS[id_type]
            changed = key(texts.take(pa.array(rows)))
            texts = pc.replace_with_mask(texts, pa.array(_mask(rows, len(texts))), changed)
    return texts


def valid_usccs(codes: Strings) -> Booleans:
    """`check_uscc(...) is None` for each row."""
    return _in_blocks(_valid_usccs, codes)


def valid_mobiles(numbers: Strings) -> Booleans:
    """`check_mobile(...) is None` for each row."""
    bare = _without_blanks(numbers)
    pattern = rf"\A{phone.PREFIX_PATTERN}{phone.PERSONAL_PATTERN}\z"
    return _matches(bare, pattern) | _is_null(bare)


def valid_card_numbers(numbers: Strings, own_bank: bool = False) -> Booleans:
    """`check_card_number(...) is None` for each row."""
    return _in_blocks(lambda texts: _valid_card_numbers(texts, own_bank), numbers)


def valid_currencies(codes: Strings) -> Booleans:
    """Whether each row is an ISO 4217 code, as `minor_unit_exponent` knows them."""
    texts = _strings(codes)
    known = pc.is_in(texts, value_set=pa.array(sorted(currency_exponents()), pa.string()))
    return np.asarray(known.to_numpy(zero_copy_only=False), dtype=np.bool_) | _is_null(texts)


def match_names(names: Strings) -> pa.Array:
    """`name_match(...)` for each row; names of plain Han characters are their own match."""
    return _matched(names, _HAN_ONLY, name_match)


def match_organisation_names(names: Strings) -> pa.Array:
    """`match_organisation_name(...)` for each row; plain Han characters and brackets are their own match."""
    return _matched(names, _HAN_AND_BRACKETS, match_organisation_name)


# The rest is how: columns of texts as matrices of bytes, one row per text of the wanted length.


def _in_blocks(check: Callable[..., Booleans], *columns: Strings) -> Booleans:
    """`check` over blocks of rows that fit the processor's cache, which is faster and bounds memory."""
    size = len(columns[0])
    starts = range(0, size, _ROWS_PER_BLOCK)
    blocks = [check(*(column.slice(start, _ROWS_PER_BLOCK) for column in columns)) for start in starts]
    return np.concatenate(blocks) if blocks else np.empty(0, np.bool_)


def _matched(names: Strings, own_match: str, match: Callable[[str], str]) -> pa.Array:
    """`match` of each row; rows of the pattern `own_match` as they are, equal texts looked at once."""
    texts = _strings(names)
    plain = _matches(texts, own_match) | _is_null(texts)
    if plain.all():
        return texts
    others = texts.filter(pa.array(~plain)).dictionary_encode()
    matched = pa.array([match(name) for name in others.dictionary.to_pylist()], pa.string())
    return pc.replace_with_mask(texts, pa.array(~plain), matched.take(others.indices))


def _strings(column: Strings) -> pa.Array:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array if array.type == pa.string() else array.cast(pa.string())


def _upper_trimmed(column: Strings) -> pa.Array:
    return pc.ascii_upper(pc.utf8_trim(_strings(column), characters=BLANKS))


def _without_blanks(column: Strings) -> pa.Array:
    texts = pc.utf8_trim(_strings(column), characters=BLANKS)
    for blank in (" ", "\u00a0", "\u3000"):
        if pc.any(pc.match_substring(texts, blank)).as_py():
            texts = pc.replace_substring(texts, blank, "")
    return texts


def _types(id_types: Strings) -> dict[str | None, _Ints]:
    """Rows of each type, by type; rows without one under None."""
    encoded = _strings(id_types).dictionary_encode()
    codes = encoded.indices.cast(pa.int64()).fill_null(-1).to_numpy()
    found: dict[str | None, _Ints] = {}
    for code, name in enumerate([*encoded.dictionary.to_pylist(), None]):
        rows = np.flatnonzero(codes == (code if name is not None else -1))
        if len(rows):
            found[name] = rows
    return found


def _is_null(texts: pa.Array) -> Booleans:
    return np.asarray(texts.is_null().to_numpy(zero_copy_only=False), dtype=np.bool_)


def _matches(texts: pa.Array, pattern: str) -> Booleans:
    hits = pc.match_substring_regex(texts, pattern).fill_null(False)
    return np.asarray(hits.to_numpy(zero_copy_only=False), dtype=np.bool_)


def _mask(rows: _Ints, size: int) -> Booleans:
    mask = np.zeros(size, dtype=np.bool_)
    mask[rows] = True
    return mask


def _of_length(texts: pa.Array, length: int) -> tuple[_Ints, _Bytes]:
    """Rows whose text has `length` bytes, and those bytes as a matrix.

    Texts beyond ASCII may be among them: their bytes fail every rule.
    """
    _, offsets_buffer, data_buffer = texts.buffers()
    if len(texts) == 0 or data_buffer is None:
        return np.empty(0, np.int64), np.empty((0, length), np.uint8)
    offsets = np.frombuffer(offsets_buffer, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(data_buffer, np.uint8)
    rows = np.flatnonzero((np.diff(offsets) == length) & ~_is_null(texts))
    if len(rows) == len(texts):
        return rows, data[offsets[0] : offsets[-1]].reshape(len(rows), length)
    starts = offsets[rows].astype(np.int64)
    return rows, data[starts[:, None] + np.arange(length)]


def _characters(text: str) -> _Bytes:
    return np.frombuffer(text.encode("ascii"), np.uint8)


def _values(alphabet: str) -> _Digits:
    table = np.full(256, -1, np.int32)
    table[_characters(alphabet)] = np.arange(len(alphabet))
    return table


_USCC_VALUES = _values(organisation.ALPHABET)
_BASE_36 = _values("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def _is_digit(matrix: _Bytes) -> Booleans:
    return (matrix >= ord("0")) & (matrix <= ord("9"))


def _digits(matrix: _Bytes) -> _Digits:
    return np.subtract(matrix, ord("0"), dtype=np.int32)


def _all(matrix: Booleans) -> Booleans:
    """Whether all of each row holds."""
    return np.asarray(matrix.all(axis=1), dtype=np.bool_)


def _number(digits: _Digits) -> _Digits:
    """The number that each row of digits writes."""
    number: _Digits = digits @ (10 ** np.arange(digits.shape[1] - 1, -1, -1, dtype=np.int32))
    return number


def _check_characters(digits: _Digits) -> _Bytes:
    total: _Digits = digits[:, :17] @ _RESIDENT_WEIGHTS
    return _characters(resident.CHECK_CHARACTERS)[total % 11]


def _dates_exist(years: _Digits, months: _Digits, days: _Digits) -> Booleans:
    leap = (years % 4 == 0) & ((years % 100 != 0) | (years % 400 == 0))
    in_year = (months >= 1) & (months <= 12)
    last = _DAYS_IN_MONTH[np.where(in_year, months, 0)] + (leap & (months == 2))
    exist: Booleans = in_year & (days >= 1) & (days <= last)
    return exist


def _births_exist(digits: _Digits, on: date) -> Booleans:
    """Whether rows of eight digits are dates from the earliest birth year up to `on`."""
    births = _number(digits)
    years, months, days = births // 10_000, births // 100 % 100, births % 100
    latest = on.year * 10_000 + on.month * 100 + on.day
    in_range: Booleans = (years >= resident.EARLIEST_BIRTH_YEAR) & (births <= latest)
    return _dates_exist(years, months, days) & in_range


def _gb_11643(matrix: _Bytes, on: date) -> Booleans:
    digits = _digits(matrix)
    well_formed = _all(_is_digit(matrix[:, :17]))
    births_exist = _births_exist(np.where(well_formed[:, None], digits[:, 6:14], 0), on)
    checked: Booleans = _check_characters(digits) == matrix[:, 17]
    return well_formed & births_exist & checked


def _valid_id_numbers(id_types: Strings, numbers: Strings, on: date) -> Booleans:
    types, texts = _types(id_types), _upper_trimmed(numbers)
    valid = np.ones(len(texts), dtype=np.bool_)
    for id_type, rows in types.items():
        some = texts if len(rows) == len(texts) else texts.take(pa.array(rows))
        valid[rows] = _CHECKS.get(id_type or "", _free_numbers)(some, on)
    return valid | _is_null(texts)


def _valid_usccs(codes: Strings) -> Booleans:
    texts = _upper_trimmed(codes)
    valid = _is_null(texts)
    rows, matrix = _of_length(texts, 18)
    values = _USCC_VALUES[matrix]
    well_formed = _all(values >= 0) & _all(_is_digit(matrix[:, 2:8]))
    total = values[:, :17] @ _USCC_WEIGHTS
    own_total = _BASE_36[matrix[:, 8:16]] @ _ORGANISATION_WEIGHTS
    own_check = _characters(organisation.ORGANISATION_CHECK_CHARACTERS)[own_total % 11]
    valid[rows] = well_formed & ((31 - total % 31) % 31 == values[:, 17]) & (own_check == matrix[:, 16])
    return valid


def _valid_card_numbers(numbers: Strings, own_bank: bool) -> Booleans:
    texts = _without_blanks(numbers)
    valid = _is_null(texts)
    for length in range(card.SHORTEST, card.LONGEST + 1):
        rows, matrix = _of_length(texts, length)
        digits = _digits(matrix)
        doubled = digits[:, -2::-2] * 2
        total = digits[:, ::-2].sum(axis=1) + (doubled - 9 * (doubled > 9)).sum(axis=1)
        valid[rows] = _all(_is_digit(matrix)) & (own_bank | (total % 10 == 0))
    return valid


def _resident_ids(texts: pa.Array, on: date) -> Booleans:
    texts = _resident_keys(texts)
    valid = np.zeros(len(texts), dtype=np.bool_)
    rows, matrix = _of_length(texts, 18)
    known = np.zeros(256 * 256, dtype=np.bool_)
    for province in resident.PROVINCES:
        tens, ones = divmod(province, 10)
        known[(tens + 48) * 256 + ones + 48] = True
    provinces = matrix[:, 0].astype(np.int64) * 256 + matrix[:, 1]
    valid[rows] = _gb_11643(matrix, on) & known[provinces]
    return valid


def _residence_permits(texts: pa.Array, on: date) -> Booleans:
    valid = np.zeros(len(texts), dtype=np.bool_)
    rows, matrix = _of_length(texts, 18)
    regions = [_all(matrix[:, :6] == _characters(region)) for region in resident.PERMIT_REGIONS]
    valid[rows] = _gb_11643(matrix, on) & np.logical_or.reduce(regions)
    return valid


def _permanent_resident_ids(texts: pa.Array, on: date) -> Booleans:
    valid = np.zeros(len(texts), dtype=np.bool_)
    rows, matrix = _of_length(texts, 18)
    valid[rows] = _gb_11643(matrix, on) & (matrix[:, 0] == ord("9"))
    rows, matrix = _of_length(texts, 15)
    letters = (matrix[:, :3] >= ord("A")) & (matrix[:, :3] <= ord("Z"))
    well_formed = _all(letters) & _all(_is_digit(matrix[:, 3:]))
    digits = np.where(well_formed[:, None], _digits(matrix), 0)
    some_leap_year = np.full(len(rows), 2000, np.int32)
    days_exist = _dates_exist(some_leap_year, _number(digits[:, 9:11]), _number(digits[:, 11:13]))
    valid[rows] = well_formed & days_exist
    return valid


def _free_numbers(texts: pa.Array, on: date) -> Booleans:
    lengths = pc.utf8_length(texts).fill_null(0).to_numpy(zero_copy_only=False)
    fits: Booleans = (lengths > 0) & (lengths <= LONGEST_FREE_NUMBER)
    return fits & ~_matches(texts, _CONTROL)


def _by_pattern(pattern: str) -> Callable[[pa.Array, date], Booleans]:
    return lambda texts, on: _matches(texts, rf"\A(?:{pattern})\z")


def _resident_keys(texts: pa.Array) -> pa.Array:
    """15 digits in their 18 characters, others as they are."""
    rows, matrix = _of_length(texts, 15)
    keep = _all(_is_digit(matrix))
    rows, matrix = rows[keep], matrix[keep]
    if not len(rows):
        return texts
    longer = np.empty((len(rows), 18), np.uint8)
    longer[:, :6], longer[:, 6:8], longer[:, 8:17] = matrix[:, :6], _characters("19"), matrix[:, 6:]
    longer[:, 17] = _check_characters(_digits(longer))
    offsets = np.arange(0, 18 * len(rows) + 1, 18, dtype=np.int32)
    texts_18 = pa.StringArray.from_buffers(len(rows), pa.py_buffer(offsets), pa.py_buffer(longer.tobytes()))
    return pc.replace_with_mask(texts, pa.array(_mask(rows, len(texts))), texts_18)


def _first(length: int) -> Callable[[pa.Array], pa.Array]:
    return lambda texts: pc.utf8_slice_codeunits(texts, 0, length)


_CHECKS: dict[str, Callable[[pa.Array, date], Booleans]] = {
    "resident_id": _resident_ids,
    "household_register": _resident_ids,
    "residence_permit_hmt": _residence_permits,
    "permanent_resident_id": _permanent_resident_ids,
    "permit_hk_macau": _by_pattern(travel.PERMIT_HK_MACAU_PATTERN),
    "permit_taiwan": _by_pattern(travel.PERMIT_TAIWAN_PATTERN),
    "passport": _by_pattern(travel.PASSPORT_PATTERN),
}
_KEYS: dict[str, Callable[[pa.Array], pa.Array]] = {
    "resident_id": _resident_keys,
    "household_register": _resident_keys,
    "permit_hk_macau": _first(9),
    "permit_taiwan": _first(8),
}
