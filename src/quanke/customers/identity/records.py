"""Records of any source in one form that can be compared: one row per record (`normalise`).

Only what is derived stands here; nothing of it is shown to anybody. Two records with the same identity
fields have the same `digest`, whatever their source and number, so that a file delivered twice is seen.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quanke.customers.identity.addresses import Address, address
from quanke.customers.identity.spellings import Spelling, organisation_spelling, spelling
from quanke.kernel.errors import InputError
from quanke.kernel.identifiers import columns
from quanke.kernel.identifiers.names import name_match
from quanke.kernel.identifiers.organisation_names import match_organisation_name
from quanke.kernel.identifiers.phone import bare_mobile

STRING = pa.string()
STRINGS = pa.list_(STRING)

NORMALISED = pa.schema(
    [
        ("record_id", STRING),
        ("organisation", pa.bool_()),
        ("family", STRING),
        ("document", STRING),
        ("scope", STRING),
        ("number", STRING),
        ("name_match", STRING),
        ("name_key", STRING),
        ("name_simple", STRING),
        ("name_like", STRING),
        ("sound", STRING),
        ("codes", STRINGS),
        ("first", STRING),
        ("last", STRING),
        ("han", pa.bool_()),
        ("guard", STRING),
        ("birth_date", pa.date32()),
        ("birth", STRING),
        ("phone", STRING),
        ("email", STRING),
        ("address", STRING),
        ("address_words", STRINGS),
        ("street", STRING),
        ("door", pa.bool_()),
        ("postcode", STRING),
        ("city", STRING),
        ("district", STRING),
        ("sex", STRING),
        ("nationality", STRING),
        ("employer", STRING),
        ("digest", pa.binary()),
    ]
)
"""Columns of a normalised table. `document` is the key of the EXACT rule (family of document and number)
and stands only where the number passes the rule of its type; `scope` is a passport's country; `number` is
whatever number there is; `birth` eight digits, or what digits a broken date has; `digest` 16 bytes over the
identity fields, equal for equal content. Null means not known."""

_FAMILIES = {
    "resident_id": "resident",
    "household_register": "resident",
    "residence_permit_hmt": "residence_permit_hmt",
    "permanent_resident_id": "permanent_resident_id",
    "permit_hk_macau": "permit_hk_macau",
    "permit_taiwan": "permit_taiwan",
    "passport": "passport",
}
"""Kinds of document with a rule of their own. A household register shows the resident number of each person
in it: one family. A number of another kind is compared and proves nothing."""

_NO_LATEST_BIRTH = date(2199, 12, 31)
_SEXES = {"MALE": "male", "M": "male", "男": "male", "1": "male"} | {
    "FEMALE": "female", "F": "female", "女": "female", "2": "female",
}  # fmt: skip
_ROWS_OF_KEYS = ("0123456789", "9876543210", "1234567890", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
"""What is typed where a form wants a number and nobody has one."""
_DATE_PARTS = re.compile(r"\d+")
_DIGESTED = (
    "organisation", "document", "scope", "number", "name_match", "birth", "phone", "email", "address",
    "address_words", "postcode", "city", "district", "sex", "nationality", "employer",
)  # fmt: skip
"""What is said of somebody; all else is derived from it."""


def normalise(records: pa.Table) -> pa.Table:
    """Records in the form of `NORMALISED`: one row per record, in the order given.

    Wants `record_id`; takes `id_type`, `id_number`, `name`, `birth_date` (date, timestamp or text),
    `phone`, `address`, `kind`, `uscc`, `sex`, `email`, `city`, `district`, `postcode`, `nationality` and
    `employer_name` where they are, any of them empty; other columns are not looked at. InputError where
    `record_id` is missing, empty or stands twice.
    """
    ids = _record_ids(records)
    organisation = _organisations(records)
    derived: dict[str, pa.Array] = {"record_id": ids, "organisation": pa.array(organisation)}
    derived |= _documents(records, organisation)
    derived |= _names(records, organisation)
    derived |= _births(records)
    derived["phone"] = _mapped(_text(records, "phone"), _phone)
    derived["email"] = _mapped(_text(records, "email"), _email)
    derived |= _addresses(records)
    for name in ("postcode", "city", "district", "nationality"):
        derived[name] = _mapped(_text(records, name), _folded)
    derived["sex"] = _mapped(_text(records, "sex"), lambda text: _SEXES.get(text.strip().upper()))
    derived["employer"] = _mapped(_text(records, "employer_name"), match_organisation_name)
    passport = pc.fill_null(pc.equal(derived["family"], "passport"), False)
    derived["scope"] = pc.if_else(passport, derived["nationality"], pa.scalar(None, STRING))
    derived["digest"] = _digests(derived)
    return pa.table([derived[name] for name in NORMALISED.names], schema=NORMALISED)


def _record_ids(records: pa.Table) -> pa.Array:
    if "record_id" not in records.column_names:
        raise InputError("the column is missing", field="record_id")
    ids = _cast(records["record_id"])
    if ids.null_count:
        row = int(np.flatnonzero(ids.is_null().to_numpy(zero_copy_only=False))[0]) + 1
        raise InputError("is empty", row=row, field="record_id")
    encoded = ids.dictionary_encode()
    if len(encoded.dictionary) < len(ids):
        codes = encoded.indices.to_numpy()
        _, firsts = np.unique(codes, return_index=True)
        again = np.ones(len(codes), np.bool_)
        again[firsts] = False
        row = int(np.flatnonzero(again)[0]) + 1
        raise InputError("the number of an earlier row stands again", row=row, field="record_id")
    return ids


def _cast(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # pyarrow keeps an empty or huge one chunked
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array if array.type == STRING else array.cast(STRING)


def _text(records: pa.Table, name: str) -> pa.Array:
    """A column as text, empty texts as null; nulls where the table lacks it."""
    if name not in records.column_names:
        return pa.nulls(records.num_rows, STRING)
    text = pc.utf8_trim_whitespace(_cast(records[name]))
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, STRING), text)


def _mapped(texts: pa.Array, function: Callable[[str], Any], kind: pa.DataType = STRING) -> pa.Array:
    """`function` of each text; equal texts are looked at once. An empty result is null."""
    encoded = texts.dictionary_encode()
    found = pa.array([function(text) or None for text in encoded.dictionary.to_pylist()], kind)
    return found.take(encoded.indices)


def _organisations(records: pa.Table) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether each record is of an organisation: by its kind, its type of number, or its credit code."""
    kind, id_type = _text(records, "kind"), _text(records, "id_type")
    stated = pc.fill_null(pc.not_equal(kind, "person"), False)
    by_type = pc.fill_null(pc.equal(id_type, "uscc"), False)
    by_code = pc.and_(kind.is_null(), _text(records, "uscc").is_valid())
    found = pc.or_(stated, pc.or_(by_type, by_code))
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.bool_)


def _documents(records: pa.Table, organisation: np.ndarray[Any, np.dtype[np.bool_]]) -> dict[str, pa.Array]:
    types, numbers = _text(records, "id_type"), _text(records, "id_number")
    numbers = pc.if_else(pa.array(organisation), pc.coalesce(_text(records, "uscc"), numbers), numbers)
    types = pc.if_else(pa.array(organisation), "uscc", types)
    bare = _mapped(numbers, _number)
    family = _mapped(types, lambda text: "uscc" if text == "uscc" else _FAMILIES.get(text))
    keys = columns.match_id_numbers(types, numbers)
    valid = np.where(
        organisation, columns.valid_usccs(numbers), columns.valid_id_numbers(types, numbers, _NO_LATEST_BIRTH)
    )
    known = pa.array(valid & bare.is_valid().to_numpy(zero_copy_only=False))
    family = pc.if_else(pc.and_(known, family.is_valid()), family, pa.scalar(None, STRING))
    document = pc.binary_join_element_wise(family, keys, ":")
    resident = pc.fill_null(pc.equal(family, "resident"), False)
    number = pc.if_else(resident, keys, bare)  # 15 digits compare in their 18 characters
    return {"family": family, "document": document, "number": number}


def _number(text: str) -> str | None:
    """Letters and digits of a number, upper-case; None where it is short or plainly filled in."""
    if text.isascii() and text.isalnum():  # nearly always; the rest costs ten times as much
        bare = text.upper()
    else:
        bare = "".join(sign for sign in name_match(text) if sign.isalnum())
    filled_in = len(set(bare)) < 2 or any(bare in row for row in _ROWS_OF_KEYS)
    return bare if len(bare) >= 4 and not filled_in else None


def _names(records: pa.Table, organisation: np.ndarray[Any, np.dtype[np.bool_]]) -> dict[str, pa.Array]:
    names = _text(records, "name")
    people = _mapped_forms(columns.match_names(names), spelling, ~organisation)
    if organisation.any():
        bodies = _mapped_forms(columns.match_organisation_names(names), organisation_spelling, organisation)
        return {name: pc.coalesce(people[name], bodies[name]) for name in people}
    return people


_FORMS = {
    "name_match": ("match", STRING),
    "name_key": ("key", STRING),
    "name_simple": ("simple", STRING),
    "name_like": ("like", STRING),
    "sound": ("sound", STRING),
    "codes": ("codes", STRINGS),
    "first": ("first", STRING),
    "last": ("last", STRING),
    "han": ("han", pa.bool_()),
    "guard": ("guard", STRING),
}


def _mapped_forms(
    names: pa.Array, forms: Callable[[str], Spelling | None], where: np.ndarray[Any, np.dtype[np.bool_]]
) -> dict[str, pa.Array]:
    encoded = pc.if_else(pa.array(where), names, pa.scalar(None, STRING)).dictionary_encode()
    found = [forms(name) for name in encoded.dictionary.to_pylist()]
    return {
        column: pa.array([None if form is None else getattr(form, field) for form in found], kind).take(
            encoded.indices
        )
        for column, (field, kind) in _FORMS.items()
    }


def _births(records: pa.Table) -> dict[str, pa.Array]:
    if "birth_date" in records.column_names and pa.types.is_temporal(records["birth_date"].type):
        column = records["birth_date"].cast(pa.date32())
        texts = _cast(column)
    else:
        texts = _text(records, "birth_date")
    digits = _mapped(texts, _birth_digits)
    return {"birth": digits, "birth_date": _mapped(digits, _existing, pa.date32())}


def _birth_digits(text: str) -> str | None:
    """Eight digits of a date in one of the common forms, or what digits there are of a broken one."""
    parts = _DATE_PARTS.findall(name_match(text))
    if len(parts) >= 3 and len(parts[0]) == 4:
        parts = [parts[0], parts[1].zfill(2), parts[2].zfill(2)]
    elif len(parts) == 3 and len(parts[2]) == 4:  # day first, unless there is no such month
        day, month = (parts[0], parts[1]) if int(parts[1]) <= 12 else (parts[1], parts[0])
        parts = [parts[2], month.zfill(2), day.zfill(2)]
    digits = "".join(parts)
    return digits[:14][:8] if len(set(digits)) > 1 and len(digits) >= 4 else None


def _existing(digits: str) -> date | None:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:])) if len(digits) == 8 else None
    except ValueError:
        return None


def _phone(text: str) -> str | None:
    """Digits of a telephone number without the country's prefix; None where it cannot be one."""
    if len(text) == 11 and text.isascii() and text.isdigit():
        digits = text
    else:
        digits = "".join(sign for sign in bare_mobile(name_match(text)) if sign.isascii() and sign.isdigit())
    if len(digits) == 13 and digits.startswith("861"):
        digits = digits[2:]
    return digits if len(digits) >= 6 and len(set(digits)) > 2 else None


def _email(text: str) -> str | None:
    folded = text.strip().lower()
    return folded if "@" in folded[1:-1] else None


def _folded(text: str) -> str:
    return name_match(text)


def _addresses(records: pa.Table) -> dict[str, pa.Array]:
    encoded = _text(records, "address").dictionary_encode()
    found: list[Address | None] = [address(text) for text in encoded.dictionary.to_pylist()]

    def column(kind: pa.DataType, field: str) -> pa.Array:
        values = [None if one is None else getattr(one, field) for one in found]
        return pa.array(values, kind).take(encoded.indices)

    return {
        "address": column(STRING, "text"),
        "address_words": column(STRINGS, "words"),
        "street": column(STRING, "street"),
        "door": column(pa.bool_(), "door"),
    }


def _digests(derived: dict[str, pa.Array]) -> pa.Array:
    """MD5 over the derived identity fields (a fingerprint, no secret): 16 bytes a row."""
    table = pa.table({name: derived[name] for name in _DIGESTED})
    parts = ", ".join(f"coalesce({name}::varchar, '')" for name in _DIGESTED)
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.register("derived", table)
        relation: Any = connection.sql(f"select unhex(md5(concat_ws(chr(31), {parts}))) as d from derived")
        found = relation.to_arrow_table()["d"].combine_chunks()
    return found.cast(pa.binary())
