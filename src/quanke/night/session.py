"""The Python door: `quanke.open(home).night("2026-06-30").profile`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quanke.bank.contracts import Purpose
from quanke.bank.home import Home
from quanke.customers.golden import GoldenField, golden_record, masked
from quanke.customers.graph import Graph
from quanke.customers.register import Register, register_of
from quanke.customers.register.asking import (
    Happening,
    Standing,
    happenings,
    party_names,
    questions,
    rows_of,
    standings,
)
from quanke.effects.groups import CampaignRegister
from quanke.engines.store import Night, NightStore
from quanke.kernel.errors import NightError
from quanke.kernel.progress import Progress
from quanke.language import Catalogue
from quanke.night.advised import NightAdvice
from quanke.night.audience import (
    Breakdown,
    Overlap,
    break_down,
    compile_audience,
    count_audience,
    members_of,
    overlap,
    select_audience,
)
from quanke.night.catalogue import catalogue_of
from quanke.night.explain import Explanation, explain, find_customer
from quanke.night.finding import masked_names, open_search
from quanke.night.planned import Planned
from quanke.night.run import Outcome
from quanke.night.run import night as run_night
from quanke.segments.index.hiding import shown

if TYPE_CHECKING:
    from quanke.customers.finding import SearchResult
    from quanke.effects.report import CampaignEffect
    from quanke.night.effects import EffectQuestion
    from quanke.night.entered import EnteredSoFar
    from quanke.segments.index import Members


class Bank:
    """One home, as a Python program sees it."""

    def __init__(self, home: Home) -> None:
        self.home = home

    @cached_property
    def catalogue(self) -> Catalogue:
        """All definitions of the home."""
        return catalogue_of(self.home)

    @property
    def nights(self) -> list[dt.date]:
        """Days that are published, oldest first."""
        return NightStore(self.home.path / "nights").days()

    def night(self, on: str | dt.date | None = None) -> Night:
        """A published night (default: the last). Raises NightError where there is none."""
        store = NightStore(self.home.path / "nights")
        if on is None:
            last = store.latest()
            if last is None:
                raise NightError("no night is published yet: `quanke night --on DATE` first")
            return last
        return store.open(parse_day(on))

    def graph(self, on: str | dt.date | None = None) -> Graph:
        """The graph of a published night (default: the last). Raises NightError where there is none."""
        return Graph.open(self.night(on).path / "graph")

    def plan(self, on: str | dt.date | None = None) -> Planned:
        """The plan of a published night (default: the last): `.explain(customer)`, `.book(post)`, `.prices`.
        Raises NightError where there is none."""
        return Planned(self.night(on), self.home, self.catalogue)

    def effects(
        self,
        campaign: str,
        asked: EffectQuestion | None = None,
        progress: Progress | None = None,
        so_far: EnteredSoFar | None = None,
    ) -> CampaignEffect:
        """The effect of a campaign: `.sentence`, `.headline.effect`, `["converted"].low`, `.warnings`; of one
        that is not registered yet by who entered it `so_far`.

        Raises EffectError where there is nothing to measure.
        """
        from quanke.night.effects import measure  # statistics: only where they are asked for

        return measure(self.home, campaign, asked, progress, so_far)

    @property
    def campaigns(self) -> CampaignRegister:
        """The register of campaigns: who is in which arm."""
        return CampaignRegister(self.home.path)

    def wealth(self, on: str | dt.date | None = None) -> NightAdvice:
        """The advice of a published night (default: the last): `.propose(customer)`, `.worklist(post)`,
        `.proposals`, `.trades`, `.record` as Arrow tables. Raises NightError where there is none."""
        return NightAdvice(self.night(on), self.home)

    def run_night(self, on: str | dt.date, progress: Progress | None = None) -> Outcome:
        """Compute and publish a night."""
        return run_night(self.home, parse_day(on), progress=progress)

    def count(
        self,
        audience: str,
        on: str | dt.date | None = None,
        purpose: Purpose = Purpose.SERVICE,
        hide_below: int = 0,
    ) -> int | None:
        """How many customers an audience expression is true for; None where that is below `hide_below`."""
        night = self.night(on)
        compiled = compile_audience(audience, self.catalogue, night, self.home, purpose)
        return shown(count_audience(compiled, night), hide_below)

    def members(
        self, audience: str, on: str | dt.date | None = None, purpose: Purpose = Purpose.SERVICE
    ) -> Members:
        """The customers an audience expression is true for, as a set: `a & b`, `a | b`, `a - b`, `~a`."""
        night = self.night(on)
        return members_of(night, compile_audience(audience, self.catalogue, night, self.home, purpose))[0]

    def sample(
        self,
        audience: str,
        size: int,
        seed: int = 0,
        on: str | dt.date | None = None,
        purpose: Purpose = Purpose.SERVICE,
    ) -> list[int]:
        """Customer numbers drawn from an audience without replacement; the same for one seed."""
        found: list[int] = self.members(audience, on, purpose).sample(size, seed).tolist()
        return found

    def break_down(
        self,
        audience: str,
        tag: str,
        on: str | dt.date | None = None,
        purpose: Purpose = Purpose.SERVICE,
        hide_below: int = 0,
    ) -> Breakdown:
        """How many of an audience have each value of a tag."""
        night = self.night(on)
        compiled = compile_audience(audience, self.catalogue, night, self.home, purpose)
        compile_audience(f"`{tag}` is null", self.catalogue, night, self.home, purpose)
        return break_down(compiled, night, tag, hide_below)

    def overlap(
        self,
        first: str,
        second: str,
        on: str | dt.date | None = None,
        purpose: Purpose = Purpose.SERVICE,
        hide_below: int = 0,
    ) -> Overlap:
        """Two audiences beside each other: sizes, what they share, Jaccard and lift."""
        night = self.night(on)
        a, b = (compile_audience(t, self.catalogue, night, self.home, purpose) for t in (first, second))
        return overlap(a, b, night, hide_below)

    def audience(
        self,
        audience: str,
        columns: tuple[str, ...] = (),
        on: str | dt.date | None = None,
        purpose: Purpose = Purpose.SERVICE,
    ) -> pa.Table:
        """Customers an audience expression is true for, with some of their tags, as Arrow."""
        night = self.night(on)
        expression = compile_audience(audience, self.catalogue, night, self.home, purpose)
        return select_audience(expression, night, columns)

    @property
    def register(self) -> Register:
        """Who is who as the last night saw it."""
        return register_of(self.home)

    def customer(self, given: int | str, on: str | dt.date | None = None) -> int:
        """The customer of a number or of source:party_id in a night; a number that was taken into another
        customer gives that one. Raises NightError where there is none."""
        night = self.night(on)
        number = find_customer(self.home, str(given), night)
        into = night.absorbed.get(number, number)
        return number if into is None else into

    def records(self, customer: int | str) -> list[Standing]:
        """The records of the source systems that are a customer today, and why they are one."""
        return standings(self.register, self._today(customer))

    def golden(self, customer: int | str) -> list[GoldenField]:
        """The golden record of a customer today: each field with the record and the rule it comes from."""
        return golden_record(*rows_of(self.home, self.register, self._today(customer)))

    def search(
        self,
        text: str,
        *,
        kinds: Collection[str] = (),
        within: Members | NDArray[np.bool_] | None = None,
        limit: int = 20,
        on: str | dt.date | None = None,
    ) -> SearchResult:
        """Who is meant by a text: a number of any kind, a name, its beginning, reading or initials, a part of
        an organisation's name, a name and four last digits. Customers are those of the night (default: the
        last).

        `kinds`: only by these (`quanke.customers.finding.SEARCH_KINDS`). `within`: only these customers, an
        audience or a yes or no by customer number; it holds before anything is counted or cut at `limit`.
        Raises InputError for what cannot be asked, NightError for a night without a search, HomeError where
        the home's key is not to be used.
        """
        night = self.night(on)
        if within is not None and not isinstance(within, np.ndarray):
            bits = np.ascontiguousarray(within.words).astype("<u8", copy=False).view(np.uint8)
            within = np.unpackbits(bits, count=night.rows, bitorder="little").view(np.bool_)
        return open_search(night, self.home).search(text, kinds=kinds, within=within, limit=limit)

    def masked_names(self, customers: Sequence[int]) -> list[str]:
        """The names of customers of today, masked; - where nobody knows one."""
        return masked_names(self.home, self.register, customers)

    def masked_name(self, customer: int) -> str:
        """The name of a customer of today, masked; - where nobody knows it."""
        name = next((masked(each).value for each in self.golden(customer) if each.name == "name"), None)
        return str(name) if name else "-"

    def happenings(self, customer: int | str) -> list[Happening]:
        """Merges, splits and moves a customer was part of, oldest first; of an absorbed number its own."""
        return happenings(self.register, find_customer(self.home, str(customer)))

    def questions(
        self, customer: int | str | None = None, outcomes: Sequence[str] = (), limit: int | None = None
    ) -> tuple[list[dict[str, Any]], int]:
        """Open questions of the review queue with the records' names in their systems, the most probable
        first; and how many there are in all."""
        number = None if customer is None else self._today(customer)
        register = self.register
        table = questions(register, number, outcomes)
        total, rows = table.num_rows, table.slice(0, limit).to_pylist()
        ends = {row[end] for row in rows for end in ("one_party", "other_party")}
        names = party_names(self.home, np.array(sorted(ends), dtype=np.int32))
        for row in rows:
            for side in ("one", "other"):
                row[f"{side}_source"], row[f"{side}_party_id"] = names[row[f"{side}_party"]]
        return rows, total

    def _today(self, customer: int | str) -> int:
        number = find_customer(self.home, str(customer))
        found = self.register.now(number)
        if found is None:
            raise NightError("no customer of that number was ever given out")
        return found

    def explain(self, customer: int | str, on: str | dt.date | None = None) -> list[Explanation]:
        """Every tag of one customer with what it was made of."""
        night = self.night(on)
        number = find_customer(self.home, str(customer), night)
        return explain(night, self.catalogue, number, self.home.currency)

    def history(self, customer: int | str, names: Sequence[str]) -> list[dict[str, Any]]:
        """Tags of one customer in every published night, oldest first: `night`, `values` by name, `shown` as
        people see them. A night that did not hold a tag, or not yet the customer, has None and "-".

        Raises NightError for a tag no night holds.
        """
        unknown = [n for n in names if n not in self.catalogue]
        if unknown:
            raise NightError(f"there is no tag named {unknown[0]!r}")
        rows = []
        for day in self.nights:
            night = self.night(day)
            number = self.customer(customer, day)
            found = {e.name: e for e in self.explain(number, day)} if number < night.rows else {}
            told = {n: found[n].to_json() for n in names if n in found}
            rows.append(
                {
                    "night": day.isoformat(),
                    "values": {n: told[n]["value"] if n in told else None for n in names},
                    "shown": {n: told[n]["shown"] if n in told else "-" for n in names},
                }
            )
        return rows


def parse_day(on: str | dt.date) -> dt.date:
    """A day given as a date or as YYYY-MM-DD."""
    if isinstance(on, dt.date):
        return on
    try:
        return dt.date.fromisoformat(on)
    except ValueError:
        raise NightError("a day is written YYYY-MM-DD, as 2026-06-30") from None


def open_home(path: str | Path) -> Bank:
    """Open a home that exists."""
    return Bank(Home.open(Path(path)))
