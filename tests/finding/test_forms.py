"""What is typed and what was delivered, in one form; and columns as single texts."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from quanke.customers.finding.forms import (
    document_forms,
    mobile_form,
    name_and_tail,
    name_form,
    name_forms,
    number_form,
    readings_of,
    spelt_form,
)
from quanke.customers.finding.keyed import Keyed

KEY = bytes(range(32))


@pytest.mark.parametrize(
    ("typed", "form"),
    [
        ("６２２２ 0240-x", "62220240X"),
        ("\u3000138 0013\t8000\n", "13800138000"),
        ("ab_c", "AB_C"),
        (" - ", ""),
    ],
)
def test_number_form(typed: str, form: str) -> None:
    assert number_form(typed) == form


@pytest.mark.parametrize(
    "typed", ["13800138000", "+86 138-0013-8000", "008613800138000", "＋８６１３８００１３８０００"]
)
def test_mobile_form(typed: str) -> None:
    assert mobile_form(typed) == "13800138000"


def test_a_document_is_asked_by_what_stays() -> None:
    assert document_forms("11010519491231002x") == {"11010519491231002X"}
    assert document_forms("110105491231002") == {"110105491231002", "11010519491231002X"}
    assert document_forms("H12345678 02") == {"H1234567802", "H12345678"}, "a renewed permit"
    assert document_forms("  ") == set()


@pytest.mark.parametrize(
    ("name", "reading", "initials"),
    [
        ("张建国", "zhangjianguo", "zjg"),
        ("欧阳静", "ouyangjing", "oyj"),
        ("单雄信", "shanxiongxin", "sxx"),
        ("鲜于辅", "xianyufu", "xyf"),
        ("吕布", "lubu", "lb"),
        ("王YAN", "wangyan", "wyan"),
        ("陳大文", "chendawen", "cdw"),
    ],
)
def test_a_name_is_read(name: str, reading: str, initials: str) -> None:
    assert readings_of(name_form(name)) == (reading, initials)


def test_a_name_in_letters_has_no_reading() -> None:
    assert readings_of(name_form("Li Na")) is None


@pytest.mark.parametrize(
    ("typed", "form"),
    [("Lü Bu", "lubu"), ("lvbu", "lubu"), ("LYUBU", "lubu"), ("tianyu", "tianyu"), ("xi'an", "xian"),
     ("张a", None), ("a1", None), ("", None)],
)  # fmt: skip
def test_what_is_spelt(typed: str, form: str | None) -> None:
    assert spelt_form(typed) == form


@pytest.mark.parametrize(
    ("typed", "split"),
    [("张 8000", ("张", "8000")), ("张8000", ("张", "8000")), ("zhang ８０００", ("zhang", "8000")),
     ("阿里·巴巴8000", ("阿里·巴巴", "8000")), ("E1234", None), ("张80001", None), ("8000", None),
     ("12 8000", None)],
)  # fmt: skip
def test_name_and_tail(typed: str, split: tuple[str, str] | None) -> None:
    assert name_and_tail(typed) == split


def test_names_fold() -> None:
    assert name_form("阿里・巴巴") == name_form("阿里 巴巴") == "阿里巴巴"
    assert name_form("陳 大文") == "陈大文"
    assert name_form("华强（深圳）公司") == name_form("华强(深圳) 公司")


@given(st.lists(st.text(max_size=6) | st.text("张陳・李 aＡ()", max_size=6)))
def test_a_column_of_names_is_its_names(names: list[str]) -> None:
    assert name_forms(pa.array(names, pa.string())) == [name_form(name) for name in names]


NUMBERS = (
    st.none()
    | st.text(max_size=9)
    | st.text("+08613 -xX１\u3000", max_size=20)
    | st.text("7", min_size=126, max_size=130)
)


@example(["1118000", "11118000", "1111800x", "+861118000", "+8611118000"], 0, True, True)
@given(st.lists(NUMBERS, max_size=12), st.integers(0, 4), st.booleans(), st.booleans())
def test_a_column_of_digests_is_its_digests(
    texts: list[str | None], cut: int, mobile: bool, tail: bool
) -> None:
    keyed = Keyed(KEY, "phone", "core", mobile=mobile, tail=tail)
    tokens, there = keyed.tokens(pa.array(["0", *texts], pa.string()).slice(cut))
    forms = [None if text is None else keyed.form(text) for text in ["0", *texts][cut:]]
    assert there.tolist() == [form is not None for form in forms]
    assert tokens[there].tolist() == [keyed.token(form) for form in forms if form is not None]


def test_a_digest_is_blake2b_and_of_its_kind_and_source() -> None:
    number = "13800138000"
    salt = hashlib.blake2b(b"core", digest_size=16).digest()
    by_hashlib = hashlib.blake2b(number.encode(), key=KEY, digest_size=8, salt=salt, person=b"party").digest()
    column, _ = Keyed(KEY, "party", "core").tokens(pa.array([number]))
    assert column.tobytes() == np.frombuffer(by_hashlib, "<u8").tobytes()
    others = {Keyed(k, kind, source).token(number) for k in (KEY, bytes(32))
              for kind in ("party", "phone") for source in ("", "core", "cards")}  # fmt: skip
    assert len(others) == 12
