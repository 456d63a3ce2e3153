"""Asking the index who is meant: a text is tried in every way it can be read, the surest way first."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from quanke.bank.keys import key_name
from quanke.customers.finding import forms
from quanke.customers.finding.building import FORMAT, SHEET, SOURCES
from quanke.customers.finding.keyed import Keyed
from quanke.customers.finding.postings import NOBODY, Customers, Numbers, Texts
from quanke.kernel.errors import HomeError, InputError, NightError

SEARCH_KINDS = ("customer", "party", "document", "phone", "account", "card", "name", "organisation")
"""What a customer may be found by."""
SEARCH_WAYS = (
    "exact",
    "tail",
    "prefix",
    "pinyin",
    "pinyin_prefix",
    "initials",
    "initials_prefix",
    "substring",
)
"""How: the whole of it; its last four digits beside a name; its beginning; the reading of a name or its
beginning; a name's initials or their beginning; a part of an organisation's name."""
MOST = 1_000
"""Customers an answer lists at most."""
LONGEST = 200
_GROUP_OF = {"account": "accounts", "card": "cards", "card_tail": "cards"}
_FEW = 64
"""Customers of one in so many, or fewer, are sorted rather than marked."""
_STRETCH = 65_536

_Bools: TypeAlias = npt.NDArray[np.bool_]
_Asked: TypeAlias = tuple[str, str, Callable[[], Customers]]


@dataclass(frozen=True, slots=True)
class Found:
    """A customer that was found: by what kind of thing, and how (see `SEARCH_KINDS` and `SEARCH_WAYS`)."""

    customer: int
    kind: str
    how: str


@dataclass(frozen=True, slots=True)
class SearchResult:
    """How many customers were found in all, the first of them, and how many by each way.

    The surest way stands first, in the order of `ways`; within it the customer with the smallest number. Each
    customer stands, and counts, once: by the surest way he was found.
    """

    count: int
    found: tuple[Found, ...]
    ways: tuple[tuple[str, str, int], ...]


class SearchIndex:
    """The index of a night, mapped; files are opened when they are first asked.

    `key` is the home's, `absorbed` are numbers (rising) that nobody goes by, `into` who took them in.
    Raises NightError where the folder is none of this format, HomeError where it was made with another key.
    """

    def __init__(
        self, folder: Path, key: bytes, absorbed: Customers = NOBODY, into: Customers = NOBODY
    ) -> None:
        self.folder = folder
        self._key, self._absorbed, self._into = key, absorbed, into
        try:
            sheet = json.loads((folder / SHEET).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise NightError(f"{folder.name}: there is no index of the search here") from None
        if sheet["format"] != FORMAT:
            raise NightError("the index of the search is of another version: compute a later night")
        if sheet["key"] != key_name(key):
            raise HomeError(
                "the search of this night was made with another key than the home has now: put the old "
                "find.key back, or compute a later night"
            )
        self.rows = int(sheet["rows"])
        self._opened_numbers: dict[str, Numbers] = {}
        self._opened_texts: dict[str, Texts] = {}

    def search(
        self, text: str, *, kinds: Collection[str] = (), within: _Bools | None = None, limit: int = 20
    ) -> SearchResult:
        """Who is meant by a text: a number, a name or its beginning, its reading or initials, a part of an
        organisation's name, a name and the last four digits of a phone or card.

        `kinds`: only these of `SEARCH_KINDS` (none: all). `within` (shape (rows,)): only customers it is true
        for; others are neither listed nor counted. Raises InputError for a text, kind or limit that cannot
        be.
        """
        _check(text, kinds, limit)
        if within is not None and (within.shape != (self.rows,) or within.dtype != np.bool_):
            raise InputError(f"one yes or no for each of {self.rows} customer numbers", field="within")
        taken: _Bools | None = None
        found: list[Found] = []
        ways = []
        for kind, how, ask in self._ways(text):
            if kinds and kind not in kinds:
                continue
            count, first, taken = self._fresh(ask(), within, taken, limit - len(found))
            if count:
                ways.append((kind, how, count))
                found += [Found(int(customer), kind, how) for customer in first]
        return SearchResult(sum(count for _, _, count in ways), tuple(found), tuple(ways))

    def tokens(self, kind: str, text: str) -> list[int]:
        """The keyed digests under which a whole number may stand: what a list is looked up by, so that the
        numbers themselves need not be kept. `kind`: phone, document, or party (as `source:number`); none for
        what is no number of it. Raises InputError for another kind."""
        if kind == "phone":
            return [Keyed(self._key, "phone").token(form) for form in {forms.mobile_form(text)} if form]
        if kind == "document":
            return [Keyed(self._key, "document").token(f) for f in sorted(forms.document_forms(text))]
        if kind == "party":
            named = forms.party_of_source(text, self._sources)
            return [Keyed(self._key, "party", named[0]).token(named[1])] if named else []
        raise InputError("is phone, document or party", field="kind")

    def of_tokens(self, kind: str, tokens: Collection[int]) -> Customers:
        """Customers of some digests of a kind, each once."""
        return np.unique(np.concatenate([NOBODY, *(self._numbers(kind).find(t) for t in tokens)]))

    def _fresh(
        self, customers: Customers, within: _Bools | None, taken: _Bools | None, limit: int
    ) -> tuple[int, Customers, _Bools | None]:
        """How many different customers are there that are allowed and not taken yet, the first of them,
        rising, and who is taken then (None: nobody)."""
        if len(customers) < self.rows // _FEW:
            if within is not None:
                customers = customers[within[customers]]
            if taken is not None:
                customers = customers[~taken[customers]]
            customers = np.unique(customers)
            if len(customers):
                taken = np.zeros(self.rows, np.bool_) if taken is None else taken
                taken[customers] = True
            return len(customers), customers[:limit], taken
        flags = np.zeros(self.rows, np.bool_)
        flags[customers] = True
        if within is not None:
            flags &= within
        if taken is not None:
            np.greater(flags, taken, out=flags)
        count, first = int(np.count_nonzero(flags)), _first(flags, limit)
        return count, first, flags if taken is None else np.logical_or(taken, flags, out=taken)

    def _ways(self, text: str) -> Iterator[_Asked]:
        yield from self._by_number(text)
        split = forms.name_and_tail(text)
        if split is not None:
            for kind in ("phone", "card"):
                yield kind, "tail", partial(self._by_tail, kind, *split)
        name, spelt = forms.name_form(text), forms.spelt_form(text)
        if name:
            whole = forms.WHOLE + name
            yield "name", "exact", partial(self._texts("name").find, name)
            yield "organisation", "exact", partial(self._texts("organisation").find, whole)
            yield "name", "prefix", partial(self._texts("name").beginning, name)
            yield "organisation", "prefix", partial(self._texts("organisation").beginning, whole)
        if spelt is not None and len(spelt) > 1:
            for kind, how in (("reading", "pinyin"), ("initials", "initials")):
                yield "name", how, partial(self._texts(kind).find, spelt)
                yield "name", f"{how}_prefix", partial(self._texts(kind).beginning, spelt)
        if len(name) > 1:
            yield "organisation", "substring", partial(self._texts("organisation").beginning, name)

    def _by_number(self, text: str) -> Iterator[_Asked]:
        number = forms.number_form(text)
        if not number:
            return
        if re.fullmatch("[0-9]{1,9}", number):
            yield "customer", "exact", partial(self._by_customer, int(number))
        named = forms.party_of_source(text, self._sources)
        sources, party = ([named[0]], named[1]) if named else (self._sources, number)
        yield "party", "exact", partial(self._exact, "party", {party}, sources)
        yield "document", "exact", partial(self._exact, "document", forms.document_forms(text))
        yield "phone", "exact", partial(self._exact, "phone", {forms.mobile_form(text)})
        for kind in ("account", "card"):
            yield kind, "exact", partial(self._exact, kind, {number})

    def _by_customer(self, number: int) -> Customers:
        at = int(np.searchsorted(self._absorbed, number))
        if at < len(self._absorbed) and self._absorbed[at] == number:
            number = int(self._into[at])
        return np.array([number], np.int32) if 0 <= number < self.rows else NOBODY

    def _exact(self, kind: str, numbers: Collection[str], sources: Collection[str] = ("",)) -> Customers:
        asked = [Keyed(self._key, kind, source).token(n) for source in sources for n in numbers if n]
        return np.concatenate([NOBODY, *(self._numbers(kind).find(token) for token in asked)])

    def _by_tail(self, kind: str, name: str, digits: str) -> Customers:
        """Customers with a number that ends so and a name, or its reading, that begins so."""
        tails = self._numbers(f"{kind}_tail").find(Keyed(self._key, f"{kind}_tail").token(digits))
        form, spelt = forms.name_form(name), forms.spelt_form(name)
        named = [self._texts("name").beginning(form)] if form else []
        named += [self._texts("reading").beginning(spelt)] if spelt else []
        flags = np.zeros(self.rows, np.bool_)
        flags[tails] = True
        return np.concatenate([NOBODY, *(customers[flags[customers]] for customers in named)])

    @cached_property
    def _sources(self) -> list[str]:
        sources: list[str] = json.loads((self.folder / "records" / SOURCES).read_text(encoding="utf-8"))
        return sources

    def _numbers(self, kind: str) -> Numbers:
        if kind not in self._opened_numbers:
            self._opened_numbers[kind] = Numbers(self.folder / _GROUP_OF.get(kind, "records"), kind)
        return self._opened_numbers[kind]

    def _texts(self, kind: str) -> Texts:
        if kind not in self._opened_texts:
            self._opened_texts[kind] = Texts(self.folder / "names", kind)
        return self._opened_texts[kind]


def _first(flags: _Bools, limit: int) -> Customers:
    """The places of the first so many that are true."""
    found = [NOBODY]
    for start in range(0, len(flags), _STRETCH):
        if limit <= 0:
            break
        found.append((np.flatnonzero(flags[start : start + _STRETCH])[:limit] + start).astype(np.int32))
        limit -= len(found[-1])
    return np.concatenate(found)


def _check(text: str, kinds: Collection[str], limit: int) -> None:
    if not text.strip():
        raise InputError("there is nothing to search for", field="text")
    if len(text) > LONGEST:
        raise InputError(f"at most {LONGEST} characters are searched for", field="text")
    if not set(kinds) <= set(SEARCH_KINDS):
        raise InputError(f"is one of {', '.join(SEARCH_KINDS)}", field="kinds")
    if not 1 <= limit <= MOST:
        raise InputError(f"is 1 to {MOST}", field="limit")
