"""Words that promise a return are found; words that deny one are not (SUI-5, INT-3)."""

from __future__ import annotations

import pytest

from quanke.wealth.suitability import promises_in


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("本产品保本保息，欢迎购买", "principal"),
        ("保证收益5%", "return"),
        ("承诺收益不低于3%", "return"),
        ("稳赚不赔", "return"),
        ("一定能赚", "return"),
        ("预期年化收益率4.2%", "return"),
        ("零风险，随时可取", "no_risk"),
        ("放心，不会亏本", "no_risk"),
        ("万无一失的选择", "no_risk"),
        ("Your principal is guaranteed", "principal"),
        ("A guaranteed return of 5 %", "return"),
        ("returns are guaranteed", "return"),
        ("This fund will certainly rise", "return"),
        ("a risk-free choice", "no_risk"),
        ("You cannot lose money", "no_risk"),
        ("本理财受存款保险保护", "insured"),
        ("deposit insured", "insured"),
    ],
)
def test_a_promise_is_found(text: str, kind: str) -> None:
    found = promises_in(text)
    assert kind in {p.kind for p in found}
    assert all(text[p.start : p.end] == p.words for p in found)


@pytest.mark.parametrize(
    "text",
    [
        "理财非存款，产品有风险，投资须谨慎；过往业绩不代表未来表现",
        "本产品不保证收益，也不保本",
        "业绩比较基准不构成收益承诺",
        "银行不得承诺收益",
        "非保本浮动收益",
        "Returns are not guaranteed, and you may lose part of what you invest",
        "There is no guaranteed return",
        "It is not risk-free",
        "本产品不属于存款，不受存款保险保障",
        "The principal is not guaranteed",
        "",
    ],
)
def test_a_denial_is_no_promise(text: str) -> None:
    assert promises_in(text) == ()


def test_the_label_of_a_deposit_may_stand_beside_a_deposit() -> None:
    assert promises_in("存款保险保障，最高50万元", beside_wealth=False) == ()
    assert [p.kind for p in promises_in("存款保险保障，最高50万元")] == ["insured"]
