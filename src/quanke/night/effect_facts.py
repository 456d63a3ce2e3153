"""What a campaign's effect is measured from: who took part, what he had before and after, what moved
inside."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from quanke.bank.arranged import facts_sql
from quanke.bank.contracts import ASSET_CATEGORIES
from quanke.bank.home import Home
from quanke.customers.graph.households import find_households
from quanke.customers.graph.rules import rules_on
from quanke.customers.graph.store import PERSON_CODE, GraphStore
from quanke.customers.register import register_of
from quanke.effects.groups import CONTROL, TREATED, ArmUnit, RegisteredCampaign
from quanke.effects.netting import Transfers
from quanke.engines.duckdb import connect
from quanke.engines.store import Night
from quanke.kernel.errors import EffectError
from quanke.kernel.progress import Progress
from quanke.language import Catalogue, Definition
from quanke.night.entered import EnteredSoFar
from quanke.night.sheets import Sheets, scratch_in

EPOCH = dt.date(1970, 1, 1)
FOLDER = "effects"
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
UNKNOWN = "-"


@dataclass(frozen=True, eq=False)
class Labels:
    """A text for each customer: `codes` are places in `names`."""

    codes: Ints
    names: tuple[str, ...]

    @classmethod
    def of(cls, column: pa.Array | pa.ChunkedArray) -> Labels:
        """From a column of texts; unknown ones are "-"."""
        whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        encoded = pc.fill_null(whole, UNKNOWN).dictionary_encode()
        return cls(encoded.indices.to_numpy().astype(np.int64), tuple(encoded.dictionary.to_pylist()))

    def __getitem__(self, rows: Any) -> Labels:
        return Labels(self.codes[rows], self.names)

    def are(self, name: str) -> Bools:
        """Whose text it is."""
        if name not in self.names:
            return np.zeros(len(self.codes), np.bool_)
        found: Bools = self.codes == self.names.index(name)
        return found

    @property
    def present(self) -> list[str]:
        """Texts that somebody has, sorted."""
        counts = np.bincount(self.codes, minlength=len(self.names))
        return sorted(name for name, count in zip(self.names, counts, strict=True) if count)

    def beside(self, other: Labels) -> Labels:
        """Both together."""
        names = tuple(f"{one}/{two}" for one in self.names for two in other.names)
        return Labels(self.codes * len(other.names) + other.codes, names)


@dataclass(frozen=True, eq=False)
class Participants:
    """Customers of a campaign, by number, as they are one today.

    `arm`: names. `strata`, `tier`, `branch`: as they were kept when the arms were dealt out, None where no
    design was registered. `cluster`: codes of what was dealt out together, None for customers. `first`: day
    of the first contact. `told`: whether the pushes hold a row of his. `conflicts`: customers who are in two
    arms and left out. `means`: how they were contacted. `expected`: planned share of the treated, where no
    design says it.
    """

    customers: Ints
    arm: Labels
    reached: Bools
    pushed: Bools
    converted: Bools
    told: Bools
    first: dt.date
    conflicts: int = 0
    strata: Labels | None = None
    tier: Labels | None = None
    branch: Labels | None = None
    cluster: Ints | None = None
    means: tuple[str, ...] = ()
    expected: float | None = None

    @property
    def control(self) -> Bools:
        """Whether each gets nothing."""
        return self.arm.are(CONTROL)

    def only(self, kept: Bools) -> Participants:
        """Some of them."""
        arrays = (
            "customers",
            "arm",
            "reached",
            "pushed",
            "converted",
            "told",
            "strata",
            "tier",
            "branch",
            "cluster",
        )
        held = {name: getattr(self, name) for name in arrays}
        some: dict[str, Any] = {n: None if values is None else values[kept] for n, values in held.items()}
        return replace(self, **some)


@dataclass
class OfCampaign(Sheets):
    """Sheets of the parts of the base in which somebody takes part."""

    customers: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    @cached_property
    def ranges(self) -> list[int]:
        """Numbers of those parts, rising."""
        found: list[int] = np.unique(self.customers // self.run.inputs.bucket).tolist()
        return found

    def rows(
        self,
        day: dt.date,
        tags: Sequence[Definition],
        before: dt.date | None = None,
        keep: Sequence[str] = (),
    ) -> dict[str, Floats]:
        """Values of tags as of a day, one per participant; NaN for unknown, 1 and 0 for yes and no.

        `before`: the day `earlier(x)` speaks of, of which `keep` has kept what is asked for.
        """
        names = list(dict.fromkeys(tag.name for tag in tags))
        sheet = self.of(day, names, before)
        if keep:
            self.keep(day, sheet, keep)
        place = pa.array(np.searchsorted(sheet["customer"].to_numpy(), self.customers))
        return {name: _numbers(sheet[name].take(place)) for name in names}


def _numbers(column: pa.ChunkedArray) -> Floats:
    if pa.types.is_boolean(column.type):
        column = pc.cast(column, pa.int8())
    filled = pc.fill_null(pc.cast(column, pa.float64()), float("nan"))
    return np.asarray(filled.to_numpy(), np.float64)


@contextmanager
def facts_of(home: Home, catalogue: Catalogue, progress: Progress) -> Iterator[OfCampaign]:
    """Sheets over the facts of a home, gone afterwards. The home's tables are only read."""
    with scratch_in(home.path / FOLDER) as scratch:
        everybody = max(1, home.counts().customers)
        yield OfCampaign(home, catalogue, scratch, progress, everybody, 0)


def known_until(sheets: Sheets, on: dt.date | None) -> dt.date:
    """The last day the facts tell of; `on` for an earlier one. Raises EffectError where nothing is loaded."""
    there = [sheets.reach[t][1] for t in ("balances", "transactions") if t in sheets.reach]
    if not there:
        raise EffectError(
            "effects are measured on balances and transactions: none are loaded",
            "效果按余额和交易测量：尚未装载",
        )
    return min([*there, on] if on is not None else there)


def campaigns_pushed(sheets: Sheets, until: dt.date) -> pa.Table:
    """Campaigns that pushes tell of: campaign, first, last, treated, control, reached."""
    return _asked(
        sheets,
        "SELECT campaign, min(date) AS first, max(date) AS last, "
        "count(DISTINCT customer) FILTER (arm = 'treated') AS treated, "
        "count(DISTINCT customer) FILTER (arm = 'control') AS control, "
        "count(DISTINCT customer) FILTER (arm = 'treated' AND reached_on <= $until) AS reached "
        "FROM {pushes} WHERE date <= $until GROUP BY campaign ORDER BY first, campaign",
        {"until": until},
    )


_PUSHED = """
SELECT customer, min(date) AS first, bool_or(arm = 'treated') AS treated, bool_or(arm = 'control') AS control,
    coalesce(bool_or(arm = 'treated' AND reached_on <= $until), false) AS reached,
    coalesce(bool_or(converted_on <= $until), false) AS converted,
    list(DISTINCT means) FILTER (means IS NOT NULL) AS means
FROM {pushes} WHERE campaign = $campaign AND date <= $until GROUP BY customer ORDER BY customer
"""


def participants_of(
    sheets: Sheets, name: str, until: dt.date, registered: RegisteredCampaign | EnteredSoFar | None
) -> Participants:
    """Who took part in a campaign: by its register where there is one, else by its pushes.

    Raises EffectError where nobody knows the campaign.
    """
    pushed = _asked(sheets, _PUSHED, {"campaign": name, "until": until})
    if registered is not None:
        return _registered(sheets.home, registered, pushed)
    if not pushed.num_rows:
        known = campaigns_pushed(sheets, until)["campaign"].to_pylist()
        raise EffectError(
            f"no campaign of that name was pushed; pushed were: {', '.join(known) or 'none'}",
            f"没有该名称的推送；已推送的活动：{'、'.join(known) or '无'}",
        )
    treated, control = (pushed[n].to_numpy() for n in ("treated", "control"))
    both = treated & control
    found = Participants(
        customers=pushed["customer"].to_numpy().astype(np.int64),
        arm=Labels(treated.astype(np.int64), (CONTROL, TREATED)),
        reached=pushed["reached"].to_numpy(),
        pushed=treated,
        converted=pushed["converted"].to_numpy(),
        told=np.ones(len(both), np.bool_),
        first=pc.min(pushed["first"]).as_py(),
        conflicts=int(both.sum()),
        means=_means(pushed),
    )
    return found.only(~both)


def _means(pushed: pa.Table) -> tuple[str, ...]:
    """Those used for most customers first."""
    used = Counter(m for row in pushed["means"].to_pylist() for m in row or ())
    return tuple(sorted(used, key=lambda means: (-used[means], means)))


def _registered(home: Home, campaign: RegisteredCampaign | EnteredSoFar, pushed: pa.Table) -> Participants:
    arms, design = campaign.arms, campaign.design
    numbers = arms["customer"].to_numpy().astype(np.int64)
    into = register_of(home).goes_by
    now = into[numbers].astype(np.int64)
    text = {name: Labels.of(arms[name]) for name in ("arm", "unit", "stratum", "tier", "branch")}
    # of two who are one today the first stands for both, unless they were in different arms
    order = np.lexsort((numbers, now))
    customers, first = np.unique(now[order], return_index=True)
    rows = order[first]
    codes = text["arm"].codes
    least, most = (np.full(len(into), edge) for edge in (len(text["arm"].names), -1))
    np.minimum.at(least, now, codes)
    np.maximum.at(most, now, codes)
    clean = least[customers] == most[customers]
    place = pc.index_in(pa.array(customers), pushed["customer"].cast(pa.int64()).combine_chunks())

    def told(name: str) -> Bools:
        flags = pc.fill_null(pushed[name].combine_chunks().take(place), False)
        return np.asarray(flags.to_numpy(zero_copy_only=False), np.bool_)

    units = None
    if design.unit is not ArmUnit.CUSTOMER:
        units = text["unit"].codes[rows]
    days = [design.first_contact, *([pc.min(pushed["first"]).as_py()] if pushed.num_rows else [])]
    found = Participants(
        customers=customers,
        arm=text["arm"][rows],
        reached=told("reached"),
        pushed=told("treated"),
        converted=told("converted"),
        told=np.asarray(place.is_valid().to_numpy(zero_copy_only=False), np.bool_),
        first=min(days),
        conflicts=int((~clean).sum()),
        strata=text["stratum"][rows],
        tier=text["tier"][rows],
        branch=text["branch"][rows],
        cluster=units,
        means=_means(pushed),
    )
    return found.only(clean)


def pushed_at_all(sheets: Sheets, customers: Ints, first: dt.date, last: dt.date) -> tuple[Bools, Bools]:
    """Whether each was pushed, and reached, by any campaign within the days."""
    found = _asked(
        sheets,
        "SELECT customer, coalesce(bool_or(reached_on <= $last), false) AS reached FROM {pushes} "
        "WHERE arm = 'treated' AND date BETWEEN $first AND $last GROUP BY customer",
        {"first": first, "last": last},
    )
    reached = found.filter(found["reached"])["customer"].to_numpy()
    return np.isin(customers, found["customer"].to_numpy()), np.isin(customers, reached)


_OVERLAPS = """
SELECT campaign, arm, list(DISTINCT customer) AS customers FROM {pushes}
WHERE campaign <> $campaign AND date BETWEEN $first AND $last GROUP BY campaign, arm ORDER BY campaign, arm
"""


def other_campaigns(
    sheets: Sheets, name: str, customers: Ints, first: dt.date, last: dt.date
) -> list[tuple[str, str, int]]:
    """Campaign, arm and how many of these customers were in it within the days, where there are any."""
    table = _asked(sheets, _OVERLAPS, {"campaign": name, "first": first, "last": last})
    found = []
    for row in table.to_pylist():
        both = int(np.isin(np.array(row["customers"], np.int64), customers).sum())
        if both:
            found.append((row["campaign"], row["arm"], both))
    return found


_TRANSFERS = """
SELECT t.customer, a.customer AS other, CAST(t.date - DATE '1970-01-01' AS BIGINT) AS day,
    CASE t.direction WHEN 'in' THEN t.amount ELSE -t.amount END AS amount, coalesce(t.own_name, false) AS own
FROM {transactions} AS t JOIN {accounts} AS a ON a.account_id = t.counterparty_account
SEMI JOIN participants AS p ON p.customer = t.customer
WHERE t.kind IN ('transfer', 'other') AND t.date BETWEEN $first AND $last AND a.customer <> t.customer
    AND coalesce(t.counterparty_bank, 'own') = 'own' AND t.category IN ({categories})
"""


def transfers_of(sheets: Sheets, customers: Ints, first: dt.date, last: dt.date) -> Transfers:
    """Movements between these customers and other customers of the bank, from the first day to the last."""
    found = _asked(sheets, _TRANSFERS, {"first": first, "last": last}, customers)
    whole = {n: found[n].to_numpy().astype(np.int64) for n in ("customer", "other", "day", "amount")}
    return Transfers(**whole, own_name=found["own"].to_numpy().astype(np.bool_))


_OWNERS = """
SELECT customer, max_by(post_id, from_date) AS post FROM {ownership}
SEMI JOIN participants USING (customer)
WHERE duty = 'primary' AND from_date <= $day AND (to_date IS NULL OR to_date > $day) GROUP BY customer
"""


def owners_of(sheets: Sheets, customers: Ints, day: dt.date) -> Labels:
    """The post that looked after each of these customers on a day; "-" for nobody."""
    found = _asked(sheets, _OWNERS, {"day": day}, customers)
    place = pc.index_in(pa.array(customers), found["customer"].cast(pa.int64()).combine_chunks())
    return Labels.of(found["post"].combine_chunks().take(place))


@dataclass(frozen=True, eq=False)
class Belonging:
    """By customer number: household on a day and home branch (codes, -1 for none), and who is a person."""

    household: Ints
    branch: Ints
    person: Bools
    branches: tuple[str, ...]


def belonging(night: Night, day: dt.date, customers: int) -> Belonging:
    """Who belonged to whom on a day, by the links a night knows."""
    store = GraphStore.open(night.path / "graph")
    people = store.people
    person = np.asarray(people.kind) == PERSON_CODE
    on = (day - EPOCH).days
    homes = find_households(
        store.links, person, np.zeros(len(person), np.int64), on, rules_on(day).household_cap
    )

    def whole(values: NDArray[np.int32]) -> Ints:
        found = np.full(max(customers, len(values)), -1, np.int64)
        found[: len(values)] = values
        return found

    everybody = np.zeros(max(customers, len(person)), np.bool_)
    everybody[: len(person)] = person
    return Belonging(whole(homes.household), whole(people.branch), everybody, store.branches)


def _asked(sheets: Sheets, sql: str, values: dict[str, object], customers: Ints | None = None) -> pa.Table:
    inputs = sheets.run.inputs
    names = ("pushes", "transactions", "accounts", "ownership")
    tables = {name: inputs.relation(name) or f"({facts_sql(sheets.home, name)})" for name in names}
    categories = ", ".join(f"'{name}'" for name in ASSET_CATEGORIES)
    with connect(threads=2, memory=sheets.memory, spill=sheets.scratch / "spill") as connection:
        if customers is not None:
            connection.register("participants", pa.table({"customer": customers}))
        return connection.sql(sql.format(**tables, categories=categories), params=values).to_arrow_table()


__all__ = [
    "Belonging",
    "OfCampaign",
    "Participants",
    "belonging",
    "campaigns_pushed",
    "facts_of",
    "known_until",
    "other_campaigns",
    "owners_of",
    "participants_of",
    "transfers_of",
]
