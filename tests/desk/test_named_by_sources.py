"""Who a source names is found by the search of the night, and is whom the library finds by all records."""

from __future__ import annotations

from typing import Any

import pyarrow.parquet as pq
import pytest

from quanke.kernel.errors import HomeError, NightError
from quanke.night.finding import open_search
from quanke_desk.customers import at_night
from quanke_desk.customers.at_night import customer_of
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Person


def named(table: str) -> list[str]:
    """Some records of a table, each as `source:party_id`."""
    rows = [
        r
        for f in base().bank.home.facts(table)
        for r in pq.read_table(f, columns=["source", "party_id"]).to_pylist()
    ]
    return [f"{r['source']}:{r['party_id']}" for r in rows]


@pytest.mark.parametrize(("table", "step"), [("parties", 97), ("organisations", 5)])
def test_he_is_whom_the_library_finds(desk: dict[str, Person], table: str, step: int) -> None:
    of = base()
    some = named(table)[::step]
    assert len(some) > 10 and [customer_of(each) for each in some] == [
        of.bank.customer(each, of.day) for each in some
    ]


def test_a_number_taken_in_gives_who_took_it(desk: dict[str, Person]) -> None:
    absorbed = base().night.absorbed
    assert absorbed and all(
        customer_of(str(number)) == into for number, into in absorbed.items() if into is not None
    )


def test_exactly_as_the_source_writes_it(desk: dict[str, Person]) -> None:
    name = next(each for each in named("parties") if each.startswith("core:") and each != each.lower())
    index = open_search(base().night, base().bank.home)
    loose = "core:" + name.partition(":")[2].lower()
    assert index.of_tokens("party", index.tokens("party", loose)).tolist() == [customer_of(name)]
    for given in (loose, "core:nobody", "nowhere:1", "nobody", "core:", ":1", ""):
        with pytest.raises(NightError):
            customer_of(given)


def test_without_a_search_all_records_are_looked_through(
    desk: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = named("parties")[5]
    wanted = customer_of(name)

    def away(*_: Any) -> None:
        raise HomeError("the key is away")

    monkeypatch.setattr(at_night, "open_search", away)
    assert customer_of(name) == wanted
