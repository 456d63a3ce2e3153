"""Small tables in, customers out; and whatever is asked of random ones, what the judge says."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quanke.customers.finding import SearchIndex, SearchResult, write_finding
from quanke.customers.finding.postings import Numbers, Texts, write_numbers, write_texts
from quanke.kernel.errors import HomeError, InputError, NightError
from tests.finding.small_bank import DIGESTS, KEY, Bank, Body, Person, judged

BANK = Bank(
    people=(
        Person(0, "张建国", party_id="C1", phone="+86 138 0013 8000", id_number="11010519491231002X"),
        Person(0, "張建國", "mobile", "M1", phone="13800138000"),
        Person(1, "张建国", "mobile", "M9", phone="13700137000"),
        Person(2, "欧阳静", party_id="C4", phone="13600136000", id_type="passport", id_number="E12345678"),
        Person(3, "阿里・巴巴", party_id="C5", id_type="permit_hk_macau", id_number="H1234567801"),
        Person(4, "张建", party_id="C1", source="cards"),
        Person(5, "Anna Smith", party_id="C7", phone="13900138000"),
    ),
    bodies=(
        Body(6, "深圳华强（集团）有限公司", party_id="B1", uscc="91440300192181490G"),
        Body(7, "华强", party_id="B2"),
        Body(8, "新深圳华强集团有限公司", party_id="B3"),
    ),
    accounts=((0, "7559-0001"), (3, "75590002"), (7, "75590003")),
    cards=((2, "6214880011118000"), (6, "6214880022228000"), (3, "1118000")),
    absorbed={9: 0},
)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> SearchIndex:
    return BANK.index(tmp_path_factory.mktemp("finding"))


def told(result: SearchResult) -> list[tuple[int, str, str]]:
    return [(f.customer, f.kind, f.how) for f in result.found]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("13800138000", [(0, "phone", "exact")]),
        (" １３８-0013 8000", [(0, "phone", "exact")]),
        ("11010519491231002x", [(0, "document", "exact")]),
        ("110105491231002", [(0, "document", "exact")]),
        ("H1234567802", [(3, "document", "exact")]),
        ("91440300192181490g", [(6, "document", "exact")]),
        ("19218149-0", [(6, "document", "exact")]),
        ("7559 0001", [(0, "account", "exact")]),
        ("6214880011118000", [(1, "card", "exact")]),
        ("C1", [(0, "party", "exact"), (4, "party", "exact")]),
        ("cards:C1", [(4, "party", "exact")]),
        ("9", [(0, "customer", "exact")]),
        ("10", []),
        ("张建国", [(0, "name", "exact"), (1, "name", "exact")]),
        ("张建", [(4, "name", "exact"), (0, "name", "prefix"), (1, "name", "prefix")]),
        ("張建國", [(0, "name", "exact"), (1, "name", "exact")]),
        ("欧阳", [(2, "name", "prefix")]),
        ("阿里巴巴", [(3, "name", "exact")]),
        ("anna smith", [(5, "name", "exact")]),
        ("zhang jian guo", [(0, "name", "pinyin"), (1, "name", "pinyin")]),
        ("zjg", [(0, "name", "initials"), (1, "name", "initials")]),
        ("zj", [(4, "name", "initials"), (0, "name", "initials_prefix"), (1, "name", "initials_prefix")]),
        ("ouyang", [(2, "name", "pinyin_prefix")]),
        ("张 8000", [(0, "phone", "tail"), (1, "card", "tail")]),
        ("zhang 8000", [(0, "phone", "tail"), (1, "card", "tail")]),
        ("张建国8000", [(0, "phone", "tail"), (1, "card", "tail")]),
        ("anna 8000", [(5, "phone", "tail")]),
        ("李 8000", []),
        ("欧阳 8000", []),
        ("华强", [(7, "organisation", "exact"), *((n, "organisation", "substring") for n in (6, 8))]),
        ("深圳华强", [(6, "organisation", "prefix"), (8, "organisation", "substring")]),
        ("有限公司", [(6, "organisation", "substring"), (8, "organisation", "substring")]),
        ("强", []),
        ("。", []),
    ],
)  # fmt: skip
def test_who_is_meant(index: SearchIndex, text: str, found: list[tuple[int, str, str]]) -> None:
    result = index.search(text)
    assert told(result) == found
    assert result.count == len(found)
    assert judged(BANK, text) == (result.count, told(result), list(result.ways))


def test_kinds_and_limit(index: SearchIndex) -> None:
    assert told(index.search("C1", kinds=["name"])) == []
    assert told(index.search("张 8000", kinds=["card"])) == [(0, "card", "tail"), (1, "card", "tail")][1:]
    result = index.search("张", limit=2)
    assert (result.count, result.ways) == (3, (("name", "prefix", 3),))
    assert [f.customer for f in result.found] == [0, 1]


def test_who_may_not_be_seen_is_not_counted_and_takes_no_place(index: SearchIndex) -> None:
    within = np.array([False, True, True, True, True, True, True, True, True, True])
    result = index.search("张建国", within=within, limit=1)
    assert (result.count, told(result)) == (1, [(1, "name", "exact")])
    assert index.search("13800138000", within=within).count == 0
    assert index.search("9", within=within).count == 0, "by the customer of today"


@pytest.mark.parametrize(
    ("text", "options"),
    [("", {}), ("  ", {}), ("a" * 201, {}), ("a", {"kinds": ["iris"]}), ("a", {"limit": 0}),
     ("a", {"limit": 1_001}),
     ("a", {"within": np.ones(3, np.bool_)}), ("a", {"within": np.ones(10, np.int64)})],
)  # fmt: skip
def test_what_cannot_be_asked(index: SearchIndex, text: str, options: dict[str, object]) -> None:
    with pytest.raises(InputError):
        index.search(text, **options)  # type: ignore[arg-type]


def test_a_name_of_many_is_counted_and_cut(tmp_path: Path) -> None:
    """So many that they are marked and not sorted."""
    rows = 5_000
    bank = Bank(
        people=[Person(n, "王伟" if n % 3 else "王伟强", party_id=f"P{n}") for n in range(rows)], rows=rows
    )
    index = bank.index(tmp_path)
    exact, longer = sum(n % 3 > 0 for n in range(rows)), len(range(0, rows, 3))
    result = index.search("王伟", limit=3)
    assert (result.count, result.ways) == (rows, (("name", "exact", exact), ("name", "prefix", longer)))
    assert [f.customer for f in result.found] == [1, 2, 4]
    within = np.arange(rows) % 2 == 0
    assert index.search("王伟", within=within, limit=1_000).count == int(within.sum())
    last = np.arange(rows) >= rows - 2
    assert [f.customer for f in index.search("王", within=last).found] == [rows - 2, rows - 1]


def test_customers_of_a_key_stand_once_and_rise(tmp_path: Path) -> None:
    """Keys over the whole range, so that each piece of it has some."""
    tokens = np.array([5, 2**64 - 1, 5, 7 << 61, 5, 1 << 61], np.uint64)
    write_numbers(tmp_path, "some", tokens, np.array([4, 1, 2, 3, 4, 0], np.int32))
    numbers = Numbers(tmp_path, "some")
    held = {token: numbers.find(token).tolist() for token in (0, 5, 6, 1 << 61, 7 << 61, 2**64 - 1)}
    assert held == {0: [], 5: [2, 4], 6: [], 1 << 61: [0], 7 << 61: [3], 2**64 - 1: [1]}
    codes, customers = np.array([0, 1, 0, 2, 0], np.int32), np.array([4, 1, 2, 3, 4], np.int32)
    write_texts(tmp_path, "words", pa.array(["张三", "a", "张"]), codes, customers)
    words = Texts(tmp_path, "words")
    assert [word.decode() for word in words] == ["a", "张", "张三"]
    assert words.find("张三").tolist() == [2, 4] and words.find("").tolist() == []
    assert sorted(words.beginning("张").tolist()) == [2, 3, 4]
    assert words.beginning("b").tolist() == [] and len(words.beginning("")) == 4


def test_a_bank_of_nobody(tmp_path: Path) -> None:
    assert Bank(rows=0).index(tmp_path).search("张 8000").count == 0


def test_what_has_not_changed_is_linked_and_what_has_is_not(tmp_path: Path) -> None:
    makings = BANK.makings(tmp_path)
    write_finding(tmp_path / "first", makings)
    later = BANK.makings(tmp_path, digests={**DIGESTS, "cards": "second"})
    write_finding(tmp_path / "second", later, tmp_path / "first")
    for name in ("names/name.text", "records/phone.keys", "accounts/account.keys"):
        assert (tmp_path / "first" / name).samefile(tmp_path / "second" / name)
    changed = [tmp_path / each / "cards/card.keys" for each in ("first", "second")]
    assert not changed[0].samefile(changed[1]) and changed[0].read_bytes() == changed[1].read_bytes()
    write_finding(tmp_path / "third", BANK.makings(tmp_path, key=bytes(32)), tmp_path / "first")
    mine, other = (tmp_path / each / "records/phone.keys" for each in ("first", "third"))
    assert mine.read_bytes() != other.read_bytes(), "another key"


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(NightError, match="no index"):
        SearchIndex(tmp_path, KEY)
    write_finding(tmp_path / "finding", BANK.makings(tmp_path))
    with pytest.raises(HomeError, match="another key"):
        SearchIndex(tmp_path / "finding", bytes(32))


NAMES = st.text("张王欧阳静建国A·陳", min_size=1, max_size=4)
PHONES = st.none() | st.sampled_from(
    ["13800138000", "+8613800138000", "13900138000", "138 0013 8001", "8000", "x"]
)
PAPERS = st.sampled_from(
    ["11010519491231002X", "110105491231002", "H1234567801", "H1234567802", "E12345678", "??", None]
)
CUSTOMERS = st.integers(0, 5)
PEOPLE = st.builds(
    Person, CUSTOMERS, st.none() | NAMES, st.sampled_from(["core", "cards"]),
    st.sampled_from(["P1", "p-1", "7"]), PHONES, PAPERS,
)  # fmt: skip
BODIES = st.builds(
    Body, CUSTOMERS, st.text("深圳华强公司(", min_size=1, max_size=6), st.just("core"),
    st.sampled_from(["B1", "7"]), st.sampled_from([None, "91440300192181490G", "9144"]),
)  # fmt: skip
SHORT = ["张", "王", "ouyang", "欧阳", "zh", "A"]
TAILS = ["8000", "8001"]
ASKED = (
    NAMES
    | PHONES.filter(bool)
    | PAPERS.filter(bool)
    | st.text("深圳华强公司", min_size=1, max_size=3)
    | st.text("zhangwoyj", min_size=1, max_size=4)
    | st.sampled_from(["core:P1", "cards:7", "7", "3", "P 1", "19218149-0", "ouyangjing", "wjg", "62148000"])
    | st.builds("{} {}".format, st.sampled_from(SHORT), st.sampled_from(TAILS))
)  # fmt: skip


def with_right_papers(person: Person) -> Person:
    """The kind of document that fits its number."""
    number = person.id_number or ""
    kind = {"H": "permit_hk_macau", "E": "passport", "?": "other"}.get(number[:1], "resident_id")
    return Person(
        person.customer, person.name, person.source, person.party_id, person.phone, person.id_number, kind
    )


@settings(max_examples=60)
@given(
    st.lists(PEOPLE.map(with_right_papers), max_size=8),
    st.lists(BODIES, max_size=3),
    st.lists(ASKED, min_size=1, max_size=12),
    st.lists(st.booleans(), min_size=6, max_size=6) | st.none(),
    st.integers(1, 6),
    st.sampled_from([6, 700]),
)
def test_whatever_is_asked_of_whomever(
    people: list[Person],
    bodies: list[Body],
    texts: list[str],
    within: list[bool] | None,
    limit: int,
    rows: int,
) -> None:
    """Of 700 customer numbers those that are found are few, and sorted; of six they are many, and marked."""
    parties = len(people) + len(bodies)
    numbers = [(n, f"6214{8000 + n % 2}") for n in range(parties)]
    bank = Bank(people, bodies, numbers, numbers[::-1], rows=rows, absorbed={5: 2})
    within = None if within is None else within + [True] * (rows - 6)
    with tempfile.TemporaryDirectory() as folder:
        index = bank.index(Path(folder))
        allowed = None if within is None else np.array(within)
        for text in texts:
            result = index.search(text, within=allowed, limit=limit)
            wanted = judged(bank, text, within=within, limit=limit)
            assert (result.count, told(result), list(result.ways)) == wanted, text
