"""Clusters named by what sets them apart: 高资产·低登录次数, "High assets, low logins"."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from quanke.segments.cluster_scaling import Array

TELLING = 0.5
"""Standard deviations by which a cluster's mean must differ for a column to be worth saying."""
STILL_TELLING = 0.25
"""What is enough for a name of last night to stay: a name does not flicker."""
SAID = 2
_IN_BRACKETS = re.compile(r"\s*[（(][^（()）]*[)）]")


@dataclass(frozen=True, slots=True)
class ClusterName:
    """Name of a cluster. `tells` are the columns it speaks of, each with the sign of its difference."""

    zh: str
    en: str
    tells: tuple[tuple[str, int], ...]


def differences(rows: Array, labels: np.ndarray, count: int) -> Array:
    """How far each cluster's mean lies from everybody's, in standard deviations: clusters x columns."""
    spread = rows.std(axis=0)
    spread[spread == 0] = 1.0
    everybody = rows.mean(axis=0)
    means = np.vstack(
        [rows[labels == c].mean(axis=0) if (labels == c).any() else everybody for c in range(count)]
    )
    return np.asarray((means - everybody) / spread)


def names_of(
    apart: Array,
    features: Sequence[str],
    titles: Mapping[str, tuple[str, str]],
    yes_no: frozenset[str],
    before: Sequence[ClusterName | None],
) -> list[ClusterName]:
    """A name for each row of `apart` (see `differences`), no two alike; `before` are last night's, kept
    while they are still true. `yes_no` are columns that hold only 0 and 1."""
    found: dict[int, ClusterName] = {}
    taken: set[str] = set()
    for c, old in enumerate(before):
        if old is not None and old.zh not in taken and _still_true(old, apart[c], features):
            found[c] = old
            taken.add(old.zh)
    for c in range(len(apart)):
        if c not in found:
            found[c] = _new_name(apart[c], features, titles, yes_no, taken)
            taken.add(found[c].zh)
    return [found[c] for c in range(len(apart))]


def _still_true(name: ClusterName, apart: Array, features: Sequence[str]) -> bool:
    if not name.tells:
        return bool(np.all(np.abs(apart) < TELLING))
    places = {feature: j for j, feature in enumerate(features)}
    return all(f in places and apart[places[f]] * sign >= STILL_TELLING for f, sign in name.tells)


def _new_name(
    apart: Array,
    features: Sequence[str],
    titles: Mapping[str, tuple[str, str]],
    yes_no: frozenset[str],
    taken: set[str],
) -> ClusterName:
    order = sorted(range(len(features)), key=lambda j: (-abs(apart[j]), j))
    telling = [j for j in order if abs(apart[j]) >= TELLING] or [j for j in order[:1] if abs(apart[j]) >= 0.1]
    name = ClusterName("各项居中", "Average throughout", ())
    for said in range(min(SAID, len(telling)), len(telling) + 1) if telling else ():
        tells = tuple((features[j], 1 if apart[j] > 0 else -1) for j in telling[:said])
        words = [_words(feature, sign, titles, feature in yes_no) for feature, sign in tells]
        english = ", ".join(en for _, en in words)
        name = ClusterName("·".join(zh for zh, _ in words), english[:1].upper() + english[1:], tells)
        if name.zh not in taken:
            return name
    number = 2
    while f"{name.zh} {number}" in taken:
        number += 1
    return (
        name
        if name.zh not in taken
        else ClusterName(f"{name.zh} {number}", f"{name.en} {number}", name.tells)
    )


def _words(feature: str, sign: int, titles: Mapping[str, tuple[str, str]], yes_no: bool) -> tuple[str, str]:
    zh, en = (_IN_BRACKETS.sub("", t).strip() or t for t in titles.get(feature, (feature, feature)))
    en = en[:1].lower() + en[1:] if en[1:2].islower() else en
    if not yes_no:
        return ("高" if sign > 0 else "低") + zh, ("high " if sign > 0 else "low ") + en
    said = zh.removeprefix("是否")
    if sign > 0:
        return said, en
    negated = (
        "无" + said[1:] if said.startswith("有") else f"未{said}" if said.startswith("持有") else f"少{said}"
    )
    return negated, f"few: {en}"
