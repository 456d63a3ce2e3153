"""Records that are one customer: clustering that obeys decisions, documents and doubts.

A pure function of the set of records, links and decisions. Ties are broken by content and record number,
never by the place a record stands in, so neither order nor a second delivery changes who is who.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from quanke.customers.identity.joining import DOUBT, IN_CONFLICT, TWO_DOCUMENTS, WEAK, Joining
from quanke.kernel.errors import InputError

Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]

DECISIONS = pa.schema([("left", pa.int32()), ("right", pa.int32()), ("decision", pa.string())])
"""What people decided: positions of two records, and `same` or `different`; the last row of a pair counts."""

DOCUMENT, LIKELY, DECIDED, THROUGH_OTHERS, WAITING, CONTRADICTING = 1, 2, 3, 4, 5, 10
_WHY = {
    DOCUMENT: "same document",
    LIKELY: "likely and corroborated",
    DECIDED: "decided by a person",
    THROUGH_OTHERS: "through other records",
    WAITING: "waits for a person",
    TWO_DOCUMENTS: "two documents would meet",
    DOUBT: "records in doubt would meet",
    IN_CONFLICT: "a record is in conflict",
    WEAK: "the group hangs together too weakly",
    CONTRADICTING: "decisions contradict each other",
}


@dataclass(frozen=True, slots=True)
class Grouping:
    """`label`: for each row the smallest row of its group. `links`: the links with `settled` (`linked`,
    `queued`, `overruled`) and `why`."""

    label: npt.NDArray[np.int32]
    links: pa.Table


def group(
    normalised: pa.Table, links: pa.Table, decisions: pa.Table | None = None, cohesion: float = 0.4
) -> Grouping:
    """Group the rows of a normalised table by its links (`find_links`) and decisions (`DECISIONS`).

    Decisions come first, then exact links, then probable ones by falling probability. A merge is left out
    and its link queued where it would bring together two valid documents, a pair decided to be different,
    or a pair in doubt (variant, conflict); where a record is in an unresolved conflict; or where the mean
    probability between the groups is below `cohesion`.
    """
    table = _Links.of(links)
    size = normalised.num_rows
    order = _content_order(normalised)
    same, different = _decided(decisions, size)
    nodes = _nodes(normalised, table, order, different)
    joining = Joining.of(nodes, _codes(normalised["document"]), _codes(normalised["scope"]), order)
    contradicting = joining.decide(same, different)
    joining.doubt(table.left, table.right, table.outcome == "conflict", table.outcome == "variant")
    why = joining.link(table.left, table.right, table.probability, table.outcome == "probable", cohesion)
    found = joining.group_of_row()
    label = _smallest(found)
    why[_among(table, contradicting)] = CONTRADICTING
    return Grouping(label, _settled(links, table, found, why, joining, _among(table, same)))


@dataclass(frozen=True, slots=True)
class _Links:
    left: Ints
    right: Ints
    outcome: npt.NDArray[Any]
    probability: npt.NDArray[np.float64]

    @staticmethod
    def of(links: pa.Table) -> _Links:
        return _Links(
            links["left"].to_numpy().astype(np.int64),
            links["right"].to_numpy().astype(np.int64),
            np.asarray(links["outcome"].to_pylist(), dtype=object),
            links["probability"].to_numpy().astype(np.float64),
        )


def _codes(column: pa.ChunkedArray) -> Ints:
    """Whole numbers for the values of a column, -1 for null."""
    encoded = pc.dictionary_encode(pa.chunked_array([column.combine_chunks()])).combine_chunks()
    codes: Ints = encoded.indices.cast(pa.int64()).fill_null(-1).to_numpy()
    return codes


def _content_order(normalised: pa.Table) -> Ints:
    """The place of each row when rows are ordered by content and record number."""
    keys = pa.table({"digest": normalised["digest"], "record_id": normalised["record_id"]})
    rows = pc.sort_indices(keys, [("digest", "ascending"), ("record_id", "ascending")]).to_numpy()
    order = np.empty(len(rows), np.int64)
    order[rows] = np.arange(len(rows))
    return order


def _decided(decisions: pa.Table | None, size: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Pairs decided to be the same and to be different."""
    last: dict[tuple[int, int], str] = {}
    if decisions is not None:
        for row, (left, right, decision) in enumerate(
            zip(*(decisions[name].to_pylist() for name in DECISIONS.names), strict=True)
        ):
            if decision not in ("same", "different"):
                raise InputError("must be same or different", row=row + 1, field="decision")
            if not (0 <= left < size and 0 <= right < size) or left == right:
                raise InputError("must be two rows of the table", row=row + 1, field="left, right")
            last[min(left, right), max(left, right)] = decision
    return (
        [pair for pair, decision in last.items() if decision == "same"],
        [pair for pair, decision in last.items() if decision == "different"],
    )


def _components(size: int, left: Ints, right: Ints) -> Ints:
    from scipy.sparse import coo_array  # half a second: only where records are grouped
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(left), np.int8), (left, right)), shape=(size, size))
    found: Ints = connected_components(graph, directed=False)[1].astype(np.int64)
    return found


def _nodes(normalised: pa.Table, table: _Links, order: Ints, different: list[tuple[int, int]]) -> Ints:
    """The number of each row's node: rows that are one person beyond question, by document or content.

    A node in which a decision or two countries of a passport forbid a pair is taken apart: its rows, by
    content, go to the first part that may take them.
    """
    digests = _codes(normalised["digest"])
    copies = (table.outcome == "probable") & (digests[table.left] == digests[table.right])
    sure = (table.outcome == "exact") | copies
    nodes = _components(len(order), table.left[sure], table.right[sure])
    scope = _codes(normalised["scope"])
    torn = {int(nodes[a]) for a, b in different if nodes[a] == nodes[b]}
    known = np.flatnonzero(scope >= 0)
    pairs = np.unique(np.stack([nodes[known], scope[known]]), axis=1)
    torn |= set(np.unique(pairs[0][1:][pairs[0][1:] == pairs[0][:-1]]).tolist())
    if torn:
        _take_apart(nodes, torn, order, scope, different)
    return nodes


def _take_apart(
    nodes: Ints, torn: set[int], order: Ints, scope: Ints, different: list[tuple[int, int]]
) -> None:
    enemies: dict[int, set[int]] = {}
    for a, b in different:
        enemies.setdefault(a, set()).add(b)
        enemies.setdefault(b, set()).add(a)
    following = int(nodes.max()) + 1
    for node in sorted(torn):
        rows = np.flatnonzero(nodes == node)
        parts: list[tuple[set[int], set[int]]] = []
        for row in rows[np.argsort(order[rows])].tolist():
            mine, foes = {int(scope[row])} - {-1}, enemies.get(row, set())
            fitting = [
                n for n, (held, known) in enumerate(parts) if not foes & held and len(known | mine) < 2
            ]
            place = fitting[0] if fitting else len(parts)
            if place == len(parts):
                parts.append((set(), set()))
            parts[place][0].add(row)
            parts[place][1].update(mine)
            nodes[row] = node if place == 0 else following + place - 1
        following += len(parts) - 1


def _smallest(groups: Ints) -> npt.NDArray[np.int32]:
    """For each row the smallest row of its group."""
    _, firsts, places = np.unique(groups, return_index=True, return_inverse=True)
    label: npt.NDArray[np.int32] = firsts[places].astype(np.int32)
    return label


def _among(table: _Links, pairs: Collection[tuple[int, int]]) -> Bools:
    """Whether each link is one of some pairs of rows."""
    width = int(max(table.right.max(initial=0), *(right for _, right in pairs))) + 1 if pairs else 1
    keys = np.array([left * width + right for left, right in pairs], dtype=np.int64)
    found: Bools = np.isin(table.left * width + table.right, keys)
    return found


def _settled(
    links: pa.Table, table: _Links, found: Ints, why: Ints, joining: Joining, decided_same: Bools
) -> pa.Table:
    """The links with what became of each, and why."""
    together = found[table.left] == found[table.right]
    overruled = joining.decided_different(table.left, table.right)
    reasons = np.where(why > 0, why, WAITING)
    reasons[overruled] = DECIDED
    reasons[together] = THROUGH_OTHERS
    for outcome, number in (("exact", DOCUMENT), ("probable", LIKELY)):
        reasons[together & (table.outcome == outcome)] = number
    reasons[together & (decided_same | np.isin(table.outcome, ("variant", "conflict")))] = DECIDED
    settled = np.where(together, "linked", np.where(overruled, "overruled", "queued"))
    return links.append_column("settled", pa.array(settled.tolist(), pa.string())).append_column(
        "why", pa.array([_WHY[number] for number in reasons.tolist()], pa.string())
    )
