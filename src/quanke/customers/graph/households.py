"""Households: persons connected by family links that hold on a day, each person in exactly one.

A household is named by its smallest customer number. Its head is the member with the most assets (of equal
ones the smallest number): figures of households are counted at heads, so every yuan counts once and the
total over all branches is that of all persons (domain.md KPI-1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quanke.customers.graph.derive import Links
from quanke.customers.graph.kinds import CODES


@dataclass(frozen=True, slots=True)
class Households:
    """One value per customer; organisations have none (`household` -1, `size` 0).

    `household`: smallest member, int32. `size`: members, int32. `head`: whether the member is its head.
    `aum`: assets of all members in fen, int64. `split`: how many groups of relatives were larger than the
    cap and had to be cut.
    """

    household: NDArray[np.int32]
    size: NDArray[np.int32]
    head: NDArray[np.bool_]
    aum: NDArray[np.int64]
    split: int

    def members(self) -> NDArray[np.int32]:
        """(household, customer) of households of two or more, sorted; shape (n, 2)."""
        who = np.flatnonzero(self.size > 1).astype(np.int32)
        pairs = np.stack([self.household[who], who], axis=1)
        return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]

    def table(self) -> pa.Table:
        """One row per household of two or more: household, size, head, aum."""
        heads = np.flatnonzero(self.head & (self.size > 1)).astype(np.int32)
        heads = heads[np.argsort(self.household[heads], kind="stable")]
        return pa.table(
            {
                "household": pa.array(self.household[heads]),
                "size": pa.array(self.size[heads]),
                "head": pa.array(heads),
                "aum": pa.array(self.aum[heads]),
            }
        )


def find_households(
    links: Links, is_person: NDArray[np.bool_], aum: NDArray[np.int64], day: int, cap: int
) -> Households:
    """Households on a day (days since 1970). `is_person`, `aum` (fen): one value per customer.

    Relatives who are more than `cap` are cut: links are taken from the strongest on (ties: smaller numbers
    first), and one that would make a household larger than the cap is passed over.
    """
    from scipy.sparse import coo_matrix  # half a second: only where households are found
    from scipy.sparse.csgraph import connected_components

    household = np.where(is_person, np.arange(len(is_person)), -1).astype(np.int32)
    held = (links.kind == CODES["family"]) & (links.since <= day) & (links.until > day)
    rows = np.flatnonzero(held)
    rows = rows[is_person[links.first[rows]] & is_person[links.second[rows]]]
    first, second, strength = links.first[rows], links.second[rows], links.strength[rows]
    who, place = np.unique(np.concatenate([first, second]), return_inverse=True)
    ends = place.reshape(2, -1)
    shape = (len(who), len(who))
    groups, label = connected_components(coo_matrix((np.ones(len(rows)), (ends[0], ends[1])), shape=shape))
    large = np.flatnonzero(np.bincount(label, minlength=groups) > cap)
    smallest = np.full(groups, np.iinfo(np.int32).max, np.int32)
    np.minimum.at(smallest, label, who)
    household[who] = smallest[label]
    if len(large):
        inside = np.flatnonzero(np.isin(label[ends[0]], large))
        order = inside[np.lexsort((second[inside], first[inside], -strength[inside]))]
        alone = who[np.isin(label, large)]
        household[alone] = alone
        for member, name in _cut(first[order].tolist(), second[order].tolist(), cap).items():
            household[member] = name
    return _completed(household, is_person, aum, len(large))


def _cut(first: list[int], second: list[int], cap: int) -> dict[int, int]:
    """Member -> smallest member, joining along links in order unless a household would outgrow the cap."""
    of: dict[int, list[int]] = {}
    for a, b in zip(first, second, strict=True):
        left, right = of.setdefault(a, [a]), of.setdefault(b, [b])
        if left is right or len(left) + len(right) > cap:
            continue
        small, large = sorted((left, right), key=len)
        large.extend(small)
        for member in small:
            of[member] = large
    return {member: min(group) for member, group in of.items()}


def _completed(
    household: NDArray[np.int32], is_person: NDArray[np.bool_], aum: NDArray[np.int64], split: int
) -> Households:
    count = len(household)
    sizes = np.bincount(household[is_person], minlength=count)
    size = np.where(is_person, sizes[np.maximum(household, 0)], 0).astype(np.int32)
    total = np.where(is_person, aum, 0)
    head = is_person & (size == 1)
    who = np.flatnonzero(size > 1)
    if len(who):
        order = who[np.lexsort((who, -aum[who], household[who]))]
        starts = np.flatnonzero(np.diff(household[order], prepend=-2))
        head[order[starts]] = True
        sums = np.add.reduceat(aum[order], starts)
        total[order] = np.repeat(sums, np.diff(starts, append=len(order)))
    return Households(household, size, head, total.astype(np.int64), split)
