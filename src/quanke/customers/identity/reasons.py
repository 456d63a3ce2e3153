"""Why a pair is linked or asked about, as one short sentence of field names; never a customer's value."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from quanke.customers.identity.comparisons import FIELDS

_SPOKEN = {"birth": "birth date", "number": "number", "place": "place"}
_SILENT = ("place", "employer")
_ALIKE = {"same": "same", "near": "similar", "word": "one word of", "part": "partly the same"}


def sentences(
    strength: dict[str, npt.NDArray[np.int64]], flags: dict[str, npt.NDArray[np.bool_]]
) -> pa.Array:
    """One sentence per pair: `"same name, birth date and phone; no document on one side"`.

    Equal patterns of agreement are put into words once.
    """
    columns = [strength[field.name] + 1 for field in FIELDS]
    columns += [
        flags["left_document"].astype(np.int64) + flags["right_document"],
        flags["one_document"].astype(np.int64),
    ]
    pattern = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        pattern = pattern * 8 + column
    _, firsts, places = np.unique(pattern, return_index=True, return_inverse=True)
    said = [_sentence([int(column[row]) for column in columns]) for row in firsts]
    return pa.array(said, pa.string()).take(pa.array(places))


def _sentence(values: list[int]) -> str:
    agreed: dict[str, list[str]] = {}
    against: list[str] = []
    *strengths, documents, one_document = values
    for field, value in zip(FIELDS, strengths, strict=True):
        spoken = _SPOKEN.get(field.name, field.name)
        if value == 1 and field.name not in _SILENT:
            against.append(spoken)
        elif value > 1 and field.name not in _SILENT:
            label = field.levels[len(field.levels) - value].label
            agreed.setdefault(label, []).append(spoken)
    parts = [f"{_ALIKE[label]} {_joined(agreed[label])}" for label in _ALIKE if label in agreed]
    told = ["same document"] if one_document else []
    told += [", ".join(parts)] if parts else []
    if against:
        told.append(f"other {_joined(against)}")
    if not one_document:
        told.append(
            ("no document on either side", "no document on one side", "documents of two kinds")[documents]
        )
    return "; ".join(told)


def _joined(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
