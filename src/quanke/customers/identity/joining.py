"""Nodes joined into groups under what must not meet: documents, decisions, pairs in doubt, weak chains."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]

TWO_DOCUMENTS, DOUBT, IN_CONFLICT, WEAK = 6, 7, 8, 9
"""Why a likely link is left out; `groups` has the words."""


@dataclass(slots=True)
class Joining:
    """Groups of nodes as they grow. A node is a set of rows that are one person beyond question.

    `node` of each row; `key` of each node, by which ties are broken; `parent` of each node; `held` document
    and scope of each node (-1 none), `unions` those of groups of several nodes; `members` of such groups;
    `apart`, `doubted`: nodes that must not meet a node, by decision and in doubt; `blocked`: nodes in an
    unresolved conflict.
    """

    node: Ints
    key: Ints
    parent: list[int]
    held: tuple[Ints, Ints]
    unions: tuple[dict[int, frozenset[int]], dict[int, frozenset[int]]] = field(
        default_factory=lambda: ({}, {})
    )
    members: dict[int, list[int]] = field(default_factory=dict)
    apart: dict[int, set[int]] = field(default_factory=dict)
    doubted: dict[int, set[int]] = field(default_factory=dict)
    blocked: set[int] = field(default_factory=set)

    @staticmethod
    def of(nodes: Ints, documents: Ints, scopes: Ints, order: Ints) -> Joining:
        """A start in which every node is a group of its own."""
        _, node = np.unique(nodes, return_inverse=True)
        count = int(node.max()) + 1 if len(node) else 0
        key = np.full(count, np.iinfo(np.int64).max)
        np.minimum.at(key, node, order)
        held = []
        for codes in (documents, scopes):
            best = np.full(count, -1, np.int64)
            np.maximum.at(best, node, codes)
            held.append(best)
        return Joining(node.astype(np.int64), key, list(range(count)), (held[0], held[1]))

    def _holds(self, what: int, group: int) -> frozenset[int]:
        """Documents (`what` 0) or scopes (1) of a group."""
        union = self.unions[what].get(group)
        if union is not None:
            return union
        code = int(self.held[what][group])
        return frozenset((code,)) if code >= 0 else frozenset()

    def find(self, node: int) -> int:
        """The group of a node, by its representative node."""
        parent = self.parent
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    def _unite(self, one: int, other: int) -> int:
        """Join two groups; the one with the smaller key represents both."""
        if self.key[other] < self.key[one]:
            one, other = other, one
        for what, unions in enumerate(self.unions):
            unions[one] = self._holds(what, one) | self._holds(what, other)
        self.parent[other] = one
        self.members.setdefault(one, [one]).extend(self.members.pop(other, [other]))
        return one

    def _meet(self, table: dict[int, set[int]], one: int, other: int) -> bool:
        """Whether joining two groups would bring together two nodes that the table keeps apart."""
        if not table:
            return False
        mine, theirs = self.members.get(one, [one]), self.members.get(other, [other])
        return any(self.find(enemy) == other for node in mine for enemy in table.get(node, ())) or any(
            self.find(enemy) == one for node in theirs for enemy in table.get(node, ())
        )

    def decide(self, same: list[tuple[int, int]], different: list[tuple[int, int]]) -> set[tuple[int, int]]:
        """Take people's decisions: keep apart, then join. Returns pairs that contradict the others."""
        for a, b in different:
            self._keep_apart(self.apart, int(self.node[a]), int(self.node[b]))
        contradicting: set[tuple[int, int]] = set()
        for a, b in sorted(same, key=lambda pair: sorted(self.key[self.node[list(pair)]].tolist())):
            one, other = self.find(int(self.node[a])), self.find(int(self.node[b]))
            if one == other:
                continue
            if self._meet(self.apart, one, other):
                contradicting.add((a, b))
            else:
                self._unite(one, other)
        return contradicting

    @staticmethod
    def _keep_apart(table: dict[int, set[int]], one: int, other: int) -> None:
        if one != other:
            table.setdefault(one, set()).add(other)
            table.setdefault(other, set()).add(one)

    def doubt(self, left: Ints, right: Ints, conflict: Bools, variant: Bools) -> None:
        """Note pairs in doubt that no decision has resolved; a conflict blocks both of its nodes."""
        for row in np.flatnonzero(conflict | variant).tolist():
            one, other = int(self.node[left[row]]), int(self.node[right[row]])
            if self.find(one) == self.find(other) or self._meet(self.apart, self.find(one), self.find(other)):
                continue
            self._keep_apart(self.doubted, one, other)
            if conflict[row]:
                self.blocked |= {one, other}

    def link(
        self, left: Ints, right: Ints, probability: npt.NDArray[np.float64], probable: Bools, cohesion: float
    ) -> Ints:
        """Join along probable links by falling probability. Returns per link why it was left out, 0 if not.

        Links between the same two nodes are one edge of their best probability; ties go by the keys.
        """
        why = np.zeros(len(left), np.int64)
        ends = np.sort(np.stack([self.node[left], self.node[right]]), axis=0)
        rows = np.flatnonzero(probable & (ends[0] != ends[1]))
        edges = self._edges(ends, probability)
        low, high = self.key[ends[0]], self.key[ends[1]]
        ranked = np.lexsort((np.maximum(low, high)[rows], np.minimum(low, high)[rows], -probability[rows]))
        seen: dict[tuple[int, int], int] = {}
        for row in rows[ranked].tolist():
            pair = (int(ends[0][row]), int(ends[1][row]))
            if pair not in seen:
                seen[pair] = self._try(*pair, edges, cohesion)
            why[row] = seen[pair]
        return why

    def _edges(self, ends: Ints, probability: npt.NDArray[np.float64]) -> dict[int, dict[int, float]]:
        """The best probability between nodes, by node and neighbour."""
        edges: dict[int, dict[int, float]] = {}
        apart = np.flatnonzero(ends[0] != ends[1])
        for one, other, chance in zip(
            ends[0][apart].tolist(), ends[1][apart].tolist(), probability[apart].tolist(), strict=True
        ):
            mine = edges.setdefault(one, {})
            if chance > mine.get(other, 0.0):
                mine[other] = chance
                edges.setdefault(other, {})[one] = chance
        return edges

    def _try(self, one: int, other: int, edges: dict[int, dict[int, float]], cohesion: float) -> int:
        """Join the groups of two nodes unless something forbids it; why not, 0 if joined."""
        if one in self.blocked or other in self.blocked:
            return IN_CONFLICT
        first, second = self.find(one), self.find(other)
        if first == second:
            return 0
        for what in (0, 1):
            mine, theirs = self._holds(what, first), self._holds(what, second)
            if mine and theirs and not (mine <= theirs or theirs <= mine):
                return TWO_DOCUMENTS
        if self._meet(self.apart, first, second) or self._meet(self.doubted, first, second):
            return DOUBT
        if self._mean(first, second, edges) < cohesion:
            return WEAK
        self._unite(first, second)
        return 0

    def _mean(self, first: int, second: int, edges: dict[int, dict[int, float]]) -> float:
        """Mean probability between the nodes of two groups; pairs without a link count as 0."""
        mine, theirs = self.members.get(first, [first]), self.members.get(second, [second])
        if len(mine) > len(theirs):
            mine, theirs = theirs, mine
        wanted = set(theirs)
        total = sum(chance for node in mine for to, chance in edges.get(node, {}).items() if to in wanted)
        return total / (len(mine) * len(theirs))

    def group_of_row(self) -> Ints:
        """The group of each row, by the number of its representative node."""
        found = np.asarray(self.parent, dtype=np.int64)
        for node in np.flatnonzero(found != np.arange(len(found))).tolist():
            found[node] = self.find(node)
        return found[self.node]

    def decided_different(self, left: Ints, right: Ints) -> Bools:
        """Whether people decided that the groups of two rows are different."""
        found = np.zeros(len(left), np.bool_)
        if not self.apart:
            return found
        groups = self.group_of_row()
        pairs = {
            (self.find(node), self.find(enemy)) for node, enemies in self.apart.items() for enemy in enemies
        }
        for row, pair in enumerate(zip(groups[left].tolist(), groups[right].tolist(), strict=True)):
            found[row] = pair in pairs
        return found
