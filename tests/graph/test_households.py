"""Households are the components of family links, split by the cap, and never counted twice."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quanke.bank.contracts import Purpose
from quanke.customers.graph.households import Households, find_households
from quanke.kernel.errors import QuankeError
from tests.graph.small_graph import NOW, Link, Small, random_small

SEEDS = st.integers(0, 2**32 - 1)


def households(small: Small, cap: int = 99) -> Households:
    aum = np.array(small.aum, np.int64)
    return find_households(small.arrays(), small.person, aum, NOW, cap)


def family(small: Small) -> nx.Graph:
    network = nx.Graph()
    network.add_nodes_from(np.flatnonzero(small.person).tolist())
    for a, b, data in small.network(Purpose.SERVICE, kinds=["family"]).edges(data=True):
        if small.person[a] and small.person[b] and data["link"].held():
            network.add_edge(a, b)
    return network


def groups(found: Households) -> dict[int, list[int]]:
    by_number = defaultdict(list)
    for customer, number in enumerate(found.household.tolist()):
        if number >= 0:
            by_number[number].append(customer)
    return dict(by_number)


@settings(max_examples=80, deadline=None)
@given(SEEDS)
def test_households_equal_networkx(seed: int) -> None:
    small = random_small(seed, customers=25, links=200)
    found = households(small)
    assert sorted(map(sorted, nx.connected_components(family(small)))) == sorted(groups(found).values())
    for number, members in groups(found).items():
        assert number == min(members)
        best = max(members, key=lambda m: (small.aum[m], -m))
        assert [m for m in members if found.head[m]] == [best]
        assert {int(found.aum[m]) for m in members} == {sum(small.aum[m] for m in members)}
        assert {int(found.size[m]) for m in members} == {len(members)}
    persons = sum(a for a, p in zip(small.aum, small.person, strict=True) if p)
    assert int(found.aum[found.head].sum()) == persons


@settings(max_examples=80, deadline=None)
@given(SEEDS, st.integers(1, 6))
def test_a_cap_splits_without_mixing(seed: int, cap: int) -> None:
    small = random_small(seed, customers=25, links=300)
    whole, cut = households(small), households(small, cap)
    large = [m for m in groups(whole).values() if len(m) > cap]
    assert cut.split == len(large)
    for members in groups(cut).values():
        assert len({int(whole.household[m]) for m in members}) == 1
        if {int(whole.household[m]) for m in members} & {min(m) for m in large}:
            assert len(members) <= cap
        assert nx.is_connected(family(small).subgraph(members))
    small.links.reverse()
    again = households(small, cap)
    assert again.household.tolist() == cut.household.tolist() and again.head.tolist() == cut.head.tolist()


def test_the_strongest_stay_together() -> None:
    links = [Link(0, 1, "family", strength=0.25), Link(1, 2, "family"), Link(2, 3, "family", strength=0.5)]
    found = households(Small(["person"] * 4, links), 2)
    assert found.household.tolist() == [0, 1, 1, 3]


def test_the_store_gives_a_household_back(tmp_path: Path) -> None:
    small = Small(["person", "business", "person", "person"], [Link(0, 2, "family")], aum=[5, 0, 9, 7])
    found = households(small)
    graph = small.stored(tmp_path / "graph", household=found.household, members=found.members())
    home = graph.household(2)
    assert (home.household, home.head, home.aum, home.members) == (0, 2, 14, [0, 2])
    assert graph.household(3).members == [3]
    assert found.table().to_pylist() == [{"household": 0, "size": 2, "head": 2, "aum": 14}]
    with pytest.raises(QuankeError, match="family may be seen"):
        graph.household(2, purpose=Purpose.MARKETING)
