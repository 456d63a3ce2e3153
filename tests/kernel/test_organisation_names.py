from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quanke.kernel.identifiers.names import NameComparison
from quanke.kernel.identifiers.organisation_names import compare_organisation_names, match_organisation_name

SAME, VARIANT, DIFFERENT = NameComparison


@pytest.mark.parametrize(
    ("printed", "matched"),
    [
        ("深圳市恒乐文化传播有限公司", "深圳市恒乐文化传播有限公司"),
        (" 深圳 华强（集团） 有限公司　", "深圳华强(集团)有限公司"),
        ("华强【深圳】有限公司", "华强(深圳)有限公司"),
        ("ＴＣＬ科技集团股份有限公司", "TCL科技集团股份有限公司"),
        ("Acme  Trading Co., Ltd.", "ACME TRADING CO., LTD."),
        ("ACME 深圳 有限公司", "ACME深圳有限公司"),
        ("阿里・巴巴", "阿里·巴巴"),
        ("有限责任公司", "有限责任公司"),
        ("", ""),
    ],
)
def test_folding(printed: str, matched: str) -> None:
    assert match_organisation_name(printed) == matched


@given(st.text(max_size=20) | st.text("深圳 （）()[]【】aＡ·・\u0308é　", max_size=12))
def test_matching_twice_changes_nothing(name: str) -> None:
    assert match_organisation_name(match_organisation_name(name)) == match_organisation_name(name)


@pytest.mark.parametrize(
    ("first", "second", "comparison"),
    [
        ("深圳市恒乐文化有限公司", "深圳市 恒乐文化有限公司", SAME),
        ("华强（深圳）有限公司", "华强(深圳)有限公司", SAME),
        ("恒乐文化有限公司", "恒乐文化有限责任公司", VARIANT),
        ("深圳市恒乐文化有限公司", "深圳恒乐文化有限公司", VARIANT),
        ("广东省深圳市恒乐文化有限公司", "恒乐文化有限公司", VARIANT),
        ("恒乐文化（深圳）有限公司", "深圳恒乐文化有限公司", VARIANT),
        ("恆樂文化有限公司", "恒乐文化有限公司", VARIANT),
        ("Acme Co., Ltd.", "ACME CO LTD", VARIANT),
        ("恒乐文化有限公司", "恒乐文化股份有限公司", DIFFERENT),
        ("恒乐文化有限公司", "恒乐文化有限公司深圳分公司", DIFFERENT),
        ("恒乐文化有限公司", "恒喜文化有限公司", DIFFERENT),
        ("深圳市第一小学", "深圳市第二小学", DIFFERENT),
        ("深圳市财政局", "深圳市税务局", DIFFERENT),
        ("有限公司", "", DIFFERENT),
        ("", "", DIFFERENT),
    ],
)
def test_comparison(first: str, second: str, comparison: NameComparison) -> None:
    assert compare_organisation_names(first, second) is comparison
    assert compare_organisation_names(second, first) is comparison
