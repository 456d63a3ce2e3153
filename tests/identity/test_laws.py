"""Laws: order, second deliveries and re-runs never change who is who; decisions are obeyed; a night of fresh
records finds what a whole run finds. `QUANKE_EXAMPLES=500 pytest tests/identity` searches longer."""

from __future__ import annotations

import os

import numpy as np
import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quanke.customers.identity import default_model, find_links, group, normalise, resolve
from tests.identity.people import HOME, Record, decided, record, resident, table

NUMBERS = [resident(), resident(serial=450), resident("19991130", 17), None, None]
NAMES = ["李红", "李虹", "王芳", "陳大文", "陈大文", "CHEN DAWEN", "SMITH MARY", "MARY SMITH", "王?", None]
few = settings(
    max_examples=int(os.environ.get("QUANKE_EXAMPLES", "6")),
    deadline=None,
    derandomize="QUANKE_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@st.composite
def records(draw: st.DrawFn) -> list[Record]:
    """Records from small pools, so that they meet, contradict and bridge each other often."""

    def one(_: int) -> Record:
        number = draw(st.sampled_from(NUMBERS))
        kind = draw(st.sampled_from(["resident_id", "household_register", "other"])) if number else None
        return record(
            draw(st.sampled_from(NAMES)),
            number,
            kind,
            birth_date=draw(st.sampled_from([None, "1980-02-10", "19991130", "19800219"])),
            phone=draw(st.sampled_from([None, "13800138000", "13911112222"])),
            address=draw(st.sampled_from([None, HOME, "12 Oak Street 4"])),
            sex=draw(st.sampled_from([None, None, "female", "male"])),
            source=draw(st.sampled_from(["core", "mobile"])),
        )

    return [one(place) for place in range(draw(st.integers(6, 40)))]


def partition(found: pa.Table) -> dict[str, str]:
    """For each record the first record of its customer, by record number."""
    ids, customers = found["record_id"].to_pylist(), found["customer"].to_pylist()
    firsts: dict[int, str] = {}
    for number, customer in sorted(zip(ids, customers, strict=True)):
        firsts.setdefault(customer, number)
    return {number: firsts[customer] for number, customer in zip(ids, customers, strict=True)}


@few
@given(records(), st.randoms(use_true_random=False))
def test_order_never_matters(rows: list[Record], random: object) -> None:
    given_order = table(rows)
    order = list(range(len(rows)))
    random.shuffle(order)  # type: ignore[attr-defined]
    found, shuffled = resolve(given_order), resolve(given_order.take(pa.array(order)))
    assert partition(found) == partition(shuffled)
    by_id = dict(zip(shuffled["record_id"].to_pylist(), shuffled["outcome"].to_pylist(), strict=True))
    assert [by_id[number] for number in found["record_id"].to_pylist()] == found["outcome"].to_pylist()
    assert resolve(given_order).equals(found)


@few
@given(records(), st.data())
def test_a_second_delivery_never_matters(rows: list[Record], data: st.DataObject) -> None:
    once = table(rows)
    again = data.draw(st.lists(st.sampled_from(range(len(rows))), max_size=2 * len(rows)))
    copies = [
        {**rows[place], "record_id": f"a{number}", "source": "file"} for number, place in enumerate(again)
    ]
    twice = pa.concat_tables([table(copies), once]) if copies else once
    before, after = partition(resolve(once)), resolve(twice)
    kept = after.filter(pa.compute.is_in(after["record_id"], value_set=once["record_id"].combine_chunks()))
    assert before == partition(kept)


@few
@given(records())
def test_two_documents_never_are_one_customer(rows: list[Record]) -> None:
    customers = resolve(table(rows))["customer"].to_pylist()
    held: dict[int, set[object]] = {}
    for row, customer in zip(rows, customers, strict=True):
        if row["id_type"] in ("resident_id", "household_register"):
            held.setdefault(customer, set()).add(row["id_number"])
    assert all(len(numbers) == 1 for numbers in held.values())


@few
@given(records(), st.data())
def test_decisions_are_obeyed(rows: list[Record], data: st.DataObject) -> None:
    row = st.sampled_from(range(len(rows)))
    pairs = st.lists(
        st.tuples(row, row).filter(lambda pair: pair[0] != pair[1]), max_size=6, unique_by=frozenset
    )
    apart = data.draw(pairs)
    together = data.draw(pairs)
    if apart:
        found = resolve(table(rows), decisions=decided(*((a, b, "different") for a, b in apart)))
        customers = found["customer"].to_pylist()
        assert all(customers[a] != customers[b] for a, b in apart)
    if together:
        found = resolve(table(rows), decisions=decided(*((a, b, "same") for a, b in together)))
        customers = found["customer"].to_pylist()
        assert all(customers[a] == customers[b] for a, b in together)
    if apart and together:  # some of the first kind may contradict: they give way
        both = [(a, b, "same") for a, b in together] + [(a, b, "different") for a, b in apart]
        customers = resolve(table(rows), decisions=decided(*both))["customer"].to_pylist()
        assert all(customers[a] != customers[b] for a, b in apart)


@few
@given(records(), st.data())
def test_fresh_records_find_what_a_whole_run_finds(rows: list[Record], data: st.DataObject) -> None:
    normalised, model = normalise(table(rows)), default_model()
    fresh = np.array(data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))))
    whole, some = find_links(normalised, model), find_links(normalised, model, fresh)
    left, right = (whole[name].to_numpy() for name in ("left", "right"))
    touching = whole.filter(pa.array(fresh[left] | fresh[right]))
    assert some.equals(touching)


@few
@given(records(), st.data())
def test_nights_one_after_another_end_as_one_run_does(rows: list[Record], data: st.DataObject) -> None:
    normalised, model = normalise(table(rows)), default_model()
    known = data.draw(st.integers(1, len(rows)))
    fresh = np.arange(len(rows)) >= known
    stored = find_links(normalised.slice(0, known), model)
    links = pa.concat_tables([stored, find_links(normalised, model, fresh)])
    assert (
        group(normalised, links).label.tolist()
        == group(normalised, find_links(normalised, model)).label.tolist()
    )
