"""Finding customers, and lists of them by the night's codes: scope applied before anything is counted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.utils.translation import get_language
from numpy.typing import NDArray

from quanke.customers.stages import STAGES
from quanke.customers.tags.products import CATEGORY_TITLES
from quanke.kernel.errors import InputError
from quanke.night.finding import open_search
from quanke.plans.actions.reading import RISKY
from quanke.segments import DEFAULT_SCHEME
from quanke_desk.customers.at_night import at_night, reading
from quanke_desk.customers.consenting import (
    consents_of,
    hidden,
    may_contact,
    profiling_refused,
    refused_here,
)
from quanke_desk.customers.corrected import found_by_correction
from quanke_desk.foundation import audit
from quanke_desk.foundation.analytic import Base, base
from quanke_desk.foundation.asked_outside import BY_SEARCH, note_asked
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.roles import May
from quanke_desk.foundation.scope import POST, Extent, Scope, rows, scope_of

__all__ = [
    "FILTERS",
    "Listing",
    "OutsideHit",
    "SearchAnswer",
    "blind",
    "by_blind",
    "consents_of",
    "customers_by",
    "hidden",
    "masked_name",
    "may_contact",
    "names_of",
    "profiling_refused",
    "refused_here",
    "risk_of_product",
    "search",
    "search_inside",
    "searched",
    "word",
]

NUMBERS = ("customer", "party", "document", "phone", "account", "card")
"""What finds a customer outside one's scope: a whole number, never a name or a part of one."""
FILTERS = {"tier": "tier", "stage": "stage", "key_group": "key_group", "edge": "edge", "owner": POST}
"""Filters of the list, and the column of the night each asks."""
MOST = 50
_OUTSIDE_MOST = 5
_NUMBER = 4
"""From so many digits on a text that finds nobody may be somebody else's number."""
_WORDS: dict[str, Mapping[str, tuple[str, str]]] = {
    "tier": {t.name: (t.title_zh, t.title_en) for t in DEFAULT_SCHEME.tiers},
    "key_group": {g.name: (g.title_zh, g.title_en) for g in DEFAULT_SCHEME.key_groups},
    "edge": {e.name: (e.title_zh, e.title_en) for e in DEFAULT_SCHEME.edges},
    "stage": STAGES,
    "category": CATEGORY_TITLES,
}


@dataclass(frozen=True)
class OutsideHit:
    """A customer outside one's scope that a whole number names: to be opened with a purpose."""

    customer: int
    kind: str


@dataclass(frozen=True)
class SearchAnswer:
    """Who is meant by a text: `count` in one's scope, the first of them as rows, and hits outside it.
    `too_many`: outside it was asked for too often, and nothing is said of it."""

    count: int
    found: list[dict[str, Any]]
    outside: tuple[OutsideHit, ...] = ()
    problem: str = ""
    too_many: bool = False


def search(person: Person, text: str, limit: int = MOST) -> SearchAnswer:
    """Customers of a person's scope meant by a text; beside it, for who may open them, exact hits outside.

    Nobody else's customer is counted, whatever is typed: outside a scope only a whole number finds; and who
    sees masked rows and opens them for no purpose finds by customer number only, else he would learn whose
    the row is by what he typed. Raises NightError where there is no night or no search.
    """
    held = base()
    scope = scope_of(person)
    inside, kinds = seen(scope, held), () if scope.asks else kinds_of(scope)
    corrected = {c: k for c, k in found_by_correction(text).items() if c < len(inside) and held.there[c]}
    if kinds:
        corrected = {}
    try:
        result = held.bank.search(text, kinds=kinds, within=inside, limit=limit, on=held.day)
        outside: tuple[OutsideHit, ...] = ()
        if person.may(May.OPEN_OUTSIDE) and any(c.isdigit() for c in text):
            others = ~inside & held.there & ~_flags(hidden(), held)
            hits = held.bank.search(
                text, kinds=NUMBERS, within=others, limit=_OUTSIDE_MOST, on=held.day
            ).found
            known = {h.customer: h.kind for h in hits if h.how == "exact"}
            known |= {c: kind for c, kind in corrected.items() if others[c] and kind in NUMBERS}
            outside = tuple(OutsideHit(c, kind) for c, kind in list(known.items())[:_OUTSIDE_MOST])
    except InputError as error:
        return SearchAnswer(0, [], problem=error.field or "text")
    how = {f.customer: f.kind for f in result.found}
    new = {c: kind for c, kind in corrected.items() if inside[c] and c not in how}
    found = lines([*new, *how][:limit], scope, held)
    return SearchAnswer(
        result.count + len(new), [{**r, "how": (new | how)[r["customer"]]} for r in found], outside
    )


def searched(person: Person, text: str, limit: int = MOST) -> SearchAnswer:
    """As `search`, with what concerns others counted: who asks for more numbers outside his scope in an hour
    than the bank allows finds his own customers only. Where rows are masked and opened for a purpose, every
    search by what is personal is counted so, and on record with its kind and hits, never what was typed.
    Raises NightError."""
    answer = search(person, text, limit)
    if scope_of(person).asks:
        kinds = {str(row["how"]) for row in answer.found}
        digits = text.strip().isdecimal() and len(text.strip()) < _NUMBER
        whole = answer.count == len(answer.found)
        if answer.problem or (whole and (kinds == {"customer"} or (digits and not kinds))):
            return answer
        if not note_asked(person, how=BY_SEARCH):
            return SearchAnswer(0, [], too_many=True)
        shape = "number" if any(c.isdigit() for c in text) else "name"
        detail = {"kinds": sorted(kinds) or [shape], "hits": answer.count}
        audit.record(person, "customer.search", "search", detail=detail)
        return answer
    number = sum(c.isdigit() for c in text) >= _NUMBER
    if not person.may(May.OPEN_OUTSIDE) or not (answer.outside or (number and not answer.count)):
        return answer
    if note_asked(person, how=BY_SEARCH):
        if answer.outside:
            audit.record(person, "customer.search_outside", "search", detail={"hits": len(answer.outside)})
        return answer
    return SearchAnswer(answer.count, answer.found, problem=answer.problem, too_many=True)


def kinds_of(scope: Scope) -> tuple[str, ...]:
    """By what a scope may find where nothing is counted: masked rows by customer number only; empty: all."""
    return ("customer",) if scope.masked else ()


def search_inside(person: Person, text: str, limit: int) -> SearchAnswer:
    """Customers of a person's scope meant by a text, and nobody else: no hit outside is looked for, and of
    masked rows none by what is personal. Raises NightError where there is no night or no search."""
    held, scope = base(), scope_of(person)
    if scope.extent is Extent.NONE:
        return SearchAnswer(0, [])
    inside, kinds = seen(scope, held), kinds_of(scope)
    try:
        result = held.bank.search(text, kinds=kinds, within=inside, limit=limit, on=held.day)
    except InputError as error:
        return SearchAnswer(0, [], problem=error.field or "text")
    known = [f.customer for f in result.found]
    corrected = {} if kinds else found_by_correction(text)
    new = [c for c in corrected if c < len(inside) and inside[c] and c not in known]
    return SearchAnswer(result.count + len(new), lines([*new, *known][:limit], scope, held))


def blind(kind: str, texts: Iterable[str]) -> list[list[int]]:
    """What stands for each number of a list (phone, document, `source:number` of a record) so that the list
    need not be kept: keyed digests, none for what is no such number. Raises NightError, HomeError."""
    held = base()
    index = open_search(held.night, held.bank.home)
    return [index.tokens(kind, text) for text in texts]


def by_blind(kind: str, tokens: Iterable[Collection[int]]) -> Iterator[list[int]]:
    """Customers of each of the numbers `blind` gave, whose data may still be used. Not scoped: for roles that
    see the whole bank. Raises NightError, HomeError."""
    held, gone = base(), hidden()
    index = open_search(held.night, held.bank.home)
    for each in tokens:
        yield [c for c in index.of_tokens(kind, each).tolist() if held.there[c] and c not in gone]


def seen(scope: Scope, of: Base | None = None) -> NDArray[np.bool_]:
    """Whether each customer (by number) is in a scope and may still be used at all."""
    held = of or base()
    flags = rows(scope, held)
    for customer in hidden():
        if customer < len(flags):
            flags[customer] = False
    return flags


def lines(customers: list[int], scope: Scope, of: Base | None = None) -> list[dict[str, Any]]:
    """Rows of a list: number, name as the scope may see it, tier, edge, stage, key group, post. Columns are
    codes in memory; only the names of these customers are read."""
    held = of or base()
    read = reading(held)
    names = read.masked_names(customers) if scope.masked else read.names(customers)
    made = []
    for customer in customers:
        row: dict[str, Any] = {"customer": customer, "name": names[customer]}
        for name, column in FILTERS.items():
            code = held.value(customer, column) if column in held.known else None
            row[name] = code
            row[f"{name}_title"] = word(column, code)
        made.append(row)
    return made


class Listing:
    """Customers of a scope with some codes, in the order of their numbers, read a page at a time."""

    def __init__(self, scope: Scope, asked: Mapping[str, str], of: Base | None = None) -> None:
        self.held, self.scope = of or base(), scope
        flags = seen(scope, self.held)
        for name, value in asked.items():
            column = FILTERS[name]
            if column not in self.held.known:
                flags[:] = False
                continue
            codes, numbers = self.held.codes(column)
            flags &= codes == numbers.get(value, -2)
        self._customers = np.flatnonzero(flags)

    def count(self) -> int:
        """How many rows."""
        return len(self._customers)

    def rows(self, order: str, descending: bool, start: int, count: int) -> list[dict[str, Any]]:
        """Rows of a page; by number, which is the only order that costs nothing."""
        numbers = self._customers[::-1] if order == "number" and descending else self._customers
        return lines([int(n) for n in numbers[start : start + count]], self.scope, self.held)


def customers_by(person: Person, asked: Mapping[str, str]) -> Listing:
    """Customers of a person's scope by codes of the night: `{"tier": "wealth"}`; see `FILTERS`."""
    return Listing(scope_of(person), {k: v for k, v in asked.items() if k in FILTERS and v})


def names_of(person: Person, customers: list[int]) -> dict[int, str]:
    """Names as a person may see them in a list: those of his own book or branch in the clear, others masked.

    The caller has applied the scope: this does not say who may be listed.
    """
    read, gone = reading(), hidden()
    shown = [c for c in customers if c not in gone]  # whose data may no longer be used has no name
    names = read.masked_names(shown) if scope_of(person).masked else read.names(shown)
    return {c: names.get(c, "-") for c in customers}


def masked_name(customer: int) -> str:
    """The name of a customer as anybody may see it."""
    return reading().masked_names([customer])[customer]


def risk_of_product(product: str) -> int | None:
    """The risk class 1 to 5 of a product, the higher where issuer and bank differ (SUI-1); 0 where it has
    none; null for a product the bank's tables do not have. Of a whole category (`fund`) the highest of its
    products on sale by the night, so that none of them is told to whom it does not suit; null where none is
    on sale, or none has the class it must have."""
    night = at_night()
    found = night.products.get(product)
    if found is not None:
        return _risk(found)
    of_it = [each for each in night.products.values() if each["category"] == product]
    highest = max((_risk(each) for each in of_it if _on_sale(each, night.base.day)), default=None)
    return None if highest == 0 and product in RISKY else highest


def _risk(product: Mapping[str, Any]) -> int:
    given = [product.get("risk_class"), product.get("issuer_risk_class")]
    return max((int(each[1:]) for each in given if each), default=0)


def _on_sale(product: Mapping[str, Any], day: dt.date) -> bool:
    begins, ends = product.get("on_sale_from"), product.get("on_sale_to")
    return (begins is None or begins <= day) and (ends is None or day <= ends)


def word(column: str, code: str | None) -> str:
    """What a code of a column is called in the language of the page; itself where nobody named it."""
    if code is None:
        return ""
    pair = _WORDS.get(column, {}).get(code)
    return code if pair is None else pair[1 if english() else 0]


def choices(column: str) -> list[tuple[str, str]]:
    """Codes of a column with what they are called, in their order."""
    return [(code, word(column, code)) for code in _WORDS.get(column, {})]


def english() -> bool:
    """Whether the page is in English."""
    return (get_language() or "").startswith("en")


def _flags(customers: frozenset[int], of: Base) -> NDArray[np.bool_]:
    flags = np.zeros(of.night.rows, dtype=bool)
    flags[[c for c in customers if c < of.night.rows]] = True
    return flags
