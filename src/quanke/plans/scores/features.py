"""Which tags a score is learned from, and how a table of tags becomes numbers."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from quanke.kernel.errors import ScoreError
from quanke.language import Catalogue, Tag
from quanke.language.types import Kind
from quanke.plans.scores.drift import Steps
from quanke.plans.scores.honest import leaks, looks_back, too_early, walled

USABLE = frozenset({Kind.BOOLEAN, Kind.INTEGER, Kind.MONEY, Kind.RATE, Kind.NUMBER, Kind.DATE})
"""Kinds that are numbers to a model; a date is the days since it."""
LEFT_OUT = frozenset(
    {
        "is_person",
        "relationship_closed",
        "may_be_profiled",
        "profiling_refused",
        "profiling_agreed",
        "as_of_day",
        # there only while payment activity is scored: a score must not change with another's use
        "payment_days_365d",
        "first_payment_on",
        "last_payment_on",
    }
)
"""Tags that are the same for everybody who is scored, or not always there."""
PERCENTILES = 101


@dataclass(frozen=True)
class Feature:
    """A tag a model reads. `digest` tells its definition with all it stands on; `steps` are those of its
    values in training, `percentiles` the 0th to 100th of the known ones (empty where none was known)."""

    name: str
    kind: Kind
    title_zh: str
    title_en: str
    unit: str
    digest: str
    steps: Steps
    percentiles: tuple[float, ...]

    @classmethod
    def of(cls, catalogue: Catalogue, name: str, values: NDArray[np.float64]) -> Feature:
        """The feature of that name with its values in training."""
        tag = catalogue[name]
        known = values[~np.isnan(values)]
        cuts = np.quantile(known, np.linspace(0, 1, PERCENTILES)).tolist() if len(known) else []
        made = Steps.of(values)
        titles = (tag.title_zh, tag.title_en, tag.unit)
        return cls(name, tag.result.kind, *titles, digest(catalogue, name), made, tuple(cuts))

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        told = {k: getattr(self, k) for k in ("name", "title_zh", "title_en", "unit", "digest")}
        return {
            **told,
            "kind": str(self.kind),
            "steps": self.steps.to_json(),
            "percentiles": list(self.percentiles),
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Feature:
        """What `to_json` wrote."""
        texts = {k: str(told[k]) for k in ("name", "title_zh", "title_en", "unit", "digest")}
        steps = Steps.from_json(told["steps"])
        return cls(
            kind=Kind(told["kind"]), steps=steps, percentiles=tuple(map(float, told["percentiles"])), **texts
        )


def digest(catalogue: Catalogue, name: str) -> str:
    """Digest of a definition and all it stands on: another one where any of them computes something else."""
    parts = sorted(f"{d.name}:{d.fingerprint}" for d in catalogue.needed([name]))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def why_not(catalogue: Catalogue, name: str) -> str:
    """Why a tag cannot be a feature of a score; empty where it can."""
    if name not in catalogue or not isinstance(catalogue[name], Tag):
        return "there is no tag of this name"
    if walled(catalogue, name):
        only = ", ".join(sorted(catalogue.purposes(name)))
        return f"it may be read for {only} only, and a score serves marketing"
    lost = leaks(catalogue, name)
    if lost:
        return f"of a past day nobody knows {', '.join(lost)}"
    if catalogue[name].result.kind not in USABLE:
        return f"a model reads numbers, this is {catalogue[name].result.kind}"
    return ""


def chosen(
    catalogue: Catalogue, begins: Mapping[str, dt.date], first: dt.date, asked: Iterable[str] = ()
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Names of features, and of what was left out with its reason.

    `begins`: first day of each table of events or balances; `first`: the earliest day features are computed
    for. Without `asked`, every tag that can be one. Raises ScoreError for an asked tag that cannot.
    """
    wanted = list(dict.fromkeys(asked))
    taken, left = [], {}
    for name in wanted or [t.name for t in catalogue.tags if t.name not in LEFT_OUT]:
        reason = why_not(catalogue, name)
        if not reason and too_early(looks_back(catalogue, name), begins, first):
            reason = "the tables do not reach back as far as it looks"
        if reason and wanted:
            raise ScoreError(f"{name} cannot be a feature: {reason}")
        if reason:
            left[name] = reason
        else:
            taken.append(name)
    return tuple(taken), left


def matrix(table: pa.Table, names: Sequence[str], kinds: Sequence[Kind], day: dt.date) -> NDArray[np.float64]:
    """Columns of a table of tags as float64, rows x names, nan for unknown: money in minor units, a date as
    days from it to `day`, yes as 1."""
    made = np.empty((table.num_rows, len(names)), order="F")  # columns lie together, as trees read them
    for at, (name, kind) in enumerate(zip(names, kinds, strict=True)):
        made[:, at] = numbers(table[name], kind, day)
    return made


def numbers(column: pa.ChunkedArray, kind: Kind, day: dt.date) -> NDArray[np.float64]:
    """One column of `matrix`."""
    if kind is Kind.DATE:
        since = pc.cast(pc.cast(column, pa.int32()), pa.float64())
        return np.asarray((day - dt.date(1970, 1, 1)).days - _plain(since), np.float64)
    return _plain(pc.cast(column, pa.float64()))


def _plain(column: pa.ChunkedArray) -> NDArray[np.float64]:
    filled = pc.fill_null(column, float("nan"))
    return np.asarray(filled.to_numpy(), np.float64)
