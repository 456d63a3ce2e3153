"""From groups of records to customer numbers, and from one state to the next as events.

Who is who is a function of the records, the model and people's decisions; the number of a group is a function
of the group. Nothing depends on the order in which things were found out, so undoing a merge gives back
exactly what was there before.

A number belongs to the record that was the first to have it, for ever. A group goes by the smallest number
that belongs to one of its records. A group none of whose records owns a number (records that were loaded
under somebody else's, and that people have told apart since) is given a new one, which then belongs to its
first record. So numbers are never given to anybody else, and the older number stands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Numbered:
    """The customer of each record (by party number), who owns which number, and how many are given out.

    `owner[n]` is the party to which number n belongs.
    """

    customer: Ints
    owner: Ints
    count: int


def owners(loaded: Ints, count: int, known: Ints | None = None) -> Ints:
    """The party that owns each of `count` numbers: the first that was loaded under it.

    `known` are the owners in an earlier state, which never change. Shape (count,), -1 where no record is
    known (a number that was given out and never used).
    """
    nobody = len(loaded)
    found = np.full(count, nobody, dtype=np.int32)
    np.minimum.at(found, loaded, np.arange(nobody, dtype=np.int32))
    found[found == nobody] = -1
    if known is not None:
        held = known >= 0
        found[: len(known)][held] = known[held]
    return found


def owners_among(state: Ints, count: int, parties: Ints) -> Ints:
    """For each of `count` numbers the smallest of `parties` that goes by it, -1 for none."""
    found = np.full(count, len(state), dtype=np.int32)
    np.minimum.at(found, state[parties], parties.astype(np.int32))
    found[found == len(state)] = -1
    return found


def number_groups(label: Ints, owner: Ints) -> Numbered:
    """The customer number of each record. `label` (shape (parties,)) is equal within a group."""
    parties = len(label)
    smallest = np.full(parties, np.iinfo(np.int32).max, dtype=np.int32)
    owned = np.flatnonzero(owner >= 0).astype(np.int32)
    np.minimum.at(smallest, label[owner[owned]], owned)
    customer = smallest[label]
    nameless = np.flatnonzero(customer == np.iinfo(np.int32).max)
    if len(nameless) == 0:
        return Numbered(customer, owner, len(owner))
    # each such group once, in the order of its first record
    groups, first = np.unique(label[nameless], return_index=True)
    order = np.argsort(first, kind="stable")
    fresh = np.empty(len(groups), dtype=np.int32)
    fresh[order] = len(owner) + np.arange(len(groups), dtype=np.int32)
    customer[nameless] = fresh[np.searchsorted(groups, label[nameless])]
    new_owners = nameless[first[order]].astype(np.int32)
    return Numbered(customer, np.concatenate([owner, new_owners]), len(owner) + len(groups))


@dataclass(frozen=True, slots=True)
class Move:
    """Records that go from one customer to another together. `kind` is merge, split or move."""

    kind: str
    customer: int
    other: int
    parties: tuple[int, ...]


def moves_between(before: Ints, after: Ints) -> list[Move]:
    """What happened between two states, by number moved from.

    `merge`: nobody is left under `other`. `split`: nobody was under `customer` before. `move`: some records
    went over and both customers stay. A record that is new was, before, under the number it was loaded with.
    """
    moved = np.flatnonzero(before != after).astype(np.int32)
    if len(moved) == 0:
        return []
    order = np.lexsort((moved, after[moved], before[moved]))
    moved = moved[order]
    pairs = before[moved].astype(np.int64) << 32 | after[moved].astype(np.int64)
    starts = np.flatnonzero(np.diff(pairs, prepend=-1))
    was, now = (_used(state, int(max(before.max(), after.max())) + 1) for state in (before, after))
    found = []
    for start, end in zip(starts, [*starts[1:], len(moved)], strict=True):
        old, new = int(before[moved[start]]), int(after[moved[start]])
        if not now[old]:
            kind = "merge"
        elif not was[new]:
            kind = "split"
        else:
            kind = "move"
        found.append(Move(kind, new, old, tuple(int(p) for p in moved[start:end])))
    return found


def _used(state: Ints, count: int) -> npt.NDArray[np.bool_]:
    """Whether anybody goes by each of `count` numbers."""
    used = np.zeros(count, dtype=np.bool_)
    used[state] = True
    return used


def together(parties: int, pairs: npt.NDArray[np.integer]) -> Ints:
    """A label per party, equal for all that `pairs` (shape (n, 2)) connect."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    ones = np.ones(len(pairs), dtype=np.int8)
    graph = coo_matrix((ones, (pairs[:, 0], pairs[:, 1])), shape=(parties, parties))
    label: Ints = connected_components(graph, directed=False)[1].astype(np.int32)
    return label
