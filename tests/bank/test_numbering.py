"""Customers' numbers: dense, in order of first appearance, shared only on exact evidence, never changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from quanke.bank.home import Counts, Home
from tests.bank.small_bank import load_into, put, rows

HEADER = "source,party_id,name,id_type,id_number"
GOOD = "11010519491231002X"


def numbers(home: Home) -> dict[str, int]:
    return {str(party): int(customer) for party, customer in rows(home, "parties", "party_id, customer")}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.create(tmp_path / "home")


def deliver(home: Home, folder: Path, name: str, *lines: str) -> None:
    put(folder / name, f"parties/{name}.csv", HEADER, *lines)
    assert load_into(home, folder / name).errors == []


def test_exact_evidence_only(home: Home, tmp_path: Path) -> None:
    deliver(
        home,
        tmp_path,
        "all",
        f"core,first,张三,resident_id,{GOOD}",
        f"card,same,张三,resident_id,{GOOD.lower()}",
        f"card,other-name,张山,resident_id,{GOOD}",
        f"card,other-type,张三,household_register,{GOOD}",
        "core,bad,李四,resident_id,110105194912310021",
        "card,also-bad,李四,resident_id,110105194912310021",
        "core,permit,CHAN TAI MAN,permit_hk_macau,H1234567801",
        "card,renewed,chan  tai man,permit_hk_macau,H1234567802",
        "core,unknown,王五,other,0000",
        "card,unknown-too,王五,other,0000",
        "core,nobody,赵六,,",
        "card,nobody-else,赵六,,",
    )
    found = numbers(home)
    assert found["same"] == found["first"] == 0
    assert found["renewed"] == found["permit"]
    alone = [
        "first",
        "other-name",
        "other-type",
        "bad",
        "also-bad",
        "permit",
        "unknown",
        "unknown-too",
        "nobody",
    ]
    alone.append("nobody-else")
    assert [found[name] for name in alone] == list(range(10))
    assert home.counts() == Counts(customers=10, accounts=0, parties=12)


def test_later_parties_join_by_documents_ever_seen(home: Home, tmp_path: Path) -> None:
    deliver(home, tmp_path, "1", "core,a,张三,passport,E12345678", "core,b,李四,,")
    # a renews the passport; the old one turns up again in another system.
    deliver(home, tmp_path, "2", "core,a,张三,passport,E87654321", "core,c,王五,,")
    deliver(
        home,
        tmp_path,
        "3",
        "card,x,张三,passport,E12345678",
        "card,y,张三,passport,E87654321",
        "card,z,钱七,,",
    )
    assert numbers(home) == {"a": 0, "b": 1, "c": 2, "x": 0, "y": 0, "z": 3}


def test_two_customers_who_come_to_share_a_document_keep_their_numbers(home: Home, tmp_path: Path) -> None:
    deliver(home, tmp_path, "1", "core,a,张三,,", "card,b,张三,,")
    deliver(home, tmp_path, "2", f"core,a,张三,resident_id,{GOOD}", f"card,b,张三,resident_id,{GOOD}")
    assert numbers(home) == {"a": 0, "b": 1}
    deliver(home, tmp_path, "3", f"mobile,c,张三,resident_id,{GOOD}")
    assert numbers(home)["c"] == 0


def test_organisations_share_a_number_by_code_and_name(home: Home, tmp_path: Path) -> None:
    put(
        tmp_path / "g",
        "organisations.csv",
        "source,party_id,name,uscc,kind",
        "core,a,甲公司,91440300192181490G,business",
        "card,b,甲公司 ,91440300192181490g,business",
        "card,renamed,丙公司,91440300192181490G,business",
        "core,c,乙公司,91440300192181490X,business",
        "card,d,乙公司,91440300192181490X,business",
    )
    load_into(home, tmp_path / "g")
    assert rows(home, "organisations", "party_id, customer", order="party_id") == [
        ("a", 0),
        ("b", 0),
        ("c", 2),
        ("d", 3),
        ("renamed", 1),
    ]


PARTY = st.tuples(
    st.sampled_from("pqrstuv"),
    st.sampled_from(["E11111111", "E22222222", "E33333333", ""]),
    st.sampled_from(["张三", "李四"]),
)


def expected(units: list[list[tuple[str, str, str]]]) -> tuple[dict[str, int], int]:
    """The rule row by row: what one would do by hand."""
    given_out: dict[str, int] = {}
    links: dict[tuple[str, str], int] = {}
    count = 0
    for unit in units:
        for party, document, name in unit:
            link = (document, name)
            if party not in given_out:
                if document and link in links:
                    given_out[party] = links[link]
                else:
                    given_out[party] = count
                    count += 1
            if document:
                links.setdefault(link, given_out[party])
    return given_out, count


# Of up to three loads each: that is enough of them.
@settings(max_examples=12, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(
    units=st.lists(st.lists(PARTY, min_size=1, max_size=7, unique_by=lambda p: p[0]), min_size=1, max_size=3)
)
def test_numbers_are_those_of_the_rule_row_by_row(
    tmp_path_factory: pytest.TempPathFactory, units: list[list[tuple[str, str, str]]]
) -> None:
    folder = tmp_path_factory.mktemp("numbering")
    home = Home.create(folder / "home")
    for at, unit in enumerate(units):
        lines = [f"core,{p},{name},{'passport' if document else ''},{document}" for p, document, name in unit]
        put(folder / str(at), f"parties/{at}.csv", HEADER + ",delivery", *(f"{line},{at}" for line in lines))
        load_into(home, folder / str(at))
    wanted, count = expected(units)
    assert numbers(home) == wanted
    assert home.counts().customers == count
