"""Reach, walks, portraits and chains equal what plain networkx says."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quanke.bank.contracts import Purpose
from quanke.customers.graph import sides
from quanke.customers.graph.kinds import BY_NAME, KINDS
from quanke.customers.graph.store import PIECES, SHARING
from quanke.kernel.errors import NightError, QuankeError
from tests.graph.small_graph import DAY, Link, Small, bodies, random_small

SEEDS = st.integers(0, 2**32 - 1)
PURPOSES = st.sampled_from(list(Purpose))
DAYS = st.sampled_from([0, -1, -90, -250])
SLOW = settings(max_examples=60, deadline=None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("graphs")


def opened(small: Small, folder: Path, **more: object):  # type: ignore[no-untyped-def]
    return small.stored(folder / f"g{len(list(folder.iterdir()))}", **more)


@SLOW
@given(
    SEEDS, st.integers(0, 3), PURPOSES, DAYS, st.booleans(), st.integers(0, 17), st.sampled_from([2, 2_000])
)
def test_a_walk_equals_networkx(
    folder: Path, seed: int, depth: int, purpose: Purpose, days: int, narrow: bool, start: int, together: int
) -> None:
    sides._TOGETHER = together  # whoever has more links than this is looked at alone
    small = random_small(seed)
    only = tuple(k.name for k in KINDS[::2] if k.allows(purpose)) if narrow else ()
    network = small.network(purpose, days, only)
    near = nx.single_source_shortest_path_length(network.to_undirected(as_view=True), start, cutoff=depth)
    graph = opened(small, folder)
    found = graph.around(
        start, depth, kinds=only, purpose=purpose, on=DAY + dt.timedelta(days), fan_out=999, limit=999
    )
    assert (
        dict(zip(found.nodes["customer"].to_pylist(), found.nodes["depth"].to_pylist(), strict=True)) == near
    )
    inside = {n for n, d in near.items() if d < depth}
    want = sorted(
        (a, b, d["kind"], d["link"].since)
        for a, b, d in network.edges(data=True)
        if a in inside or b in inside
    )
    got = found.links
    since = [(day - DAY).days for day in got["from_date"].to_pylist()]
    names = ("from_customer", "to_customer", "kind")
    assert sorted(zip(*(got[n].to_pylist() for n in names), since, strict=True)) == want
    assert found.left_out == 0


@SLOW
@given(SEEDS, st.integers(1, 3), st.integers(1, 4), st.integers(1, 9))
def test_limits_hold_and_tell_what_was_left(
    folder: Path, seed: int, depth: int, fan_out: int, limit: int
) -> None:
    graph = opened(random_small(seed), folder)
    whole = graph.around(0, depth, fan_out=999, limit=999)
    sides._TOGETHER = 3
    alone = graph.around(0, depth, fan_out=fan_out, limit=limit)
    sides._TOGETHER = 2_000
    cut = graph.around(0, depth, fan_out=fan_out, limit=limit)
    assert alone.links.equals(cut.links) and alone.nodes.equals(cut.nodes) and alone.left_out == cut.left_out
    assert cut.nodes.num_rows <= limit
    assert set(cut.nodes["customer"].to_pylist()) <= set(whole.nodes["customer"].to_pylist())
    rows = {tuple(r.values()) for r in whole.links.to_pylist()}
    assert {tuple(r.values()) for r in cut.links.to_pylist()} <= rows
    there = set(cut.nodes["customer"].to_pylist())
    assert all(r["from_customer"] in there and r["to_customer"] in there for r in cut.links.to_pylist())
    assert (cut.left_out > 0) or (cut.links.num_rows == whole.links.num_rows)
    assert graph.around(0, depth, fan_out=fan_out, limit=limit).links.equals(cut.links)


def test_the_strongest_links_are_followed_first(tmp_path: Path) -> None:
    links = [Link(0, n, "refers", strength=0.25 if n < 3 else 1.0) for n in range(1, 6)]
    graph = Small(["person"] * 6, links).stored(tmp_path / "graph")
    found = graph.around(0, 1, fan_out=2)
    assert found.nodes["customer"].to_pylist() == [0, 3, 4]
    assert found.left_out == 3


def people(small: Small, body: int, purpose: Purpose, days: int) -> dict[int, set[str]]:
    """Persons of a body by the kinds that link them, out of networkx."""
    network = small.network(purpose, days)
    found: dict[int, set[str]] = {}
    for _, other, data in network.out_edges(body, data=True):
        if BY_NAME[data["kind"]].member == 2:
            found.setdefault(other, set()).add(data["kind"])
    for other, _, data in network.in_edges(body, data=True):
        if BY_NAME[data["kind"]].member == 1:
            found.setdefault(other, set()).add(data["kind"])
    return {n: kinds for n, kinds in found.items() if small.kinds[n] == "person"}


def state(flags: int) -> str:
    if not flags & PIECES["account"]:
        return "not_customer"
    return "full" if flags & PIECES["card"] and flags & PIECES["mobile"] else "partly"


@SLOW
@given(SEEDS, PURPOSES, DAYS, st.sampled_from([2, 2_000]))
def test_reach_equals_networkx(folder: Path, seed: int, purpose: Purpose, days: int, together: int) -> None:
    sides._TOGETHER = together
    small = random_small(seed)
    named = [(n, kind, 4, f"机构{n}") for n, kind in enumerate(small.kinds) if kind != "person"]
    graph = opened(small, folder, bodies=bodies(*named))
    for body, kind in enumerate(small.kinds):
        if kind == "person":
            continue
        found = graph.reach(body, DAY + dt.timedelta(days), purpose=purpose)
        want = people(small, body, purpose, days)
        states = {n: state(small.flags[n]) for n in want}
        assert found.states == {s: list(states.values()).count(s) for s in found.states}
        assert found.unknown == max(0, 4 - len(want)) and found.name == f"机构{body}"
        for name, counts in found.by_kind.items():
            of = [states[n] for n, kinds in want.items() if name in kinds]
            assert counts == {s: of.count(s) for s in counts}
        assert set(found.by_kind) == {k for kinds in want.values() for k in kinds}
        hidden = {n for n in want if states[n] == "not_customer" and not small.flags[n] & SHARING}
        shown = sorted(set(want) - (hidden if purpose is Purpose.MARKETING else set()))
        listed = found.people(limit=999).to_pylist()
        assert [r["customer"] for r in listed] == shown
        assert found.withheld == len(want) - len(shown)
        assert all(set(r["kinds"]) == want[r["customer"]] for r in listed)


def test_many_people_are_counted_like_few(tmp_path: Path) -> None:
    links = [Link(0, n, "employs") for n in range(1, 300)] + [
        Link(0, n, "pays_wages") for n in range(200, 300)
    ]
    small = Small(["business"] + ["person"] * 40_000, links, [n % 16 for n in range(40_001)])
    found = small.stored(tmp_path / "few").reach(0)
    crowd = Small(small.kinds[:301], links, small.flags[:301]).stored(tmp_path / "many").reach(0)
    assert found.states == crowd.states and found.known == 299
    assert found.people(limit=999).equals(crowd.people(limit=999))
    assert found.people("full", 3, 5).num_rows == 5


@SLOW
@given(SEEDS)
def test_portraits_and_chains_equal_networkx(folder: Path, seed: int) -> None:
    small = random_small(seed, links=90)
    draw = np.random.default_rng(seed)
    companies = [n for n, k in enumerate(small.kinds) if k != "person"]
    won = np.array([draw.choice([-1, *companies]) if k == "person" else -1 for k in small.kinds], np.int32)
    above = np.where(won >= 0, draw.choice(np.array([-1, *companies], np.int32), len(won)), -1).astype(
        np.int32
    )
    graph = opened(small, folder, won_body=won, won_government=above)
    network = small.network(Purpose.SERVICE)
    for body in companies:
        found = graph.portrait(body)
        known = people(small, body, Purpose.SERVICE, 0)
        assert found.people_known == len(known)
        assert found.people_aum == sum(small.aum[n] for n in known)
        assert found.paid_here == sum("pays_wages" in kinds for kinds in known.values())
        wages = [
            d for _, n, d in network.out_edges(body, data=True) if d["kind"] == "pays_wages" and n in known
        ]
        assert found.wages_month == len(wages) * 100_00
        over = sorted({a for a, _, d in network.in_edges(body, data=True) if d["kind"] == "supervises"})
        under = {b for _, b, d in network.out_edges(body, data=True) if d["kind"] == "supervises"}
        assert found.supervised_by == over and found.supervises == len(under)
        rows = graph.chains(body, limit=999).to_pylist()
        pairs = {(body, b) for b in under} or {(a, body) for a in over} or {(None, body)}
        assert {(r["government"], r["body"]) for r in rows} == pairs
        for row in rows:
            his = people(small, row["body"], Purpose.SERVICE, 0)
            assert row["people"] == len(his) == row["full"] + row["partly"] + row["leads"]
            wanted = -1 if row["government"] is None else row["government"]
            assert row["converted"] == int(((won == row["body"]) & (above == wanted)).sum())


def test_what_cannot_be_asked_is_refused(tmp_path: Path) -> None:
    small = Small(["business", "person"], [Link(0, 1, "employs")])
    graph = small.stored(tmp_path / "graph")
    for wrong in (
        lambda: graph.reach(1),
        lambda: graph.reach(9),
        lambda: graph.portrait(1),
        lambda: graph.chains(1),
        lambda: graph.household(0),
        lambda: graph.around(0, 9),
        lambda: graph.around(0, kinds=("likes",)),
        lambda: graph.around(0, on=DAY + dt.timedelta(1)),
        lambda: graph.reach(0, wanted=("shoes",)),
    ):
        with pytest.raises(QuankeError):
            wrong()
    with pytest.raises(NightError):
        type(graph).open(tmp_path / "nowhere")


def test_an_empty_graph_answers(tmp_path: Path) -> None:
    graph = Small(["business", "person"], []).stored(tmp_path / "graph")
    assert graph.reach(0).known == 0
    assert graph.around(1).nodes["customer"].to_pylist() == [1]
    assert graph.chains(0).num_rows == 1


def test_the_file_of_links_is_plain_arrow(tmp_path: Path) -> None:
    import pyarrow as pa

    Small(["business", "person"], [Link(0, 1, "employs"), Link(0, 1, "pays_wages", until=5)]).stored(
        tmp_path / "graph"
    )
    rows = pa.ipc.open_file(tmp_path / "graph" / "links.arrow").read_all().to_pylist()
    assert [(r["kind"], r["to_date"]) for r in rows] == [
        ("employs", None),
        ("pays_wages", DAY + dt.timedelta(5)),
    ]
