"""Numbers of customers: dense, older ones stand, never given to anybody else, every merge can be undone."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from quanke.customers.register.numbers import (
    Ints,
    moves_between,
    number_groups,
    owners,
    together,
)

PARTIES = 12


def loaded_numbers(draw: list[int]) -> Ints:
    """Numbers as a load gives them: each record its own, or that of an earlier one."""
    given_out: list[int] = []
    for at, choice in enumerate(draw):
        count = len(set(given_out))
        given_out.append(given_out[choice % at] if at and choice % 3 == 0 else count)
    return np.array(given_out, dtype=np.int32)


records = st.lists(st.integers(0, 100), min_size=1, max_size=PARTIES).map(loaded_numbers)
pairs = st.lists(st.tuples(st.integers(0, PARTIES - 1), st.integers(0, PARTIES - 1)), max_size=8)


def labels(size: int, links: list[tuple[int, int]]) -> Ints:
    inside = [(a % size, b % size) for a, b in links]
    return together(size, np.array(inside, dtype=np.int64).reshape(-1, 2))


def apart(loaded: Ints) -> Ints:
    """The state after loading: everybody is who he was loaded as."""
    return np.unique(loaded, return_index=True)[1].astype(np.int32)[loaded]


@settings(deadline=None)
@given(records, pairs)
def test_one_number_a_group_and_the_oldest_stands(loaded: Ints, links: list[tuple[int, int]]) -> None:
    owner = owners(loaded, int(loaded.max()) + 1)
    label = labels(len(loaded), links)
    found = number_groups(label, owner)
    for group in np.unique(label):
        numbers = set(found.customer[label == group].tolist())
        assert len(numbers) == 1
        mine = [n for n, party in enumerate(owner) if label[party] == group]
        assert numbers == ({min(mine)} if mine else numbers)
    assert len(set(found.customer.tolist())) == len(np.unique(label))


@settings(deadline=None)
@given(records, pairs, pairs)
def test_undoing_a_merge_gives_back_what_was_there(
    loaded: Ints, links: list[tuple[int, int]], more: list[tuple[int, int]]
) -> None:
    size, count = len(loaded), int(loaded.max()) + 1
    first = number_groups(labels(size, links), owners(loaded, count))
    merged = number_groups(labels(size, links + more), owners(loaded, first.count, first.owner))
    undone = number_groups(labels(size, links), owners(loaded, merged.count, merged.owner))
    assert undone.customer.tolist() == first.customer.tolist()
    assert undone.count == merged.count == first.count


@settings(max_examples=200, deadline=None)
@given(records, st.lists(pairs, min_size=1, max_size=5))
def test_a_number_never_goes_to_somebody_else(loaded: Ints, states: list[list[tuple[int, int]]]) -> None:
    count, owner = int(loaded.max()) + 1, None
    belongs: dict[int, int] = {}
    for links in states:
        # states need not be coarser than what was loaded: people may tell records apart
        found = number_groups(labels(len(loaded), links), owners(loaded, count, owner))
        count, owner = found.count, found.owner
        for number, party in enumerate(owner.tolist()):
            assert belongs.setdefault(number, party) == party
        # whoever goes by a number has its owner among his records
        for number in np.unique(found.customer):
            assert found.customer[owner[number]] == number


@settings(deadline=None)
@given(records, pairs, records)
def test_new_records_renumber_nobody(loaded: Ints, links: list[tuple[int, int]], more: Ints) -> None:
    before = number_groups(labels(len(loaded), links), owners(loaded, int(loaded.max()) + 1))
    both = np.concatenate([loaded, more + before.count]).astype(np.int32)
    label = np.concatenate([labels(len(loaded), links), apart(more) + len(loaded)]).astype(np.int32)
    after = number_groups(label, owners(both, int(both.max()) + 1, before.owner))
    assert after.customer[: len(loaded)].tolist() == before.customer.tolist()


@settings(deadline=None)
@given(records, st.lists(pairs, min_size=1, max_size=4))
def test_events_replayed_give_the_state(loaded: Ints, states: list[list[tuple[int, int]]]) -> None:
    count, owner, state = int(loaded.max()) + 1, None, loaded
    replayed = loaded.copy()
    for links in states:
        found = number_groups(labels(len(loaded), links), owners(loaded, count, owner))
        count, owner = found.count, found.owner
        for move in moves_between(state, found.customer):
            assert all(state[list(move.parties)] == move.other)
            replayed[list(move.parties)] = move.customer
            gone = move.other not in set(found.customer.tolist())
            fresh = move.customer not in set(state.tolist())
            assert move.kind == ("merge" if gone else "split" if fresh else "move")
        state = found.customer
        assert replayed.tolist() == state.tolist()
