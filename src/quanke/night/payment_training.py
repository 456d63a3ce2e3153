"""Training payment activity on a home: fitted on what was known before the last days, held against them, and
fitted again on all."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from quanke.language import Catalogue
from quanke.night.sheets import Sheets
from quanke.plans.scores.card import Papers, papers
from quanke.plans.scores.drift import Steps
from quanke.plans.scores.features import Feature, digest, matrix
from quanke.plans.scores.payment_card import payment_card
from quanke.plans.scores.payments import (
    HORIZON,
    PAYMENT_TAGS,
    PaymentModel,
    alike,
    held_out,
    history,
    paid,
    payment_days_90d,
)
from quanke.plans.scores.purchases import BetaGeometricNBD
from quanke.plans.scores.rules import ScoreRules, Split

PLACES = 6
"""Digits of a parameter that are kept: more than any data tell apart, fewer than differ between machines."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PaymentTraining:
    """`sheets` over a catalogue that holds `PAYMENT_TAGS` and `payment_days_90d`; `allowed`: of whom in the
    sample may be learned, by what they say today; `until`: the last day that is known."""

    sheets: Sheets
    allowed: NDArray[np.bool_]
    until: dt.date
    rules: ScoreRules

    @property
    def cut(self) -> dt.date:
        """The day before the days that are held out."""
        return self.until - dt.timedelta(days=HORIZON)

    @property
    def split(self) -> Split:
        """Its days, as those of other scores."""
        return Split((self.cut,), (), self.cut, HORIZON)

    def made(self, catalogue: Catalogue) -> tuple[PaymentModel, Papers] | str:
        """The model and its papers, or why there is none. `catalogue`: that of the home."""
        first, _ = self.sheets.reach.get("transactions", (self.until, self.until))
        look_back = self.rules.look_back.on(self.until)
        if (self.cut - first).days < look_back:
            return f"movements are known from {first} to {self.until}: {look_back + HORIZON} days are needed"
        names = [tag.name for tag in PAYMENT_TAGS]
        kinds = [self.sheets.catalogue[name].result.kind for name in names]
        earlier, later = (self._sheet(day, names) for day in (self.cut, self.until))
        here, now = self._there(earlier), self._there(later)
        rows = {"before": matrix(earlier.filter(pa.array(here)), names, kinds, self.cut)}
        rows["all"] = matrix(later.filter(pa.array(now)), names, kinds, self.until)
        least = self.rules.least_payers.on(self.until)
        again = {name: int((paid(of) & (of[:, 0] > 1)).sum()) for name, of in rows.items()}
        if min(again.values()) < least:
            return f"{min(again.values())} customers paid on a second day, {least} are needed"
        fitted = {name: BetaGeometricNBD().fit(*alike(of[paid(of)])) for name, of in rows.items()}
        if not all(model.converged_ for model in fitted.values()):
            return "the likelihood of their payments has no maximum"
        came = pc.cast(later[payment_days_90d.name], pa.float64()).to_numpy()[here]
        told = held_out(
            fitted["before"], *history(rows["before"][paid(rows["before"])]), came[paid(rows["before"])]
        )
        model = self._model(fitted["all"], rows["all"])
        counts = {
            "customers": len(rows["all"]),
            "payers": int(paid(rows["all"]).sum()),
            "again": again["all"],
        }
        label = digest(self.sheets.catalogue, payment_days_90d.name)
        given = {n: getattr(self.rules, n).on(self.until) for n in ("look_back", "least_payers")}
        card = payment_card(
            model, fitted["all"], fitted["before"], counts, told, self.cut, label, catalogue.fingerprint,
            {**given, "consent_required": self.rules.consent_required.on(self.until)},
        )  # fmt: skip
        return model, papers(card)

    def _model(self, fitted: BetaGeometricNBD, rows: Floats) -> PaymentModel:
        r, alpha, a, b = (float(f"{p:.{PLACES}g}") for p in (fitted.r_, fitted.alpha_, fitted.a_, fitted.b_))
        features = tuple(
            Feature.of(self.sheets.catalogue, tag.name, rows[:, at]) for at, tag in enumerate(PAYMENT_TAGS)
        )
        until = self.until.isoformat()
        made = PaymentModel(until, (r, alpha, a, b), features, Steps.of(np.empty(0)))
        return PaymentModel(until, made.parameters, features, Steps.of(made.predict(rows)[0]))

    def _sheet(self, day: dt.date, names: list[str]) -> pa.Table:
        return self.sheets.of(day, [*names, payment_days_90d.name, "may_be_profiled", "profiling_agreed"])

    def _there(self, sheet: pa.Table) -> NDArray[np.bool_]:
        """Who could be scored on a sheet's day, and may be learned from today."""
        there = pc.fill_null(sheet["may_be_profiled"], False)
        if self.rules.consent_required.on(self.until):
            there = pc.and_(there, pc.fill_null(sheet["profiling_agreed"], False))
        return np.asarray(there.to_numpy(zero_copy_only=False), np.bool_) & self.allowed
