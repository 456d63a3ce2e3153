"""Links as they lie in memory, sorted by either end, and the links that touch some customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

UNDER_14 = 32
"""Bit of a customer's flags: younger than 14."""
_TOGETHER = 2_000
"""Customers with more links than this are looked at one by one, where their links lie."""


@dataclass(frozen=True, slots=True)
class Side:
    """Links sorted by one of their ends. Those of customer c stand at `offsets[c]` to `offsets[c + 1] - 1`;
    `other` is the customer at the other end, `rows` the link's place in `Links` (None: the same place)."""

    offsets: NDArray[np.int64]
    other: NDArray[np.int32]
    kind: NDArray[np.uint8]
    since: NDArray[np.int32]
    until: NDArray[np.int32]
    strength: NDArray[np.float32]
    rows: NDArray[np.int32] | None

    def held(
        self, places: NDArray[np.int64] | slice, allowed: NDArray[np.bool_], day: int
    ) -> NDArray[np.bool_]:
        """Which of some places are of allowed kinds and hold on a day."""
        mask: NDArray[np.bool_] = allowed[self.kind[places]]
        mask &= self.since[places] <= day
        mask &= self.until[places] > day
        return mask

    def row(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where the links of some places stand in `Links`."""
        return places if self.rows is None else self.rows[places].astype(np.int64)


@dataclass(frozen=True, slots=True)
class Touching:
    """Links that touch some customers. `rows`: places in `Links`; `near`: which of the customers asked for
    (its place among them); `other`: customer at the other end; `kind`: codes; `strength`; `out`: whether
    it goes out from him. `left`: how many more there are than were asked for."""

    rows: NDArray[np.int64]
    near: NDArray[np.int64]
    other: NDArray[np.int32]
    kind: NDArray[np.uint8]
    strength: NDArray[np.float32]
    out: NDArray[np.bool_]
    left: int = 0

    def only(self, mask: NDArray[np.bool_]) -> Touching:
        """Those for which the mask is true."""
        return Touching(
            self.rows[mask],
            self.near[mask],
            self.other[mask],
            self.kind[mask],
            self.strength[mask],
            self.out[mask],
            self.left,
        )


@dataclass(frozen=True, slots=True)
class Sides:
    """Links sorted by where they begin (`ahead`) and by where they end (`back`); `flags` of all customers."""

    ahead: Side
    back: Side
    flags: NDArray[np.uint16]

    @property
    def both(self) -> tuple[Side, Side]:
        """Links that go out first, then those that come in."""
        return self.ahead, self.back

    def touching(
        self,
        customers: NDArray[np.int32],
        codes: tuple[int, ...],
        day: int,
        most: int | None = None,
        *,
        hide_minors: bool = False,
    ) -> Touching:
        """Links that touch the customers, of some kinds, that hold on a day (days since 1970);
        with `hide_minors` none of a person under 14.

        Of each customer at most `most` (default: all), the strongest first; of equal ones those that go out,
        then those that come in, each by kind and number.
        """
        allowed = np.zeros(256, np.bool_)
        allowed[list(codes)] = True
        sizes = sum(
            side.offsets[customers.astype(np.int64) + 1] - side.offsets[customers] for side in self.both
        )
        large = np.asarray(sizes) > max(_TOGETHER, most or 0)
        alone = [
            self._of_one(int(customers[n]), int(n), allowed, day, most, hide_minors)
            for n in np.flatnonzero(large)
        ]
        small = np.flatnonzero(~large)
        parts = [
            *alone,
            *([self._of_many(customers, small, allowed, day, most, hide_minors)] if len(small) else []),
        ]
        if len(parts) == 1:
            return parts[0]
        return _joined(parts)

    def _of_one(
        self,
        customer: int,
        near: int,
        allowed: NDArray[np.bool_],
        day: int,
        most: int | None,
        hide_minors: bool,
    ) -> Touching:
        """Links of a customer with many: they lie together on either side, so nothing is gathered."""
        found = []
        for side in self.both:
            low, high = side.offsets[customer], side.offsets[customer + 1]
            places = low + np.flatnonzero(side.held(slice(low, high), allowed, day))
            if hide_minors:
                minor = self.flags[side.other[places]] & UNDER_14
                places = places[(minor == 0) & ((self.flags[customer] & UNDER_14) == 0)]
            found.append(places)
        count = sum(len(places) for places in found)
        if most is not None and count > most:
            strengths = [side.strength[places] for side, places in zip(self.both, found, strict=True)]
            found = _strongest(found, strengths, most)
        parts = list(zip(self.both, found, strict=True))
        rows = np.concatenate([side.row(places) for side, places in parts])
        return Touching(
            rows,
            np.full(len(rows), near, np.int64),
            np.concatenate([side.other[places] for side, places in parts]),
            np.concatenate([side.kind[places] for side, places in parts]),
            np.concatenate([side.strength[places] for side, places in parts]),
            np.arange(len(rows)) < len(found[0]),
            count - len(rows),
        )

    def _of_many(
        self,
        customers: NDArray[np.int32],
        some: NDArray[np.int64],
        allowed: NDArray[np.bool_],
        day: int,
        most: int | None,
        hide_minors: bool,
    ) -> Touching:
        """Links of customers with few each, all at once. `some` are places among `customers`."""
        found = []
        for side in self.both:
            places, near = _ranges(side.offsets, customers[some])
            mask = side.held(places, allowed, day)
            places, near = places[mask], some[near[mask]]
            found.append(
                Touching(
                    side.row(places),
                    near,
                    side.other[places],
                    side.kind[places],
                    side.strength[places],
                    np.full(len(places), side is self.ahead),
                )
            )
        touching = _joined(found)
        if hide_minors:
            minor = (self.flags[touching.other] | self.flags[customers[touching.near]]) & UNDER_14
            touching = touching.only(minor == 0)
        if most is None:
            return touching
        order = np.lexsort((np.arange(len(touching.near)), -touching.strength, touching.near))
        begins = np.flatnonzero(np.diff(touching.near[order], prepend=-1))
        place = np.arange(len(order)) - np.repeat(begins, np.diff(begins, append=len(order)))
        chosen = np.zeros(len(order), np.bool_)
        chosen[order[place < most]] = True
        return replace(touching.only(chosen), left=int((~chosen).sum()))


def _joined(parts: Sequence[Touching]) -> Touching:
    return Touching(
        np.concatenate([p.rows for p in parts]),
        np.concatenate([p.near for p in parts]),
        np.concatenate([p.other for p in parts]),
        np.concatenate([p.kind for p in parts]),
        np.concatenate([p.strength for p in parts]),
        np.concatenate([p.out for p in parts]),
        sum(p.left for p in parts),
    )


def _strongest(
    places: list[NDArray[np.int64]], strengths: list[NDArray[np.float32]], most: int
) -> list[NDArray[np.int64]]:
    """The `most` strongest of the places on both sides; of equal ones the first."""
    strength = np.concatenate(strengths)
    cut = strength.max()
    if int((strength == cut).sum()) < most:
        cut = np.partition(strength, len(strength) - most)[len(strength) - most]
    keep = strength > cut
    keep[np.flatnonzero(strength == cut)[: most - int(keep.sum())]] = True
    first = len(places[0])
    return [places[0][keep[:first]], places[1][keep[first:]]]


def _ranges(
    offsets: NDArray[np.int64], customers: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All places of the customers' ranges one after another, and whose each is."""
    starts = offsets[customers]
    lengths = offsets[customers.astype(np.int64) + 1] - starts
    total = int(lengths.sum())
    shift = np.repeat(starts - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths)
    return shift + np.arange(total), np.repeat(np.arange(len(customers)), lengths)
