"""What is held of aggregates of texts, and of sets of different values: looked at value by value."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np

from quanke.engines.live.columns import Array, Bools, Column
from quanke.engines.live.dense import NO_TEXT, Texts
from quanke.engines.live.held import Added, Extreme, Given, Held, Last, Parts, Runs, SlotArrays
from quanke.engines.live.opening import ADDED, SETS, UNKNOWN, Partials, is_text
from quanke.engines.live.scalar import Scalar
from quanke.language.nodes import Aggregate, Reduce, type_of
from quanke.language.types import Kind


def held_of(node: Aggregate) -> Held:
    """What is held of an aggregate, empty."""
    if node.reduce in SETS:
        return Different(node)
    if node.reduce in ADDED:
        return Added(node)
    if node.reduce is Reduce.LAST:
        return LastText(node) if is_text(node) else Last(node)
    return ExtremeText(node) if is_text(node) else Extreme(node)


class _Words(SlotArrays):
    """Texts: held as codes of a vocabulary that grows, compared as they read."""

    def __init__(self, node: Aggregate) -> None:
        super().__init__(node)
        self.words: list[str] = []
        self.code: dict[str, int] = {}

    def open(self, partials: Partials) -> None:
        """Begin with the opening's vocabulary."""
        super().open(partials)
        self.words = list(partials.texts or ())
        self.code = {word: place for place, word in enumerate(self.words)}

    def coded(self, word: str) -> int:
        """Code of a word, which may be new."""
        found = self.code.get(word)
        if found is None:
            found = self.code[word] = len(self.words)
            self.words.append(word)
        return found

    def finish(self, parts: tuple[Array, ...], as_of: dt.date, ones: Bools) -> Column | Texts:
        """The texts."""
        codes = parts[-1]
        return Texts(np.where(codes == UNKNOWN, NO_TEXT, codes), self.words)

    def final(self, parts: Parts, as_of: dt.date) -> Scalar:
        """The text."""
        return None if parts[-1] == UNKNOWN else self.words[parts[-1]]


class ExtremeText(_Words):
    """The smallest or the largest text by code points."""

    def __init__(self, node: Aggregate) -> None:
        super().__init__(node)
        self.nothing = (int(UNKNOWN),)

    def after(self, runs: Runs, given: Given | None) -> tuple[Array, ...]:
        """Running extremes."""
        codes = self.arrays[0].take(runs.slots if given is None else runs.slots[runs.starts]).tolist()
        if given is None:
            return (np.array(codes, np.int64),)
        largest = self.node.reduce is Reduce.MAX
        running = np.empty(len(runs.run), np.int64)
        texts = given.texts or ()
        included, values = runs.sorted(given.included).tolist(), runs.sorted(given.values).tolist()
        rows = zip(runs.run.tolist(), included, values, strict=True)
        for place, (run, counts, value) in enumerate(rows):
            if counts:
                word, old = texts[value], codes[run]
                if old == UNKNOWN or ((word > self.words[old]) if largest else (word < self.words[old])):
                    codes[run] = self.coded(word)
            running[place] = codes[run]
        return (running,)

    def plus(self, slot: int, parts: Parts, value: Scalar, day: int | None) -> Parts:
        """The better of two."""
        assert isinstance(value, str)
        if parts[0] == UNKNOWN:
            return (self.coded(value),)
        old = self.words[parts[0]]
        better = value > old if self.node.reduce is Reduce.MAX else value < old
        return (self.coded(value),) if better else parts


class LastText(_Words):
    """The text of the last day, the greatest of that day."""

    def __init__(self, node: Aggregate) -> None:
        super().__init__(node)
        self.nothing = (int(UNKNOWN), int(UNKNOWN))

    def dtypes(self) -> tuple[np.dtype[np.int64] | np.dtype[np.float64], ...]:
        """A day and a code."""
        return (np.dtype(np.int64), np.dtype(np.int64))

    def after(self, runs: Runs, given: Given | None) -> tuple[Array, ...]:
        """The running last."""
        if given is None:
            return self.seen(runs.slots)
        assert given.days is not None
        included = runs.sorted(given.included)
        if not bool(included.any()):
            return self.seen(runs.slots)
        at = runs.slots[runs.starts]
        days, codes = self.arrays[0].take(at).tolist(), self.arrays[1].take(at).tolist()
        all_days, all_codes = (np.empty(len(runs.run), np.int64) for _ in range(2))
        texts = given.texts or ()
        rows = zip(
            runs.run.tolist(),
            included.tolist(),
            runs.sorted(given.days).tolist(),
            runs.sorted(given.values).tolist(),
            strict=True,
        )
        for place, (run, counts, day, value) in enumerate(rows):
            if counts and day >= days[run]:
                word = texts[value]
                if day > days[run] or word > self.words[codes[run]]:
                    days[run], codes[run] = day, self.coded(word)
            all_days[place], all_codes[place] = days[run], codes[run]
        return all_days, all_codes

    def plus(self, slot: int, parts: Parts, value: Scalar, day: int | None) -> Parts:
        """The later of two."""
        assert isinstance(value, str) and day is not None
        later = day > parts[0] or (day == parts[0] and value > self.words[parts[1]])
        return (day, self.coded(value)) if later else parts


class Different(SlotArrays):
    """How many different values: the values themselves are kept for customers to whom a row added one."""

    def __init__(self, node: Aggregate) -> None:
        super().__init__(node)
        self.nothing = (0,)
        self.sets: dict[int, set[Any]] = {}
        self.owner: Array = np.zeros(0, np.int64)
        self.partials = Partials(())
        self.text = node.value is not None and type_of(node.value).kind is Kind.TEXT

    def dtypes(self) -> tuple[np.dtype[np.int64] | np.dtype[np.float64], ...]:
        """A count."""
        return (np.dtype(np.int64),)

    def open(self, partials: Partials) -> None:
        """Counts at hand, sets when asked for."""
        starts = partials.arrays[0]
        super().open(Partials((np.diff(starts) if len(starts) else starts,)))
        self.partials, self.sets, self.owner = partials, {}, np.zeros(0, np.int64)

    def touch(self, low: int, customers: Array, known: Bools, capacity: int) -> None:
        """Fill new slots and remember whose they are."""
        super().touch(low, customers, known, capacity)
        self.owner = np.concatenate([self.owner[:low], np.where(known, customers, -1)])

    def _set(self, slot: int) -> set[Any]:
        found = self.sets.get(slot)
        if found is None:
            owner, found = int(self.owner[slot]), set()
            if owner >= 0:
                starts, values = self.partials.arrays
                found = set(values[int(starts[owner]) : int(starts[owner + 1])].tolist())
                if self.text:
                    found = {(self.partials.texts or ())[code] for code in found}
            self.sets[slot] = found
        return found

    def after(self, runs: Runs, given: Given | None) -> tuple[Array, ...]:
        """Running counts."""
        counts = self.arrays[0].take(runs.slots)
        if given is None:
            return (counts,)
        fresh: dict[int, set[Any]] = {}
        included = runs.sorted(given.included).tolist()
        for place, (slot, value) in enumerate(
            zip(runs.slots.tolist(), self._brought(runs, given), strict=True)
        ):
            if included[place]:
                new = fresh.setdefault(slot, set())
                if value not in self._set(slot):
                    new.add(value)
            counts[place] += len(fresh.get(slot, ()))
        return (counts,)

    def _brought(self, runs: Runs, given: Given) -> list[Any]:
        values = runs.sorted(given.values).tolist()
        if self.text:
            texts = given.texts or ()
            return [texts[code] if code >= 0 else None for code in values]
        plain: list[Any] = values
        return plain

    def keep(self, runs: Runs, after: tuple[Array, ...], given: Given | None) -> None:
        """Keep counts and values."""
        super().keep(runs, after, given)
        if given is not None:
            included = runs.sorted(given.included).tolist()
            for place, (slot, value) in enumerate(
                zip(runs.slots.tolist(), self._brought(runs, given), strict=True)
            ):
                if included[place]:
                    self._set(slot).add(value)

    def finish(self, parts: tuple[Array, ...], as_of: dt.date, ones: Bools) -> Column | Texts:
        """The count."""
        return Column(parts[0], ones)

    def plus(self, slot: int, parts: Parts, value: Scalar, day: int | None) -> Parts:
        """One more, if it is new."""
        return parts if self._brought_one(value, day) in self._set(slot) else (parts[0] + 1,)

    def put(self, slot: int, parts: Parts, value: Scalar, day: int | None) -> None:
        """Keep the count and the value."""
        super().put(slot, parts, value, day)
        self._set(slot).add(self._brought_one(value, day))

    def back(self, slot: int, before: Parts, after: Parts, value: Scalar, day: int | None) -> None:
        """Take the count back, and the value if it was new."""
        super().back(slot, before, after, value, day)
        if before != after:
            self._set(slot).discard(self._brought_one(value, day))

    def _brought_one(self, value: Scalar, day: int | None) -> object:
        if self.node.reduce is Reduce.DISTINCT_DAYS:
            return day
        return int(value) if isinstance(value, bool) else value

    def final(self, parts: Parts, as_of: dt.date) -> Scalar:
        """The count."""
        return int(parts[0])
