"""Records of any source to customers, in one call."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from quanke.customers.identity.groups import Grouping, group
from quanke.customers.identity.links import find_links
from quanke.customers.identity.model import IdentityModel
from quanke.customers.identity.records import normalise
from quanke.customers.identity.training import train

_LINKED = ("exact", "probable")
_OPEN = ("conflict", "variant", "review", "probable", "exact")
"""Outcomes of links that wait, the most serious first. A probable link that was left out is a question."""


def resolve(
    records: pa.Table, *, decisions: pa.Table | None = None, model: IdentityModel | None = None
) -> pa.Table:
    """Who is who: one row per record of `records`, in their order.

    Columns: `record_id`; `customer`, whole numbers from 0 in order of first appearance; `outcome`, how the
    record stands: `exact` or `probable` where it is linked to another one, else its most serious open
    question (`conflict`, `variant`, `review`), else `new`; `probability` and `reason` of that link (1.0 and
    empty for `new`). For `records` see `normalise`; for `decisions` `group`. Without a `model` one is learnt
    from the records, or the shipped one taken where they are few. InputError where records cannot be read.
    """
    normalised = normalise(records)
    if model is None:
        model = train(normalised)
    grouping = group(normalised, find_links(normalised, model), decisions, model.cohesion)
    outcome, probability, reason = standing(grouping)
    _, firsts, places = np.unique(grouping.label, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(firsts))
    return pa.table(
        {
            "record_id": normalised["record_id"],
            "customer": pa.array(rank[places].astype(np.int32)),
            "outcome": outcome,
            "probability": pa.array(probability),
            "reason": reason,
        }
    )


def standing(grouping: Grouping) -> tuple[pa.Array, npt.NDArray[np.float64], pa.Array]:
    """How each record stands: outcome, probability and reason (see `resolve`)."""
    links, size = grouping.links, len(grouping.label)
    chosen = np.full(size, -1, np.int64)
    strength = np.full(size, -1.0)
    outcomes = np.asarray(links["outcome"].to_pylist(), dtype=object)
    settled = np.asarray(links["settled"].to_pylist(), dtype=object)
    ends = [links[name].to_numpy() for name in ("left", "right")]
    chance = links["probability"].to_numpy()
    rank = np.zeros(links.num_rows)
    for place, outcome in enumerate(reversed(_OPEN)):
        rank[(settled == "queued") & (outcomes == outcome)] = 2.0 * place + 2.0
    rank[settled == "linked"] = 20.0
    for place, outcome in enumerate(reversed(_LINKED)):
        rank[(settled == "linked") & (outcomes == outcome)] = 22.0 + 2.0 * place
    rank = np.where(rank > 0, rank + chance, -1.0)
    order = np.argsort(rank, kind="stable")
    for rows in ends:
        for_rows = rows[order]
        better = rank[order] > strength[for_rows]
        np.maximum.at(strength, for_rows[better], rank[order][better])
    for rows in ends:  # the last of equal rank wins, whichever end the record is on
        best = np.flatnonzero((rank > 0) & (rank == strength[rows]))
        chosen[rows[best]] = best
    return _told(links, chosen, outcomes, settled)


def _told(
    links: pa.Table,
    chosen: npt.NDArray[np.int64],
    outcomes: npt.NDArray[np.object_],
    settled: npt.NDArray[np.object_],
) -> tuple[pa.Array, npt.NDArray[np.float64], pa.Array]:
    known = chosen >= 0
    outcome = np.full(len(chosen), "new", dtype=object)
    told = outcomes.copy()
    told[(settled == "queued") & np.isin(outcomes, _LINKED)] = "review"
    told[(settled == "linked") & ~np.isin(outcomes, _LINKED)] = "exact"
    outcome[known] = told[chosen[known]]
    probability = np.ones(len(chosen))
    probability[known] = links["probability"].to_numpy()[chosen[known]]
    words = np.where(
        (settled == "linked") & ~np.isin(outcomes, _LINKED),
        links["why"].to_pylist(),
        links["reason"].to_pylist(),
    )
    reason = np.full(len(chosen), "", dtype=object)
    reason[known] = words[chosen[known]]
    return pa.array(outcome.tolist(), pa.string()), probability, pa.array(reason.tolist(), pa.string())
