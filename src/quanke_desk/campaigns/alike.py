"""Customers most like those of an audience, by the night's figures and scores.

A logistic regression tells the seed from everybody else; who is not of the seed and looks most like it comes
first. It reads figures, flags and scores that marketing may use, each as its place among all customers, so
that no amount outweighs the rest. It never reads what stands on identity (names, documents, phones,
addresses, days of birth), nor what the seed itself was chosen by. Who refused profiling is neither learnt
from nor found.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from quanke.kernel.errors import QuankeError
from quanke.language.nodes import references
from quanke.language.types import Kind
from quanke_desk.campaigns.audience_tags import tags
from quanke_desk.campaigns.audiences import index_of, members_of, of_numbers, understood
from quanke_desk.campaigns.joint_terms import came_of, still_covered
from quanke_desk.campaigns.models import AudienceKind, AudienceVersion
from quanke_desk.campaigns.reach import marketable, profiled
from quanke_desk.customers.sight import FIELDS
from quanke_desk.foundation.analytic import Base, base
from quanke_desk.foundation.people import NotAllowed

if TYPE_CHECKING:
    from quanke.segments.index import Members

LEAST_SEED = 50
LEARNT_FROM = 20_000
"""Customers of the seed, and as many others, that are learnt from at most."""
SEED = 20260630
_KINDS = frozenset({Kind.BOOLEAN, Kind.INTEGER, Kind.MONEY, Kind.RATE, Kind.NUMBER})
_PLACES = np.linspace(0, 1, 101)[1:-1]
_CHUNK = 1 << 20
_AT_ONCE = 20_000


@dataclass(frozen=True)
class Alike:
    """Who was found, ascending; how well seed and others can be told apart (0.5: not at all), and the tags
    that tell most."""

    customers: NDArray[np.int64]
    auc: float
    told_by: tuple[str, ...]


def features(version: AudienceVersion, of: Base | None = None) -> list[str]:
    """Tags that are read for a seed, in the order of the catalogue."""
    held = of or base()
    catalogue, columns = held.bank.catalogue, index_of(held).columns
    chosen_by = _chosen_by(version, held)
    found = []
    for name, tag in tags(held).items():
        if tag.kind not in _KINDS or name not in columns or name in chosen_by:
            continue
        if not {f.partition(".")[2] for f in catalogue.lineage(name).all_fields} & set(FIELDS):
            found.append(name)
    return found


def _chosen_by(version: AudienceVersion, held: Base) -> frozenset[str]:
    """Tags the text of a seed names, what they are made of, and what is made of them at once."""
    if not version.text or version.text.startswith("#"):
        return frozenset()
    try:
        named = {r.name for r in references(understood(version.text, held).node)}
    except QuankeError:
        return frozenset()
    lineages = [held.bank.catalogue.lineage(name) for name in named]
    return frozenset(named).union(*(set(one.all_uses) | set(one.used_by) for one in lineages))


def alike(
    version: AudienceVersion, size: int, of: Base | None = None,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> Alike:  # fmt: skip
    """The `size` customers most like those of a version, without them; where it came of a contract with a
    partner, only whom that covers. Raises NotAllowed where the seed is too small, or is everybody."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    held = of or base()
    everybody = _usable(held)
    seed = of_numbers(members_of(version, held), held)
    learnt, others = (seed & everybody).numbers(), (everybody - seed).numbers()
    if len(learnt) < LEAST_SEED:
        raise NotAllowed("too few to learn from: 50 customers who may be profiled are needed")
    if not len(others):
        raise NotAllowed("nobody is left who could be alike")
    names = features(version, held)
    draw = np.random.default_rng(SEED)
    one, zero = (draw.permutation(n)[:LEARNT_FROM] for n in (learnt, others))
    rows = np.concatenate([one, zero])
    is_seed = np.repeat([1, 0], [len(one), len(zero)])
    limits, columns = [], []
    for at, name in enumerate(names):
        told(at, 2 * len(names))
        values, known = _values(held, name, rows)
        limit = np.quantile(values[known], _PLACES) if known.any() else np.zeros(0)
        limits.append(limit)
        columns.append(_placed(values, known, limit))
    x = np.stack(columns, 1)
    test = draw.random(len(rows)) < 0.25
    model = LogisticRegression(C=0.1, class_weight="balanced", max_iter=400, random_state=SEED)
    apart = len(set(is_seed[test])) == 2 and len(set(is_seed[~test])) == 2
    auc = 0.5
    if apart:
        auc = float(
            roc_auc_score(is_seed[test], model.fit(x[~test], is_seed[~test]).decision_function(x[test]))
        )
    weights = model.fit(x, is_seed).coef_[0]
    score = np.zeros(len(others), np.float64)
    for at, (name, weight, limit) in enumerate(zip(names, weights, limits, strict=True)):
        told(len(names) + at, 2 * len(names))
        for start in range(0, len(others), _CHUNK):
            part = slice(start, start + _CHUNK)
            score[part] += weight * _placed(*_values(held, name, others[part]), limit)
    best = others[np.lexsort((others, -score))]  # of equal ones the smaller number comes first
    best = _covered(version, best, size, held)
    if not len(best):
        raise NotAllowed("nobody who is alike agreed to be told of to the partner")
    most = np.argsort(-np.abs(weights), kind="stable")[:5]
    return Alike(np.sort(best), auc, tuple(names[i] for i in most))


def _covered(version: AudienceVersion, ranked: NDArray[np.int64], size: int, held: Base) -> NDArray[np.int64]:
    """The first `size` of some customers whom the contracts a version came of cover; all, where it came of
    none."""
    if not came_of(version):
        return ranked[:size]
    found = np.zeros(0, np.int64)
    for start in range(0, len(ranked), _AT_ONCE):
        part = ranked[start : start + _AT_ONCE]
        covered = still_covered(version.audience_id, part, held)
        found = np.concatenate([found, part[np.isin(part, covered)]])[:size]
        if len(found) >= size:
            break
    return found


def _usable(held: Base) -> Members:
    """Who may be marketed to, and did not refuse profiling."""
    return profiled(marketable(index_of(held).everybody, held), held)


def _values(held: Base, name: str, rows: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    column = index_of(held).columns[name]
    codes = column.codes[rows] if column.width else column.part(0, held.night.rows)[rows]
    found = column.values(codes)
    return found.values.astype(np.float64), found.valid


def _placed(
    values: NDArray[np.float64], known: NDArray[np.bool_], limits: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Each value's place among the others, from -0.5 to 0.5; the middle where nothing is known."""
    low = np.searchsorted(limits, values, "left") + np.searchsorted(limits, values, "right")
    return np.where(known, low / (2.0 * max(1, len(limits))) - 0.5, 0.0)


def said(version: AudienceVersion, size: int) -> str:
    """The text of what was found: from what. Written with a # in front, it is no condition."""
    return f"# {size} like audience {version.audience_id}, version {version.number}, night {version.night}"


_SAID = re.compile(r"# (\d+) like audience (\d+), version (\d+), night ([\d-]+)\Z")


def said_in_words(text: str) -> str:
    """What `said` wrote, in the language of who looks; another text as it is."""
    found = _SAID.match(text)
    if found is None:
        return text
    words = _(
        "%(count)s customers like audience %(audience)s, version %(version)s, by the night of %(night)s"
    )
    return words % dict(zip(("count", "audience", "version", "night"), found.groups(), strict=True))


def is_condition(version: AudienceVersion) -> bool:
    """Whether the text of a version is one that can be asked again."""
    return version.kind != AudienceKind.LIST and bool(version.text) and not version.text.startswith("#")
