"""A column check answers as its scalar sibling does, on texts that are nearly right."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quanke.bank.contracts import ID_TYPES
from quanke.kernel.identifiers import columns
from quanke.kernel.identifiers.card import card_check_digit, check_card_number
from quanke.kernel.identifiers.document import check_id_number, match_id_number
from quanke.kernel.identifiers.names import name_match
from quanke.kernel.identifiers.organisation import (
    ALPHABET,
    check_uscc,
    organisation_check_character,
    uscc_check_character,
)
from quanke.kernel.identifiers.organisation_names import match_organisation_name
from quanke.kernel.identifiers.phone import check_mobile
from quanke.kernel.identifiers.resident import resident_check_character
from quanke.kernel.money import currency_exponents

ON = date(2026, 6, 30)
DIGITS = "0123456789"
BLANKS = st.sampled_from(["", " ", "\u3000", "\t", "\u00a0", "\x1f"])


def digits(low: int, high: int | None = None) -> st.SearchStrategy[str]:
    return st.text(DIGITS, min_size=low, max_size=low if high is None else high)


EDGES = (
    *("20000229", "19000229", "20240229", "20230229", "19990431", "19990100", "19991301"),
    *("17991231", "18000101", "20260630", "20260701"),
)
births = st.sampled_from(EDGES) | st.dates(date(1790, 1, 1), date(2026, 12, 31)).map(
    lambda day: day.strftime("%Y%m%d").zfill(8)
)


@st.composite
def resident_like(draw: st.DrawFn) -> tuple[str | None, str]:
    """A type of document and a number built by GB 11643 in 18 or 15 characters, its check right or wrong."""
    id_type, region = draw(
        st.sampled_from(
            [
                ("resident_id", "110105"),
                ("resident_id", "999999"),
                ("household_register", "440305"),
                ("residence_permit_hmt", "830000"),
                ("permanent_resident_id", "911840"),
                ("permanent_resident_id", "110105"),
                ("resident_id", "820000"),
            ]
        )
    )
    first_17 = region + draw(births | digits(8)) + draw(digits(3))
    check = resident_check_character(first_17)
    shapes = (first_17[:6] + first_17[8:], first_17 + check, first_17 + check.lower(), first_17 + "5")
    return id_type, draw(st.sampled_from(shapes))


@st.composite
def uscc_like(draw: st.DrawFn) -> str:
    head = draw(st.text(ALPHABET, min_size=2, max_size=2)) + draw(digits(6) | st.just("44A305"))
    own = draw(st.text(ALPHABET, min_size=8, max_size=8))
    first_17 = head + own + draw(st.sampled_from([organisation_check_character(own), "0"]))
    return first_17 + draw(st.sampled_from([uscc_check_character(first_17)] * 3 + ["7", "I", "é"]))


def spoiled(texts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Texts with one character changed, blanks around, or as they are."""

    @st.composite
    def build(draw: st.DrawFn) -> str:
        text = draw(texts)
        if text and draw(st.integers(0, 3)) == 0:
            place = draw(st.integers(0, len(text) - 1))
            text = text[:place] + draw(st.sampled_from("0X9xé二\x00- ")) + text[place + 1 :]
        return draw(BLANKS) + text + draw(BLANKS)

    return build()


permits = st.tuples(st.sampled_from(["H", "M", "h", "A"]), digits(7, 11)).map("".join) | st.tuples(
    digits(7, 11), st.sampled_from(["", "(B)", "（D）", "b", "1B"])
).map("".join)
passports = st.text("AZaz09", min_size=4, max_size=21)
permanent = st.tuples(st.sampled_from(["USA", "usa", "U1A"]), digits(6), digits(6)).map("".join)
anything = st.text(max_size=45)
types = st.none() | st.sampled_from([*ID_TYPES, "library_card"])
documents = st.one_of(
    resident_like(),
    resident_like(),
    st.tuples(types, spoiled(resident_like().map(lambda document: document[1]))),
    st.tuples(st.just("permit_hk_macau") | st.just("permit_taiwan"), spoiled(permits)),
    st.tuples(st.just("permanent_resident_id"), spoiled(permanent)),
    st.tuples(types, st.none() | passports | anything),
)
cards = spoiled(digits(11, 20).map(lambda leading: leading + card_check_digit(leading)) | digits(12, 20))
mobiles = spoiled(
    st.builds(
        lambda prefix, head, tail: prefix + head + tail,
        st.sampled_from(["", "+86", "0086", "+86 ", "86"]),
        st.integers(130, 199).map(str),
        digits(7, 10),
    )
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(documents, max_size=8))
def test_id_numbers(rows: list[tuple[str | None, str | None]]) -> None:
    id_types, texts = [row[0] for row in rows], [row[1] for row in rows]
    arrays = (pa.array(id_types, pa.string()), pa.array(texts, pa.string()))
    expected = [text is None or check_id_number(kind, text, ON) is None for kind, text in rows]
    assert columns.valid_id_numbers(*arrays, on=ON).tolist() == expected
    keys = [None if text is None else match_id_number(kind, text) for kind, text in rows]
    assert columns.match_id_numbers(*arrays).to_pylist() == keys


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.none() | uscc_like() | spoiled(uscc_like()) | anything, max_size=8))
def test_usccs(texts: list[str | None]) -> None:
    expected = [text is None or check_uscc(text) is None for text in texts]
    assert columns.valid_usccs(pa.array(texts, pa.string())).tolist() == expected


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.none() | cards | anything, max_size=8), st.booleans())
def test_card_numbers(texts: list[str | None], own_bank: bool) -> None:
    expected = [text is None or check_card_number(text, own_bank) is None for text in texts]
    assert columns.valid_card_numbers(pa.array(texts, pa.string()), own_bank).tolist() == expected


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.none() | mobiles | anything, max_size=8))
def test_mobiles(texts: list[str | None]) -> None:
    expected = [text is None or check_mobile(text) is None for text in texts]
    assert columns.valid_mobiles(pa.array(texts, pa.string())).tolist() == expected


@given(st.lists(st.none() | st.sampled_from(["CNY", "CZK", "cny", "RMB", "XXX", "BGN", ""]) | anything))
def test_currencies(texts: list[str | None]) -> None:
    expected = [text is None or text in currency_exponents() for text in texts]
    assert columns.valid_currencies(pa.array(texts, pa.string())).tolist() == expected


name_parts = st.sampled_from(
    ["张", "三", "龥", "鿿", "\ue863", "·", "・", "a", "Ｂ", " ", "\u3000", "é", "\u200b", "1"]
)
some_names = st.lists(name_parts, max_size=6).map("".join) | anything


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.none() | some_names, max_size=8))
def test_names(names: list[str | None]) -> None:
    expected = [None if name is None else name_match(name) for name in names]
    assert columns.match_names(pa.array(names, pa.string())).to_pylist() == expected


organisation_parts = name_parts | st.sampled_from(["（", ")", "【", "]", "有限公司", "《", "\u0308"])


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.none() | st.lists(organisation_parts, max_size=6).map("".join) | anything, max_size=8))
def test_organisation_names(names: list[str | None]) -> None:
    expected = [None if name is None else match_organisation_name(name) for name in names]
    assert columns.match_organisation_names(pa.array(names, pa.string())).to_pylist() == expected


def test_births_at_the_edges() -> None:
    firsts = [f"110105{birth}002" for birth in EDGES]
    texts = [first + resident_check_character(first) for first in firsts]
    expected = [check_id_number("resident_id", text, ON) is None for text in texts]
    assert (
        columns.valid_id_numbers(pa.array(["resident_id"] * len(texts)), pa.array(texts), ON).tolist()
        == expected
    )
    assert [birth for birth, good in zip(EDGES, expected, strict=True) if good] == [
        *("20000229", "20240229", "18000101", "20260630"),
    ]


def test_every_form_of_array_is_taken() -> None:
    id_types = ["resident_id", "passport", "resident_id", None]
    texts = ["11010519491231002X", "E1", None, "x"]
    expected = [True, False, True, True]
    for types_array in (pa.array(id_types), pa.array(id_types).dictionary_encode()):
        for array in (
            pa.array(texts),
            pa.array(texts, pa.large_string()),
            pa.array(texts).dictionary_encode(),
            pa.chunked_array([texts[:1], texts[1:]]),
            pa.array(["", *texts])[1:],
        ):
            assert columns.valid_id_numbers(types_array, array, on=ON).tolist() == expected
    assert columns.valid_id_numbers(pa.array([], pa.string()), pa.array([], pa.string())).tolist() == []
    assert columns.match_names(pa.chunked_array([["a"], ["张"]])).to_pylist() == ["A", "张"]


def test_many_rows_go_in_blocks() -> None:
    texts = ["11010519491231002X", "110105194912310021"] * 40_000
    valid = columns.valid_id_numbers(pa.array(["resident_id"] * len(texts)), pa.array(texts), on=ON)
    assert valid[::2].all() and not valid[1::2].any()
