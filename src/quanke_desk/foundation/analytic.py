"""The library's home as the desk reads it: the last published night, its arrays, one customer's row.

Nights are published by one rename and never change, so what is read here stays whole while the next
night is being computed; a newer night is taken up at the first question after it was published.
"""

from __future__ import annotations

import datetime as dt
import threading
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from django.conf import settings
from numpy.typing import NDArray

import quanke
from quanke.engines.store import NightStore
from quanke.kernel.errors import NightError


@dataclass
class Base:
    """One published night of one home, with the two columns every scope asks held in memory."""

    bank: Any
    night: Any
    _codes: dict[str, tuple[NDArray[np.int32], dict[str, int]]] = field(default_factory=dict)
    _names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def day(self) -> dt.date:
        """The day the night speaks of."""
        return self.night.day  # type: ignore[no-any-return]

    def codes(self, column: str) -> tuple[NDArray[np.int32], dict[str, int]]:
        """A code column as int32 by customer number (-1: null), and the code of each value."""
        with self._lock:
            if column not in self._codes:
                self._codes[column] = _codes_of(self.night.read([column])[column])
            return self._codes[column]

    def row(self, customer: int, columns: list[str] | None = None) -> dict[str, Any]:
        """One customer's row, of the columns this night has. Raises NightError for an unknown number."""
        known = None if columns is None else [c for c in columns if c in self.known]
        return self.night.row(customer, known)  # type: ignore[no-any-return]

    def counts(self, column: str, rows: NDArray[np.bool_]) -> dict[str, int]:
        """How many of `rows` (by number) have each value of a code column; who has none is left out."""
        codes, numbers = self.codes(column)
        found = np.bincount(codes[rows & (codes >= 0)], minlength=len(numbers))
        return {name: int(found[number]) for name, number in numbers.items()}

    @cached_property
    def there(self) -> NDArray[np.bool_]:
        """Whether each customer (by number) is one: a number that was absorbed by another is not."""
        there = np.ones(self.night.rows, dtype=bool)
        there[list(self.night.absorbed)] = False
        return there

    @cached_property
    def _merged(self) -> dict[int, tuple[int, ...]]:
        found: dict[int, tuple[int, ...]] = {}
        for number, into in self.night.absorbed.items():
            if into is not None:
                found[into] = (*found.get(into, ()), number)
        return found

    def goes_by(self, customer: int) -> int:
        """The number under which a customer stands in this night: his own, or that which took it in."""
        into = self.night.absorbed.get(customer)
        return customer if into is None else int(into)

    def numbers(self, customer: int) -> tuple[int, ...]:
        """All numbers of a customer: his own, and those it took in."""
        return (customer, *self._merged.get(customer, ()))

    @cached_property
    def known(self) -> frozenset[str]:
        """Names of the columns of this night."""
        return frozenset(self.night.columns)

    def value(self, customer: int, column: str) -> str | None:
        """One customer's code of a column held in memory; null where there is none or no such customer."""
        codes, _numbers = self.codes(column)
        if not 0 <= customer < len(codes) or codes[customer] < 0:
            return None
        return self.names(column)[int(codes[customer])]

    def names(self, column: str) -> tuple[str, ...]:
        """The values of a code column, each at the place of its code."""
        found = self._names.get(column)
        if found is None:
            found = self._names[column] = tuple(self.codes(column)[1])
        return found


def _codes_of(values: pa.ChunkedArray) -> tuple[NDArray[np.int32], dict[str, int]]:
    held = values.combine_chunks().dictionary_encode()
    if isinstance(held, pa.ChunkedArray):
        held = held.combine_chunks()
    numbers = {str(v): n for n, v in enumerate(held.dictionary.to_pylist())}
    return np.asarray(held.indices.fill_null(-1), dtype=np.int32), numbers


_held: dict[tuple[Path, dt.date], Base] = {}
_lock = threading.Lock()


def home_path() -> Path:
    """Folder of the home. Raises NightError where none is set."""
    if not settings.QUANKE_HOME:
        raise NightError("no home is set: QUANKE_HOME names its folder")
    return Path(settings.QUANKE_HOME)


def base() -> Base:
    """The last published night. Raises NightError where none is published.

    Asked many times a page: as long as the last night is the one held, only the names of nights are read. A
    home is opened (which looks through its tables) when there is a newer one.
    """
    path = home_path()
    days = NightStore(path / "nights").days()
    if days and (held := _held.get((path, days[-1]))) is not None:
        return held
    bank = quanke.open(path)
    day = bank.nights[-1] if bank.nights else None
    if day is None:
        raise NightError("no night is published yet: `quanke night --on DATE` first")
    with _lock:
        held = _held.get((path, day))
        if held is None:
            _held.clear()
            held = _held[path, day] = Base(bank, bank.night(day))
        return held
