from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quanke.kernel.identifiers.names import (
    DocumentName,
    LinkOutcome,
    NameComparison,
    compare_names,
    link_outcome,
    name_match,
    standard_private_use,
)

SAME, VARIANT, DIFFERENT = NameComparison


@pytest.mark.parametrize("dot", "•・‧∙⋅．")
def test_nam_1_every_middle_dot_becomes_the_standard_one(dot: str) -> None:
    assert name_match(f"阿里木{dot}买买提") == "阿里木\u00b7买买提"
    assert name_match(f"阿里木 {dot} 买买提") == "阿里木\u00b7买买提"


@pytest.mark.parametrize(
    ("printed", "matched"),
    [
        ("ＪＯＨＮ　smith", "JOHN SMITH"),
        ("  张三 ", "张三"),
        ("张　三", "张三"),
        ("José", "JOSÉ"),
        ("Jose\u0301", "JOSÉ"),
        ("张\u200b三", "张三"),
        ("葛\U000e0100", "葛"),
        ("①", "①"),  # NFKC would make it 1
    ],
)
def test_nam_1_folding(printed: str, matched: str) -> None:
    assert name_match(printed) == matched


def test_nam_2_supplementary_planes_and_private_use() -> None:
    assert name_match("𠮷田") == "𠮷田"
    assert standard_private_use()["\ue863"] == "䶮"
    assert name_match("王\ue863") == "王䶮"
    assert name_match("王\ue001") == "王\ue001"
    assert name_match("王\ue001", {"\ue001": "𬀩"}) == "王𬀩"


@given(st.text(max_size=20))
def test_matching_twice_changes_nothing(name: str) -> None:
    assert name_match(name_match(name)) == name_match(name)


@pytest.mark.parametrize(
    ("first", "second", "comparison"),
    [
        ("张三", "张　三", SAME),
        ("吕布", "呂布", VARIANT),
        ("陈丽华", "陳麗華", VARIANT),
        ("后羿", "後羿", DIFFERENT),
        ("范蠡", "範蠡", DIFFERENT),
        ("于谦", "於谦", DIFFERENT),
        ("王䶮", "王YAN", VARIANT),
        ("王䶮", "王?", VARIANT),
        ("王䶮", "王□", VARIANT),
        ("王𬀩", "王??", VARIANT),
        ("王䶮", "王??军", DIFFERENT),
        ("王䶮", "??", DIFFERENT),
        ("张三", "李四", DIFFERENT),
        ("张三", "", DIFFERENT),
    ],
)
def test_nam_3_comparison(first: str, second: str, comparison: NameComparison) -> None:
    assert compare_names(first, second) is comparison
    assert compare_names(second, first) is comparison


def test_nam_4_outcomes() -> None:
    one = DocumentName("resident_id", "11010519491231002X", "王䶮")
    assert link_outcome(one, DocumentName("resident_id", "110105491231002", "王 䶮")) is LinkOutcome.EXACT
    assert link_outcome(one, DocumentName("resident_id", "11010519491231002x", "王?")) is LinkOutcome.VARIANT
    assert (
        link_outcome(one, DocumentName("resident_id", "11010519491231002X", "李四")) is LinkOutcome.CONFLICT
    )
    assert (
        link_outcome(one, DocumentName("resident_id", "440524188001010014", "王䶮")) is LinkOutcome.DIFFERENT
    )
    assert link_outcome(one, DocumentName("passport", "11010519491231002X", "王䶮")) is LinkOutcome.DIFFERENT
    nobody = DocumentName(None, "1", "王䶮")
    assert link_outcome(nobody, nobody) is LinkOutcome.DIFFERENT
