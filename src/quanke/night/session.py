"""The Python door: `quanke.open(home).night("2026-06-30").profile`."""

from __future__ import annotations

import datetime as dt
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from quanke.bank.contracts import Purpose
from quanke.bank.home import Home
from quanke.engines.store import Night, NightStore
from quanke.kernel.errors import NightError
from quanke.kernel.progress import Progress
from quanke.language import Catalogue
from quanke.night.audience import compile_audience, count_audience, select_audience
from quanke.night.catalogue import catalogue_of
from quanke.night.explain import Explanation, explain, find_customer
from quanke.night.run import Outcome
from quanke.night.run import night as run_night


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

    def run_night(self, on: str | dt.date, progress: Progress | None = None) -> Outcome:
        """Compute and publish a night."""
        return run_night(self.home, parse_day(on), progress=progress)

    def count(
        self, audience: str, on: str | dt.date | None = None, purpose: Purpose = Purpose.SERVICE
    ) -> int:
        """How many customers an audience expression is true for."""
        night = self.night(on)
        return count_audience(compile_audience(audience, self.catalogue, night, self.home, purpose), night)

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

    def explain(self, customer: int | str, on: str | dt.date | None = None) -> list[Explanation]:
        """Every tag of one customer with what it was made of."""
        number = find_customer(self.home, str(customer))
        return explain(self.night(on), self.catalogue, number, self.home.currency)


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
