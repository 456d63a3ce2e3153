"""Values by place: columns of arriving rows, and columns over all customers from which rows are gathered.

Text never lies about as objects here. It is held as codes, places in a vocabulary, so that a condition on a
text is worked out once for each different text and not for each row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quanke.engines.live.columns import DTYPES, Array, Bools, Column
from quanke.language.types import RATE_PLACES, Kind, Type

NO_TEXT = -1
"""Code of an unknown text."""
UNKNOWN = np.int64(-(2**63))
"""Stands for no value in an array of whole numbers: of an extreme, of a day, of a value on a board."""


@dataclass(frozen=True, slots=True)
class Texts:
    """A text per row: `codes` are places in `vocabulary`, NO_TEXT where unknown."""

    codes: Array
    vocabulary: Sequence[str]

    def column(self) -> Column:
        """The texts themselves."""
        known = self.codes != NO_TEXT
        words = np.empty(len(self.vocabulary) + 1, object)
        words[:-1] = self.vocabulary
        words[-1] = ""
        return Column(words[self.codes], known)


@dataclass(frozen=True, slots=True)
class Dense:
    """A value for each customer, by number.

    `values` as NumPy carries the kind (`DTYPES`), of text codes in `texts`; `valid` None where every value
    is known. Arrays may be mapped from files.
    """

    values: Array
    valid: Bools | None = None
    texts: Sequence[str] | None = None

    def gather(self, customers: Array, ones: Bools) -> Column | Texts:
        """The values of some customers; unknown for numbers beyond the last. `ones`: all true, as long as
        `customers`, given back where everything is known."""
        count = len(self.values)
        if count == 0:
            return _nothing(self, len(customers))
        beyond = int(customers.max(initial=0)) >= count
        places = np.minimum(customers, count - 1) if beyond else customers
        values = self.values.take(places)
        valid = ones if self.valid is None else self.valid.take(places)
        if beyond:
            valid = valid & (customers < count)
        if self.texts is not None:
            if self.valid is not None or beyond:
                values = np.where(valid, values, NO_TEXT)
            return Texts(values, self.texts)
        return Column(values, valid)

    def one(self, customer: int) -> bool | int | float | str | None:
        """One customer's value: days and moments as numbers since 1970, texts as they read."""
        if not customer < len(self.values) or (self.valid is not None and not self.valid[customer]):
            return None
        values = self.values
        value: bool | int | float = (values.view(np.int64) if values.dtype.kind == "M" else values).item(
            customer
        )
        if self.texts is None:
            return value
        return None if value == NO_TEXT else self.texts[int(value)]


def _nothing(dense: Dense, rows: int) -> Column | Texts:
    if dense.texts is not None:
        return Texts(np.full(rows, NO_TEXT, np.int64), dense.texts)
    return Column(np.zeros(rows, dense.values.dtype), np.zeros(rows, np.bool_))


class Board:
    """Columns over all customers, side by side: what is known of one customer lies together, so that a
    gather goes to memory once for each customer and not once for each of his columns.

    Holds whole numbers, booleans, days, moments and codes of texts; `UNKNOWN` is no value.
    """

    def __init__(self, columns: Sequence[Dense]) -> None:
        rows = len(columns[0].values) if columns else 0
        self.values = np.empty((rows, len(columns)), np.int64)
        for place, dense in enumerate(columns):
            self.values[:, place] = _whole(dense.values)
            if dense.valid is not None:
                self.values[~dense.valid, place] = UNKNOWN
        self._customers: Array | None = None
        self._block: Array = self.values

    def block(self, customers: Array) -> Array:
        """One row for each column, for customers that are all on the board; kept until others are asked
        for."""
        if self._customers is not customers:
            taken = self.values.take(customers, axis=0)
            self._customers, self._block = customers, np.ascontiguousarray(taken.T)
        return self._block


@dataclass(frozen=True, slots=True)
class OnBoard:
    """One column of a board, to be used like a Dense."""

    board: Board
    place: int
    dtype: np.dtype[Any]
    full: bool
    texts: Sequence[str] | None = None

    def gather(self, customers: Array, ones: Bools) -> Column | Texts:
        """The values of some customers; unknown for numbers beyond the last."""
        count = len(self.board.values)
        if count == 0 or int(customers.max(initial=0)) >= count:
            return self._dense().gather(customers, ones)
        held = self.board.block(customers)[self.place]
        if self.texts is not None:
            return Texts(held, self.texts)
        valid = ones if self.full else held != UNKNOWN
        if self.dtype.kind == "M":
            return Column((held if self.full else np.where(valid, held, 0)).view(self.dtype), valid)
        return Column(held != 0 if self.dtype.kind == "b" else held, valid)

    def _dense(self) -> Dense:
        values = self.board.values[:, self.place]
        valid = None if self.full else values != UNKNOWN
        if self.dtype.kind == "M":
            return Dense(np.ascontiguousarray(values).view(self.dtype), valid, self.texts)
        return Dense(values.astype(self.dtype), valid, self.texts)

    def one(self, customer: int) -> bool | int | float | str | None:
        """One customer's value, as `Dense.one` gives it."""
        if not customer < len(self.board.values):
            return None
        value = self.board.values.item(customer, self.place)
        if self.texts is not None:
            return None if value == NO_TEXT else self.texts[value]
        if not self.full and value == UNKNOWN:
            return None
        return bool(value) if self.dtype.kind == "b" else value


Held = Dense | OnBoard
"""A column over all customers, wherever it lies."""


def _whole(values: Array) -> Array:
    return values.view(np.int64) if values.dtype.kind == "M" else values


def on_board(columns: dict[Any, Dense]) -> dict[Any, Held]:
    """The columns with all on one board that can be; floating-point numbers and the number that stands for
    UNKNOWN cannot."""
    rows = {len(dense.values) for dense in columns.values()}
    fits = [
        name
        for name, dense in columns.items()
        if dense.values.dtype.kind in "iubM" and not bool((_whole(dense.values) == UNKNOWN).any())
    ]
    if len(rows) != 1 or not fits:
        return dict(columns)
    board = Board([columns[name] for name in fits])
    made: dict[Any, Held] = dict(columns)
    for place, name in enumerate(fits):
        dense = columns[name]
        made[name] = OnBoard(board, place, dense.values.dtype, dense.valid is None, dense.texts)
    return made


def dense_of(values: pa.ChunkedArray | pa.Array, of: Type) -> Dense:
    """An Arrow column of a night's profile as dense values."""
    made = column_or_texts(values, of, None)
    if isinstance(made, Texts):
        small = made.codes.astype(np.int32)
        return Dense(small, None, made.vocabulary)
    return Dense(made.values, None if bool(made.valid.all()) else made.valid)


def column_or_texts(values: pa.ChunkedArray | pa.Array, of: Type, ones: Bools | None) -> Column | Texts:
    """An Arrow column as the engine carries its kind. `ones`: all true and as long, if there is one at
    hand."""
    if isinstance(values, pa.ChunkedArray):
        values = values.chunk(0) if values.num_chunks == 1 else values.combine_chunks()
    if of.kind is Kind.TEXT:
        return _texts(values)
    if values.null_count == 0:
        valid = np.ones(len(values), np.bool_) if ones is None else ones
        return Column(_carried(values, of), valid)
    valid = pc.is_valid(values).to_numpy(zero_copy_only=False)
    return Column(_carried(values, of), valid)


def _texts(values: pa.Array) -> Texts:
    if not pa.types.is_dictionary(values.type):
        values = pc.dictionary_encode(values.cast(pa.string()))
    codes = values.indices
    if codes.null_count:
        codes = pc.fill_null(codes, NO_TEXT)
    return Texts(codes.to_numpy().astype(np.int64), values.dictionary.to_pylist())


def _carried(values: pa.Array, of: Type) -> Array:
    """The values, with anything where they are unknown."""
    if of.kind is Kind.RATE:
        return millionths(values)
    if of.kind is Kind.BOOLEAN:
        filled: Array = pc.fill_null(values.cast(pa.bool_()), False).to_numpy(zero_copy_only=False)
        return filled
    target = {Kind.DATE: pa.date32(), Kind.INSTANT: pa.timestamp("us"), Kind.NUMBER: pa.float64()}.get(
        of.kind, pa.int64()
    )
    if values.type != target:
        values = values.cast(target)
    if values.null_count:
        zero = pa.scalar(0, pa.int32() if of.kind is Kind.DATE else pa.int64())
        zero = zero.cast(target)
        values = pc.fill_null(values, zero)
    carried: Array = values.to_numpy(zero_copy_only=False).astype(DTYPES[of.kind], copy=False)
    return carried


def millionths(values: pa.Array) -> Array:
    """Rates as whole millionths: the lower words of 128-bit decimals, which hold every rate there is."""
    values = values.cast(pa.decimal128(18, RATE_PLACES))
    words = np.frombuffer(values.buffers()[1], np.int64)[2 * values.offset :: 2][: len(values)]
    return np.where(pc.is_valid(values).to_numpy(zero_copy_only=False), words, 0)


def arrow_of(column: Column | Texts, of: Type) -> pa.Array:
    """A column as Arrow, as nights store the kind."""
    if isinstance(column, Texts):
        codes = pa.array(column.codes, mask=column.codes == NO_TEXT)
        return pa.array(list(column.vocabulary), pa.string()).take(codes)
    absent = ~column.valid
    if of.kind is Kind.RATE:
        whole = pa.array(column.values, pa.int64(), mask=absent)
        # an exact division by a million: the words are the same, only the type tells the places
        data = np.zeros((len(column.values), 2), np.int64)
        data[:, 0] = column.values
        data[:, 1] = np.where(column.values < 0, -1, 0)
        buffers = [whole.buffers()[0], pa.py_buffer(data.tobytes())]
        return pa.Array.from_buffers(pa.decimal128(18, RATE_PLACES), len(data), buffers)
    types = {Kind.TEXT: pa.string(), Kind.DATE: pa.date32(), Kind.NUMBER: pa.float64()}
    if of.kind is Kind.TEXT:
        return pa.array([v if k else None for v, k in zip(column.values, column.valid, strict=True)])
    return pa.array(column.values, types.get(of.kind), mask=absent)
