"""Every kind of link as data: what it means, whose ends it has, which purposes may see it.

A link points from one party to another. G is a government or public body, B a business, C a person.
The purposes of a kind are its *purpose class*: a query asks for one purpose and is given no link of a
kind that may not serve it. What people have in common because they share a device, an address or a
telephone is no link at all: those are groups, for risk only (`quanke.customers.graph.groups`).
"""

from __future__ import annotations

from dataclasses import dataclass

from quanke.bank.contracts import Purpose
from quanke.bank.contracts.schema import ALL_PURPOSES

NARROW = frozenset({Purpose.SERVICE, Purpose.RISK, Purpose.COMPLIANCE})
"""Links that serve the parties themselves and the bank's duties: no marketing, no statistics."""
COUNTED = NARROW | {Purpose.STATISTICS}
"""The same, and they may be counted."""

GOVERNMENT, BUSINESS, PERSON = "G", "B", "C"
PARTY_KINDS: tuple[str, ...] = (
    "unknown",
    "person",
    "business",
    "government",
    "public_institution",
    "school",
    "hospital",
    "community",
    "merchant",
)
"""Kinds of customer as the store codes them: the place in this tuple. Only ever added to."""
SIDES: dict[str, str] = {
    "unknown": PERSON,
    "person": PERSON,
    "business": BUSINESS,
    "merchant": BUSINESS,
    "community": BUSINESS,
    "government": GOVERNMENT,
    "public_institution": GOVERNMENT,
    "school": GOVERNMENT,
    "hospital": GOVERNMENT,
}
"""Which of the three sides a kind of customer belongs to."""


@dataclass(frozen=True, slots=True)
class LinkKind:
    """A kind of link, read from its first end to its second ("employs"), and back ("is employed by").

    `first` and `second` say whose ends they are, as letters of G, B and C. `member` is 1 or 2 where that
    end is one of the people of the body at the other end, else 0. A symmetric kind means the same both
    ways and is kept with its smaller number first.
    """

    name: str
    title_zh: str
    title_en: str
    inverse_zh: str
    inverse_en: str
    first: str
    second: str
    purposes: frozenset[Purpose]
    member: int = 0
    symmetric: bool = False

    def allows(self, purpose: Purpose) -> bool:
        """Whether a purpose may see links of this kind."""
        return purpose in self.purposes


KINDS: tuple[LinkKind, ...] = (
    LinkKind("employs", "雇用", "employs", "受雇于", "is employed by", "GB", "C", ALL_PURPOSES, member=2),
    LinkKind(
        "pays_wages", "代发工资", "pays wages to", "工资来自", "is paid wages by", "GB", "C", ALL_PURPOSES,
        member=2,
    ),
    LinkKind("owns", "持股", "owns", "股东为", "is owned by", "BC", "B", ALL_PURPOSES),
    LinkKind(
        "legal_representative", "担任法定代表人", "is legal representative of", "法定代表人为",
        "is represented by", "C", "B", ALL_PURPOSES,
    ),
    LinkKind(
        "property_of", "居住于小区", "lives in the property of", "小区住户", "has as resident", "C", "B",
        ALL_PURPOSES, member=1,
    ),
    LinkKind(
        "studies_at", "就读于", "studies at, or has a child at", "学生及家长", "has as pupil or parent",
        "C", "G", ALL_PURPOSES, member=1,
    ),
    LinkKind("patient_of", "就诊于", "is a patient of", "患者", "has as patient", "C", "G", NARROW, member=1),
    LinkKind("guarantees", "担保", "guarantees", "由其担保", "is guaranteed by", "BC", "BC", NARROW),
    LinkKind("authorises", "授权", "authorises", "获其授权", "is authorised by", "BC", "C", NARROW),
    LinkKind(
        "family", "家人", "is family of", "家人", "is family of", "C", "C", COUNTED, symmetric=True
    ),
    LinkKind("refers", "推荐", "referred", "由其推荐", "was referred by", "C", "C", ALL_PURPOSES),
    LinkKind("supplies", "供货给", "supplies", "供应商为", "is supplied by", "B", "GB", ALL_PURPOSES),
    LinkKind("supervises", "监管", "supervises", "受其监管", "is supervised by", "G", "GB", ALL_PURPOSES),
    LinkKind(
        "transfers", "经常转账给", "often transfers to", "经常收到其转账", "often receives from", "C", "C",
        NARROW,
    ),
)  # fmt: skip
"""Every kind. Its place is the code it is stored under: kinds are added at the end and never moved."""

BY_NAME: dict[str, LinkKind] = {kind.name: kind for kind in KINDS}
CODES: dict[str, int] = {kind.name: code for code, kind in enumerate(KINDS)}
EMPLOYING = frozenset({"employs", "pays_wages"})
"""Kinds by which a body is somebody's employer."""
MEMBER_CODES: tuple[int, ...] = tuple(code for code, kind in enumerate(KINDS) if kind.member)
"""Codes of the kinds that make a person one of a body's people."""


def allowed_codes(purpose: Purpose, only: tuple[str, ...] = ()) -> tuple[int, ...]:
    """Codes of the kinds a purpose may see, or of `only` those of them. KeyError for an unknown kind."""
    wanted = {CODES[name] for name in only} if only else set(range(len(KINDS)))
    return tuple(c for c in sorted(wanted) if KINDS[c].allows(purpose))
