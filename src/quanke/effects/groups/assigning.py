"""An audience dealt out to arms: by a salted hash, with exact shares within strata, before anybody is
contacted.

Within a stratum units stand in the order of their salted hash, and an arm takes the first so many of them.
How many is decided by cumulative rounding over all strata (Cox, "A constructive procedure for unbiased
controlled rounding", JASA 1987): the strata stand in the order of a hash of their own, and the shares of
their sizes are added up from a random start; every whole number passed is one unit more. So each stratum has
its share up to one unit, all of them together have it up to one unit, and every unit has exactly the planned
chance, also in a stratum of one. (Giving the largest remainders the odd units would keep small strata out of
the control group for ever.) Of more than two arms, one is parted from the rest, then the next from what is
left.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from quanke.kernel.errors import EffectError
from quanke.segments.control import WHOLE, salted_hash, salted_text_hash

Ints = NDArray[np.int64]
CONTROL = "control"
TREATED = "treated"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm. `share_ppm`: parts per million of the units. The arm named `control` gets nothing."""

    name: str
    share_ppm: int


@dataclass(frozen=True, slots=True, eq=False)
class Assigned:
    """Units in arms; every array has one entry per unit.

    `arm`: place in `arms`. `hash`: what decided. `rank`: place by the hash in the stratum, from 0. `size`:
    units of the stratum.
    """

    arms: tuple[Arm, ...]
    arm: NDArray[np.int8]
    hash: NDArray[np.uint64]
    rank: Ints
    size: Ints

    def counts(self) -> dict[str, int]:
        """Units by arm."""
        found = np.bincount(self.arm, minlength=len(self.arms))
        return {arm.name: int(count) for arm, count in zip(self.arms, found, strict=True)}


def checked_arms(arms: Sequence[Arm]) -> tuple[Arm, ...]:
    """The arms, the control first. Raises EffectError for arms that are no plan."""
    names = [arm.name for arm in arms]
    if len(arms) < 2 or names.count(CONTROL) != 1 or len(set(names)) < len(names):
        raise EffectError(f"a campaign has at least two arms of different names, one of them {CONTROL!r}")
    if not all(_NAME.match(name) for name in names):
        raise EffectError("an arm is named like a tag: a-z, 0-9 and _, a letter first, 63 at most")
    if any(arm.share_ppm <= 0 for arm in arms) or sum(arm.share_ppm for arm in arms) != WHOLE:
        raise EffectError("the shares of the arms are above zero and together the whole (1,000,000 ppm)")
    return tuple(sorted(arms, key=lambda arm: arm.name != CONTROL))


def assign_arms(
    units: ArrayLike | Sequence[str],
    arms: Sequence[Arm],
    salt: str,
    strata: ArrayLike | Sequence[str] | None = None,
    least: int = 1,
) -> Assigned:
    """Deal units (n, each once: whole numbers such as customers, or codes such as posts) out to arms.

    `strata`: (n,) codes or texts. `least`: fewest units of an arm. The same units, arms, salt and strata give
    the same arms, in whatever order they come. Raises EffectError where an arm would have fewer units than
    `least`.
    """
    planned = checked_arms(arms)
    keys = np.asarray(units)
    texts = keys.dtype.kind in "UOS"
    hashes = salted_text_hash(keys.tolist(), salt) if texts else salted_hash(keys, salt)
    if len(np.unique(keys)) < len(keys):
        raise EffectError("a unit stands twice in the audience")
    encoded = pa.array(np.zeros(len(keys), np.int64) if strata is None else strata).dictionary_encode()
    stratum, names = encoded.indices.to_numpy().astype(np.int64), encoded.dictionary.to_pylist()
    order = np.lexsort((keys, hashes, stratum))  # of equal hashes the smaller unit comes first
    sizes = np.bincount(stratum, minlength=len(names))
    starts = np.cumsum(sizes) - sizes
    rank = np.empty(len(keys), np.int64)
    rank[order] = np.arange(len(keys)) - np.repeat(starts, sizes)
    places = salted_text_hash(map(str, names), f"{salt} strata")
    arm = _dealt(rank, stratum, sizes, planned, places, salt)
    found = Assigned(planned, arm, hashes, rank, sizes[stratum] if len(keys) else rank)
    for name, count in found.counts().items():
        if count < least:
            raise EffectError(
                f"arm {name} would have {count:,} units, fewer than the {least:,} that are asked for"
            )
    return found


def _dealt(
    rank: Ints,
    stratum: Ints,
    sizes: Ints,
    arms: tuple[Arm, ...],
    places: NDArray[np.uint64],
    salt: str,
) -> NDArray[np.int8]:
    """The arm of each unit: the first arm is parted from the rest, then the second, and so on."""
    arm = np.full(len(rank), len(arms) - 1, np.int8)
    order = np.argsort(places, kind="stable")
    taken = np.zeros(len(sizes), np.int64)
    left = WHOLE
    for number, each in enumerate(arms[:-1]):
        start = int(salted_text_hash([str(number)], f"{salt} start")[0]) % WHOLE
        more = np.zeros(len(sizes), np.int64)
        more[order] = _portions((sizes - taken)[order], each.share_ppm, left, start)
        first, last = taken[stratum], (taken + more)[stratum]
        arm[(rank >= first) & (rank < last)] = number
        taken += more
        left -= each.share_ppm
    return arm


def _portions(sizes: Ints, share: int, whole: int, start: int) -> Ints:
    """For each stratum how many of its units: cumulative rounding of size * share / whole, in whole numbers.

    `start` in millionths. Of all strata together the share is met up to one unit.
    """
    ends = np.concatenate([[0], np.cumsum(sizes)])
    # Python's whole numbers have no end; strata are thousands
    passed = [(int(end) * share * WHOLE + start * whole) // (whole * WHOLE) for end in ends.tolist()]
    return np.array([b - a for a, b in pairwise(passed)], np.int64)
