"""The advice of a published night, read back: for one customer with words, for one post, and the record."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from quanke.bank.arranged import facts_sql
from quanke.bank.contracts import SALES_AREA
from quanke.bank.home import Home
from quanke.customers.register import Register, register_kept
from quanke.engines.store import Night
from quanke.kernel.errors import NightError
from quanke.night.advised_since import declined_since, no_longer_agreed, stopped_since
from quanke.night.batches import night_rows
from quanke.night.reading import rows_of_records
from quanke.night.wealth import FOLDER, SHEET, proposals_table, trades_table, withheld_on
from quanke.night.wealth_ground import AdviceGround, Asked
from quanke.night.wealth_holders import TAGS, Everybody, assessed_of
from quanke.night.wealth_record import RECORD, TOLD
from quanke.night.wealth_rules import FILE, WealthRules, read_wealth_rules, wealth_rules
from quanke.night.wealth_shelf import Products, products_on
from quanke.night.wealth_standard import MODEL, NightModel, model_from, model_now
from quanke.night.wealth_words import AdviceWords, ClassHeld, held_by, words_of
from quanke.wealth.advisable import WITHHELD, AdviceStop, advice_stop
from quanke.wealth.record import as_recorded


@dataclass(frozen=True, slots=True)
class AdviceNote:
    """Something to mind before a trade is made: number of the rule, and the sentence in both languages."""

    id: str
    zh: str
    en: str


BRANCH_FIRST = AdviceNote(
    "SUI-3.branch",
    "首次风险测评不在网点，购买前须在网点办理或另有书面约定",
    "the first assessment was not made in a branch: buy there, or agree otherwise in writing first",
)
BRANCH_RISK = AdviceNote(
    "SUI-3.branch",
    "R4及以上产品须在网点办理，另有书面约定除外",
    "products of R4 and above are bought in a branch unless agreed otherwise in writing",
)


def _early(product: Mapping[str, Any]) -> AdviceNote:
    """What leaving a product early costs."""
    name, days, share = product["product"], product["exit_days"], f"{product['exit_ppm'] / 10_000:g}%"
    return AdviceNote(
        "FEE.exit",
        f"{name} 持有不满{days}天赎回，按{share}收费",
        f"leaving {name} before {days} days costs {share}",
    )


@dataclass(frozen=True)
class CustomerAdvice:
    """What a night proposes to one customer, or the rule that stops it.

    `proposal` and `trades` are rows of `PROPOSALS` and `TRADES`; `held` what he has by asset class; `words`
    the paragraph in both languages with risks first, and the education item that goes with it; `notes` what
    is to be minded before a trade is made. `now`: it was computed again by the rules and the model of today.
    """

    customer: int
    day: dt.date
    model: str
    stop: AdviceStop | None
    proposal: Mapping[str, Any] | None = None
    trades: tuple[Mapping[str, Any], ...] = ()
    held: tuple[ClassHeld, ...] = ()
    words: AdviceWords | None = None
    notes: tuple[AdviceNote, ...] = ()
    now: bool = False


class NightAdvice:
    """The advice of a published night. Raises NightError where the night has none."""

    def __init__(self, night: Night, home: Home) -> None:
        if not (night.path / FOLDER / SHEET).exists():
            raise NightError(f"the night of {night.day} holds no advice: run a later night first")
        self.night, self.home = night, home

    def path(self, name: str) -> Path:
        """A file of the advice."""
        return self.night.path / FOLDER / name

    @cached_property
    def sheet(self) -> dict[str, Any]:
        """`wealth.json`."""
        found: dict[str, Any] = json.loads(self.path(SHEET).read_text(encoding="utf-8"))
        return found

    @cached_property
    def model(self) -> NightModel:
        """The portfolios it was made by."""
        return model_from(self.path(MODEL))

    @cached_property
    def rules(self) -> WealthRules:
        """The parameters it was made by."""
        return read_wealth_rules(self.path(FILE))

    @cached_property
    def products(self) -> Products:
        """The shelf of the night."""
        return Products(pq.read_table(self.path("products.parquet")), self.model.classes)

    @property
    def proposals(self) -> pa.Table:
        """One row per customer who may be advised, as `PROPOSALS`."""
        return pq.read_table(self.path("proposals.parquet"))

    @property
    def trades(self) -> pa.Table:
        """One row per trade, as `TRADES`; those withheld are among them."""
        return pq.read_table(self.path("trades.parquet"))

    @property
    def record(self) -> pa.Table:
        """What became of proposals: one row per customer and proposal."""
        return as_recorded(pq.read_table(self.path(RECORD)))

    @property
    def told(self) -> pa.Table:
        """Holders to tell that a product was rated higher (SUI-1)."""
        return pq.read_table(self.path(TOLD))

    def worklist(self, post: str | None = None) -> pa.Table:
        """Proposals that may be shown, those farthest from their model first; of one post, or of all. Who
        took back his consent since the night is not among them."""
        rows = self.proposals
        rows = rows.filter(pc.equal(rows["status"], "proposed"))
        if post is not None:
            rows = rows.filter(pc.fill_null(pc.equal(rows["post"], post), False))
        now = self._register.customer
        mine = np.flatnonzero(np.isin(now, rows["customer"].to_numpy())).astype(np.int32)
        parties = pa.table({"party": mine, "customer": now[mine]})
        gone = no_longer_agreed(facts_sql(self.home, "consents"), parties)
        rows = rows.filter(np.isin(rows["customer"].to_numpy(), gone, invert=True))
        return rows.sort_by([("outside_before", "descending"), ("customer", "ascending")])

    def rows_of(self, name: str, customer: int) -> list[dict[str, Any]]:
        """A customer's rows of a file."""
        found: list[dict[str, Any]] = self._of(name, customer).to_pylist()
        return found

    def _of(self, name: str, customer: int) -> pa.Table:
        return night_rows(self.night, f"{FOLDER}/{Path(name).stem}", customer)

    def propose(self, customer: int) -> CustomerAdvice:
        """What the night proposed to a customer. A consent withdrawn, profiling refused, a proposal declined,
        a death or the end of the relationship that was loaded since ends it at once."""
        everybody = self._alone(customer)
        stop = self._stop(customer, everybody, self.rules)
        rows = self.rows_of("proposals.parquet", customer)
        if stop is None and not rows:
            raise NightError(f"the night of {self.night.day} says nothing of this customer: it has changed")
        if stop is not None:
            return CustomerAdvice(customer, self.night.day, self.model.version, stop)
        trades = self.rows_of("trades.parquet", customer)
        ground = AdviceGround(self.night.day, self.products, self.model, self.rules)
        asked = ground.asked(everybody, np.zeros(1, np.int64), self._positions(customer))
        return self._told(customer, asked, rows[0], trades, ground)

    def propose_now(self, customer: int) -> CustomerAdvice:
        """The same found again, on the night's columns, by the rules, shelf and model of today."""
        rules = wealth_rules(self.home)
        everybody = self._alone(customer)
        stop = self._stop(customer, everybody, rules)
        model = model_now(self.home, self.night, rules)
        if stop is not None:
            return CustomerAdvice(customer, self.night.day, model.version, stop, now=True)
        products = products_on(self.home, self.night.day, model.classes, rules)
        ground = AdviceGround(self.night.day, products, model, rules)
        asked = ground.asked(everybody, np.zeros(1, np.int64), self._positions(customer))
        made = asked.proposals()
        withheld = withheld_on(self.home, np.array([customer]), rules, self.night.day)
        posts = everybody.column("owner_post")
        row = proposals_table(asked, made, posts, withheld).to_pylist()[0]
        trades = trades_table(asked, made, products.ids).to_pylist()
        return self._told(customer, asked, row, trades, ground, now=True)

    def _told(
        self,
        customer: int,
        asked: Asked,
        row: dict[str, Any],
        trades: list[dict[str, Any]],
        ground: AdviceGround,
        now: bool = False,
    ) -> CustomerAdvice:
        version, held = ground.model.version, held_by(asked, ground, row)
        row = {**row, "customer": customer}
        trades = [{**each, "customer": customer} for each in trades]
        if row["status"] == "withheld":
            return CustomerAdvice(customer, self.night.day, version, WITHHELD, now=now)
        words = words_of(asked, ground, row, trades, held)
        notes = self._notes(customer, trades, ground)
        return CustomerAdvice(
            customer, self.night.day, version, None, row, tuple(trades), held, words, notes, now
        )

    def _notes(
        self, customer: int, trades: list[dict[str, Any]], ground: AdviceGround
    ) -> tuple[AdviceNote, ...]:
        """What is to be minded before a trade is made (SUI-3)."""
        bought = {each["product"] for each in trades if each["side"] == "buy"}
        rows = [row for row in ground.products.table.to_pylist() if row["product"] in bought]
        invested = [row for row in rows if row["category"] != "term"]
        at_branch = ground.rules.suitability.branch_risk.on(self.night.day)
        notes = []
        if invested and not self._assessed_in_branch(customer):
            notes.append(BRANCH_FIRST)
        if any(row["rating"] >= at_branch for row in invested):
            notes.append(BRANCH_RISK)
        return tuple(notes + [_early(row) for row in rows if row["exit_ppm"]])

    def _assessed_in_branch(self, customer: int) -> bool:
        """Whether his first assessment on file was made in a branch."""
        rows = self._facts("risk_assessments", customer).to_pylist()
        told = [r for r in rows if r["date"] <= self.night.day and r["channel"] is not None]
        # of one day, those with a moment come before those without
        told.sort(key=lambda r: (r["date"], r["at"] is None, r["at"] or dt.datetime.min, r["assessment_id"]))
        return bool(told) and told[0]["channel"] in SALES_AREA

    def _stop(self, customer: int, everybody: Everybody, rules: WealthRules) -> AdviceStop | None:
        code = int(everybody.stopped(rules.advice.full_age.on(self.night.day))[0])
        return advice_stop(code) or stopped_since(partial(self._facts, customer=customer))

    @property
    def _register(self) -> Register:
        return register_kept(self.home)

    def _facts(self, table: str, customer: int) -> pa.Table:
        """A table's rows of a customer's records, as the register sees who is who today."""
        register = self._register
        parties = register.parties_of(customer)
        return rows_of_records(self.home, table, parties, register.loaded[parties])

    def _alone(self, customer: int) -> Everybody:
        """One customer as everybody: the same columns, one row."""
        row, types = self.night.row(customer, TAGS), self._types
        assessments = self._facts("risk_assessments", customer).to_pylist()
        assessed, unconfirmed = assessed_of(assessments, self.night.day)
        foreign = self.rows_of("foreign.parquet", customer)
        record = as_recorded(self._of(RECORD, customer))
        alone = record.set_column(0, "customer", pa.array(np.zeros(record.num_rows, np.int32)))
        rest = self.rules.advice.rest_days.on(self.night.day)
        return Everybody(
            1,
            lambda name: pa.chunked_array([pa.array([row[name]], types[name])]),
            np.array([assessed], np.int8),
            np.array([unconfirmed], np.bool_),
            np.array([sum(each["foreign"] for each in foreign)], np.int64),
            declined_since(partial(self._facts, customer=customer), alone, self.night.day, rest),
        )

    def _positions(self, customer: int) -> pa.Table:
        table = self._of("positions.parquet", customer)
        return table.set_column(0, "customer", pa.array(np.zeros(table.num_rows, np.int32)))

    @cached_property
    def _types(self) -> dict[str, pa.DataType]:
        found: dict[str, pa.DataType] = {}
        for group in self.night.groups:
            schema = pq.read_schema(self.night.parts(group)[0])
            found.update({name: schema.field(name).type for name in schema.names if name in TAGS})
        return found
