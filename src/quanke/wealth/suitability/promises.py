"""Words that promise a return (SUI-5), and the insured label beside what is no deposit (INT-3)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from quanke.wealth.suitability.decision import PROMISED, SuitabilityRule


@dataclass(frozen=True, slots=True)
class Promise:
    """Words of a text that promise something: from code point `start` to `end`, and what kind of promise."""

    start: int
    end: int
    words: str
    kind: str
    rule: SuitabilityRule = PROMISED


_KINDS: dict[str, str] = {
    "principal": r"保本(?!型?理财业务已)|本金(?:安全)?(?:有|得到)?(?:保障|保证|无忧)|保证本金|承诺本金|"
    r"(?:principal|capital)[ -](?:is |are )?(?:fully )?(?:guaranteed|protected|secured?|safe)|"
    r"guaranteed (?:principal|capital)|guarantees? (?:your|the) (?:principal|capital)",
    "return": r"保证收益|收益(?:有|得到)?(?:保证|保障)|保收益|承诺收益|收益承诺|保底|固定收益率|刚性?兑付|"
    r"(?:一定|肯定|必定|必然|绝对|包)(?:能|会|可以)?(?:赚|盈利|获利|有收益|上涨|涨)|稳赚|只赚不[赔亏]|"
    r"保[赚盈]|预期(?:年化)?收益率?|"
    r"guarantee(?:d|s)? (?:an? |the |your )?(?:annual |fixed |minimum )?"
    r"(?:return|yield|income|profit|gain)s?|"
    r"(?:return|yield|profit|gain)s? (?:is |are |of [\d.]+ ?%? )?(?:guaranteed|assured|promised|certain)|"
    r"(?:assured|promised|certain|sure) (?:return|yield|profit|gain)s?|expected (?:annual )?yield|"
    r"will (?:certainly|definitely|surely) (?:gain|rise|earn|profit)",
    "no_risk": r"[零无]风险|没有风险|毫无风险|绝对安全|万无一失|不会?[亏赔](?:本|损|钱)?|稳健无忧|"
    r"risk[- ]?free|no risks?\b|zero[- ]risk|without (?:any )?risk|"
    r"(?:cannot|can't|can not|never|won't|will not) los[et]|completely safe",
}
_INSURED = r"存款保险|受?保险保障|deposit[- ](?:is |are )?insur(?:ed|ance)"
_DENIED_ZH = re.compile(
    r"(?:不|非|未|无|没有|并不|不得|不能|不会|不构成|不代表|禁止|不等于|从不)(?:对|作|做|作出|做出|提供|任何|进行|受|享受|享有)*$"
)
_DENIED_EN = re.compile(
    r"\b(?:not?|never|neither|nor|without|cannot|isn't|aren't|doesn't|does not|do not)"
    r"(?: (?:be|a|an|any|the|of|promise|in any way|considered|it|its|imply|mean))*[ ]?$",
    re.IGNORECASE,
)  # fmt: skip
_FOUND = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in _KINDS.items()}
_LABEL = re.compile(_INSURED, re.IGNORECASE)


def promises_in(text: str, *, beside_wealth: bool = True) -> tuple[Promise, ...]:
    """Words of a text, zh or en, that promise a return, the principal or the absence of risk, in order.

    A denial right before ("不保证收益", "returns are not guaranteed") is no promise. `beside_wealth`: the
    text stands beside something that is no deposit, so that "deposit insurance" is found unless denied.
    A list of known words: what it finds must not be sent; that it finds nothing does not replace the approval
    of MKT-2.
    """
    kinds = dict(_FOUND)
    if beside_wealth:
        kinds["insured"] = _LABEL
    found = [
        Promise(m.start(), m.end(), m.group(), kind)
        for kind, pattern in kinds.items()
        for m in pattern.finditer(text)
        if not _denied(text, m)
    ]
    return tuple(sorted(found, key=lambda p: (p.start, p.end)))


def _denied(text: str, match: re.Match[str]) -> bool:
    before = text[max(0, match.start() - 40) : match.start()]
    inside = re.search(r"\b(?:not|never)\b", match.group(), re.IGNORECASE)
    lost = re.search(r"los[et]", match.group(), re.IGNORECASE)
    return bool(_DENIED_ZH.search(before) or _DENIED_EN.search(before) or (inside and not lost))
