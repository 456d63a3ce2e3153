"""What a rule of suitability is and what it says: verdict, rule, version, inputs, words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from quanke.kernel.reasons import Reason, reason


class Verdict(StrEnum):
    """What follows from a rule, the gravest first. Only `BLOCK` and `REVIEW` keep a sale from going on."""

    BLOCK = "BLOCK"
    REVIEW = "REVIEW"
    WARN = "WARN"
    INFO = "INFO"
    PASS = "PASS"

    @property
    def gravity(self) -> int:
        """4 for BLOCK down to 0 for PASS."""
        return 4 - list(Verdict).index(self)


@dataclass(frozen=True, slots=True)
class SuitabilityRule:
    """One rule: its number in the rule book, the article it rests on, what follows, and what is said."""

    id: str
    law_ref: str
    verdict: Verdict
    reason: Reason


def _rule(id_: str, law_ref: str, verdict: Verdict, zh: str, en: str) -> SuitabilityRule:
    return SuitabilityRule(id_, law_ref, verdict, reason(id_, zh, en))


_7 = "总局令2025年第7号"
_B, _R, _W, _I = Verdict.BLOCK, Verdict.REVIEW, Verdict.WARN, Verdict.INFO

OFF_SALE = _rule("SUI-5.on_sale", f"{_7}", _B, "产品未在售", "the product is not on sale")
OFF_LIST = _rule("SUI-5.in_list", f"{_7}", _B, "产品不在准入清单内", "the product is not in the bank's list")
NO_CAPACITY = _rule(
    "SUI-1.capacity", f"{_7} 19; 民法典 20", _B,
    "无民事行为能力人不得购买", "nothing is sold to a person without legal capacity",
)  # fmt: skip
GUARDIAN = _rule(
    "SUI-1.guardian", f"{_7} 19; 民法典 18–19", _B,
    "限制民事行为能力人仅可在监护人同意下购买低风险产品",
    "a person of limited capacity may buy low risk only, with the guardian's consent",
)  # fmt: skip
RISKIER = _rule(
    "SUI-1.risk", f"{_7} 12", _B,
    "产品风险等级高于客户风险承受能力", "the product's risk class is above the customer's",
)  # fmt: skip
EXPIRED = _rule(
    "SUI-2.expired", f"{_7} 29", _B,
    "风险测评已失效，须重新测评", "the risk assessment no longer holds: assess again first",
)  # fmt: skip
ELDER_AWAY = _rule(
    "SUI-3.elder_away", f"{_7} [recalled]", _B,
    "老年客户购买高风险产品须当面办理", "a risky product is offered to an elder face to face only",
)  # fmt: skip
COSTLY = _rule(
    "SUI-1.cost", f"{_7} 12", _B,
    "购买成本与客户财务能力明显不匹配", "the cost is clearly mismatched to the customer's means",
)  # fmt: skip
UNKNOWN_CLASS = _rule(
    "SUI-1.unknown_class", f"{_7} 12", _R,
    "客户风险承受能力未知，须人工复核", "the customer's risk class is unknown: a person decides",
)  # fmt: skip
UNKNOWN_PRODUCT = _rule(
    "SUI-1.unknown_product", f"{_7} 12", _R,
    "产品风险等级未知，须人工复核", "the product's risk class is unknown: a person decides",
)  # fmt: skip
UNKNOWN_AGE = _rule(
    "SUI-1.unknown_age", f"{_7} 19", _R,
    "客户年龄未知，须人工复核", "the customer's age is unknown: a person decides",
)  # fmt: skip
UNKNOWN_CONSENT = _rule(
    "SUI-1.unknown_consent", f"{_7} 19", _R,
    "监护人是否同意或是否以自己劳动收入为生未知，须人工复核",
    "it is unknown whether the guardian agrees, or whether he lives on his own wages: a person decides",
)  # fmt: skip
UNKNOWN_MEANS = _rule(
    "SUI-1.unknown_means", f"{_7} 12", _R,
    "客户财务状况未知，须人工复核", "the customer's means are unknown: a person decides",
)  # fmt: skip
UNCONFIRMED = _rule(
    "SUI-2.changed", f"{_7} 29", _R,
    "测评结果变化，须客户确认", "the assessment changed the class: the customer has to confirm it",
)  # fmt: skip
AT_BRANCH = _rule(
    "SUI-3.branch", "理财业务旧规 [recalled]", _R,
    "首次测评及高风险产品须在网点办理，另有书面约定除外",
    "a first assessment, and a risky product, belong in a branch unless agreed otherwise in writing",
)  # fmt: skip
ELDER_CARE = _rule(
    "SUI-3.elder", f"{_7} [sure²; 24 h and R4+ assumed]", _W,
    "老年客户购买高风险产品：特别提示、冷静期、回访",
    "an elder and a risky product: special warning, time to think, call-back",
)  # fmt: skip
RERATED = _rule(
    "SUI-1.rerated", f"{_7} 12", _I,
    "产品风险等级调整，须告知持有人", "the product was rated anew: its holders are to be told",
)  # fmt: skip
TOO_OFTEN = _rule(
    "SUI-2.count", f"{_7} 29", _B,
    "测评次数已达上限", "the customer has been assessed as often as is allowed",
)  # fmt: skip
NOT_RECORDED = _rule(
    "SUI-4.recording", "银监办发〔2017〕110号", _B,
    "销售专区内的销售无录音录像编号，不予受理",
    "a sale in the sales area without a recording number is not accepted",
)  # fmt: skip
THINKING = _rule(
    "SUI-3.thinking", f"{_7} [assume]", _B,
    "老年客户的冷静期未满", "the elder's time to think is not over",
)  # fmt: skip
NOT_CALLED = _rule(
    "SUI-3.call_back", f"{_7} [sure²]", _B,
    "老年客户购买高风险产品尚未回访", "the elder has not been called back",
)  # fmt: skip
PROMISED = _rule(
    "SUI-5.promise", "银发〔2019〕316号; MKT-2", _B,
    "文字含有收益承诺", "the words promise a return",
)  # fmt: skip
PASSED = _rule("SUI.pass", f"{_7}", Verdict.PASS, "适当性检查通过", "suitable")


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that does not pass."""

    rule: SuitabilityRule

    @property
    def verdict(self) -> Verdict:
        """What follows."""
        return self.rule.verdict


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, by which rule in which version, on what. To be stored as it is.

    `inputs` are the values it was decided on, for the record only: `zh` and `en` never hold them. `findings`
    are all rules that did not pass, the gravest first; `rule` is the first of them.
    """

    verdict: Verdict
    rule: SuitabilityRule
    version: dt.date
    on: dt.date
    inputs: tuple[tuple[str, object], ...]
    findings: tuple[Finding, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether it may go on (perhaps with special care: WARN)."""
        return self.verdict not in (Verdict.BLOCK, Verdict.REVIEW)

    @property
    def zh(self) -> str:
        """What is said, in Chinese."""
        return "；".join(f.rule.reason.zh for f in self.findings) or self.rule.reason.zh

    @property
    def en(self) -> str:
        """What is said, in English."""
        return "; ".join(f.rule.reason.en for f in self.findings) or self.rule.reason.en

    def record(self) -> Mapping[str, object]:
        """The decision as plain data."""
        return {
            "verdict": str(self.verdict),
            "rule": self.rule.id,
            "law_ref": self.rule.law_ref,
            "version": self.version.isoformat(),
            "on": self.on.isoformat(),
            "inputs": {k: v.isoformat() if isinstance(v, dt.date) else v for k, v in self.inputs},
            "findings": [f.rule.id for f in self.findings],
            "message_zh": self.zh,
            "message_en": self.en,
        }


def decided(
    rules: list[SuitabilityRule], version: dt.date, on: dt.date, inputs: Mapping[str, object]
) -> Decision:
    """The decision that follows from the rules which did not pass: of those equally grave, the first."""
    found = tuple(Finding(r) for r in sorted(rules, key=lambda r: -r.verdict.gravity))
    first = found[0].rule if found else PASSED
    return Decision(first.verdict, first, version, on, tuple(inputs.items()), found)
