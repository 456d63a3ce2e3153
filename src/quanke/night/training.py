"""Training scores on a home: sheets as of past month-ends, outcomes as of later days, models into the
store."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from quanke.bank.contracts import LOAN_CATEGORIES
from quanke.bank.home import Home
from quanke.engines.store import NightStore
from quanke.kernel.errors import ScoreError
from quanke.kernel.progress import Progress, SilentProgress
from quanke.language import Catalogue
from quanke.language.types import Kind
from quanke.night.catalogue import catalogue_of
from quanke.night.payment_training import PaymentTraining
from quanke.night.sheets import Sheets, products_of, scratch_in
from quanke.plans.scores.card import Papers, groups_of, model_card, papers, worth_card
from quanke.plans.scores.drift import Steps
from quanke.plans.scores.features import Feature, chosen, digest, matrix
from quanke.plans.scores.fitting import Learned, Sheet, joined, learn, moved_between
from quanke.plans.scores.model import Model
from quanke.plans.scores.payments import PAYMENT_TAGS, PAYMENTS, payment_days_90d
from quanke.plans.scores.rules import DEFAULT_RULES, ScoreRules, Split, split_of
from quanke.plans.scores.store import ModelStore, Version
from quanke.plans.scores.targets import (
    CHURN,
    HELD,
    LEFT_BEHIND,
    SHEET,
    VALUE,
    WALL,
    Target,
    brought,
    targets,
)
from quanke.plans.scores.worth import Worth, usual_amounts

SAMPLE = 100_000
"""Customers of each sheet where nothing else is said."""
SEED = 20_260_630
GROUPS = ("sex", "age", "branch")
"""Tags by which a card compares; of these only age is a feature."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Trained:
    """What a training gave: versions that are in use now, and why the others have none."""

    until: dt.date
    split: Split
    versions: dict[str, Version]
    skipped: dict[str, str]
    customers: int

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "until": self.until.isoformat(),
            "train": [d.isoformat() for d in self.split.train],
            "calibrate": [d.isoformat() for d in self.split.calibrate],
            "report": self.split.report.isoformat(),
            "horizon_days": self.split.horizon,
            "customers": self.customers,
            "versions": {score: version.name for score, version in self.versions.items()},
            "metrics": {s: v.card["metrics"] for s, v in self.versions.items() if "metrics" in v.card},
            "skipped": self.skipped,
        }


def train(
    home: Home,
    until: dt.date | None = None,
    *,
    only: Sequence[str] = (),
    features: Sequence[str] = (),
    rules: ScoreRules = DEFAULT_RULES,
    sample: int = SAMPLE,
    seed: int = SEED,
    use: bool = True,
    progress: Progress | None = None,
) -> Trained:
    """Train scores (`only` some) on what is known through `until` (default: the last night), publish each as
    a version and, with `use`, use it from the next night on.

    `features` are names of tags (default: every tag that can be one). `sample`: about so many customers. The
    same data, rules and seed give the same bytes. Raises ScoreError where nothing can be trained, naming why.
    """
    last = NightStore(home.path / "nights").latest()
    if last is None:
        raise ScoreError("scores need to know who is who: `quanke night --on DATE` first")
    until = until or last.day
    models = ModelStore(home.path)
    with scratch_in(models.folder) as scratch:
        work = _Training(home, until, rules, sample, seed, progress or SilentProgress(), scratch)
        return work.done(models, only, features, use)


@dataclass
class _Day:
    """One sheet: features of those it speaks of, what is kept beside, what came true, and groups."""

    rows: Floats
    beside: pa.Table
    came: pa.Table
    groups: pa.Table


@dataclass
class _Training:
    home: Home
    until: dt.date
    rules: ScoreRules
    sample: int
    seed: int
    progress: Progress
    scratch: Path
    catalogue: Catalogue = field(init=False)
    targets: tuple[Target, ...] = field(init=False)
    sheets: Sheets = field(init=False)

    def __post_init__(self) -> None:
        self.catalogue = catalogue_of(self.home)
        self.targets = targets(self.until, self.rules)
        of_products = [brought(t.category) for t in self.targets if t.category]
        more = [*HELD.values(), *(t.label for t in self.targets), *of_products, LEFT_BEHIND, payment_days_90d]
        more += [tag for tag in PAYMENT_TAGS if tag.name not in self.catalogue]
        whole = self.catalogue.with_more(more)
        self.sheets = Sheets(self.home, whole, self.scratch, self.progress, self.sample, self.seed)

    def done(self, models: ModelStore, only: Sequence[str], asked: Sequence[str], use: bool) -> Trained:
        """All of it."""
        known = {t.name for t in self.targets} | {VALUE, PAYMENTS}
        for name in only:
            if name not in known:
                raise ScoreError(f"there is no score named {name!r}; there are {', '.join(sorted(known))}")
        made = Trained(self.until, Split((), (), self.until, 0), {}, {}, 0)
        if PAYMENTS in only:
            made = self._payments(models)
        if set(only) != {PAYMENTS}:
            told = self._learned(models, only, asked)
            versions, skipped = {**told.versions, **made.versions}, {**told.skipped, **made.skipped}
            made = replace(told, versions=versions, skipped=skipped)
        if not made.versions:
            reasons = "; ".join(f"{score}: {reason}" for score, reason in made.skipped.items())
            raise ScoreError(f"no score can be trained: {reasons}")
        if use:
            for score, version in made.versions.items():
                models.use(score, version.name)
        return made

    def _payments(self, models: ModelStore) -> Trained:
        """Payment activity, which costs every night that applies it a second look at a year of movements:
        only where it is asked for."""
        if "transactions" not in self.sheets.reach:
            raise ScoreError("payment activity needs transactions: none are loaded")
        last = min(self.until, self.sheets.reach["transactions"][1])
        with self.progress.step("Payment activity", 1) as step:
            work = PaymentTraining(self.sheets, self._allowed(self._now()), last, self.rules)
            made = work.made(self.catalogue)
            step.advance(1)
        if isinstance(made, str):
            return Trained(self.until, work.split, {}, {PAYMENTS: made}, 0)
        model, written = made
        version = models.publish(PAYMENTS, model.until, model.text, written)
        return Trained(self.until, work.split, {PAYMENTS: version}, {}, version.card["rows"]["customers"])

    def _now(self) -> pa.Table:
        """What everybody in the sample says of profiling on the last day of all tables: who refuses now is
        not learned from, whatever he said on a sheet's day."""
        last = max(self.until, *(b for _, b in self.sheets.reach.values()))
        return self.sheets.of(last, [tag.name for tag in WALL])

    def _learned(self, models: ModelStore, only: Sequence[str], asked: Sequence[str]) -> Trained:
        """The scores that are learned from sheets of past month-ends."""
        split = self._split()
        begins = {table: first for table, (first, _) in self.sheets.reach.items()}
        self.names, self.left_out = chosen(self.catalogue, begins, split.days[0], asked)
        self.kinds = [self.catalogue[name].result.kind for name in self.names]
        days = self._days(split)
        rows = self._joined(split, days)
        versions: dict[str, Version] = {}
        skipped: dict[str, str] = {}
        for target in self.targets:
            if only and target.name not in only:
                continue
            made = self._one(target, split, days, rows)
            if isinstance(made, str):
                skipped[target.name] = made
            else:
                model, written = made
                versions[target.name] = models.publish(target.name, model.until, model.text, written)
        if not only or VALUE in only:
            made_worth = self._worth(split, days)
            if made_worth is None:
                skipped[VALUE] = "the bank states no margin of its products"
            else:
                worth, written = made_worth
                versions[VALUE] = models.publish(VALUE, worth.until, worth.text, written)
        people = int(max(len(day.rows) for day in days.values()))
        return Trained(self.until, split, versions, skipped, people)

    def _split(self) -> Split:
        reach = self.sheets.reach
        there = [reach[t] for t in ("transactions", "balances") if t in reach]
        if not there:
            raise ScoreError("scores need transactions or balances: none are loaded")
        first = max(a for a, _ in there) + dt.timedelta(days=self.rules.look_back.on(self.until))
        # a label is known as far as every table it may read from
        self.last = min(self.until, *(b for _, b in there))
        found = split_of(self.last, first, self.rules)
        if found is None:
            raise ScoreError(
                f"the tables reach from {max(a for a, _ in there)} to {self.last}: too short to learn from "
                "one month, check on a later one and report on the last"
            )
        return found

    def _days(self, split: Split) -> dict[dt.date, _Day]:
        beside = [tag.name for tag in SHEET]
        groups = [name for name in GROUPS if name in self.catalogue]
        labels = [t.label.name for t in self.targets]
        after = [*labels, *(brought(t.category).name for t in self.targets if t.category), LEFT_BEHIND.name]
        allowed = self._allowed(self._now())
        found = {}
        with self.progress.step("sheets", len(split.days)) as step:
            for day in split.days:
                sheet = self.sheets.of(day, [*self.names, *beside, *groups])
                self.sheets.keep(day, sheet, beside)
                came = self.sheets.of(day + dt.timedelta(days=split.horizon), after, before=day)
                there = pc.and_(pc.fill_null(sheet["may_be_profiled"], False), pa.array(allowed))
                if self.rules.consent_required.on(self.until):
                    there = pc.and_(there, pc.fill_null(sheet["profiling_agreed"], False))
                kept = sheet.filter(there)
                rows = matrix(kept, self.names, self.kinds, day)
                found[day] = _Day(rows, kept.select(beside), came.filter(there), kept.select(groups))
                step.advance(1)
        return found

    def _allowed(self, now: pa.Table) -> NDArray[np.bool_]:
        refused = pc.fill_null(now["profiling_refused"], True).to_numpy(zero_copy_only=False)
        allowed = ~np.asarray(refused, np.bool_)
        if self.rules.consent_required.on(self.until):
            agreed = pc.fill_null(now["profiling_agreed"], False).to_numpy(zero_copy_only=False)
            allowed &= np.asarray(agreed, np.bool_)
        return allowed

    def _joined(
        self, split: Split, days: dict[dt.date, _Day]
    ) -> dict[str, tuple[tuple[dt.date, ...], Floats]]:
        """Rows by role, one day under the other; and which features moved in between, the same for every
        score."""
        roles = {"train": split.train, "calibrate": split.calibrate, "report": (split.report,)}
        rows = {role: (of, np.concatenate([days[d].rows for d in of])) for role, of in roles.items()}
        self.moved = moved_between(rows["train"][1], rows["calibrate"][1], self.rules.alarm.on(self.until))
        return rows

    def _one(
        self,
        target: Target,
        split: Split,
        days: dict[dt.date, _Day],
        rows: dict[str, tuple[tuple[dt.date, ...], Floats]],
    ) -> tuple[Model, Papers] | str:
        """A score's model and papers, or why there is none."""
        on = self.until
        least = {
            "train": self.rules.least_trained.on(on),
            "calibrate": self.rules.least_calibrated.on(on),
            "report": self.rules.least_reported.on(on),
        }
        parts = {
            role: Sheet(held, np.concatenate([_flags(days[d].came[target.label.name]) for d in of]))
            for role, (of, held) in rows.items()
        }
        for role, wanted in least.items():
            acted = int(parts[role].happened.sum())
            if acted < wanted:
                return f"{acted} acted in the sheets to {role}, {wanted} are needed"
        with self.progress.step(target.title_en, 1) as step:
            learned = learn(
                parts["train"],
                parts["calibrate"],
                parts["report"],
                staircase_from=self.rules.staircase_from.on(on),
                negatives=self.rules.negatives.on(on),
                moved=self.moved,
                seed=self.seed,
            )
            step.advance(1)
        model = self._model(target, split, learned, joined([parts["train"], parts["calibrate"]]))
        said = model.predict(parts["report"].rows[:, list(learned.kept)])
        compared = groups_of(days[split.report].groups, said, parts["report"].happened)
        counts = {r: {"rows": len(s.happened), "happened": int(s.happened.sum())} for r, s in parts.items()}
        left_out = {
            **self.left_out,
            **{
                self.names[f]: f"it moved between the months: PSI {psi:.2f}"
                for f, psi in learned.moved.items()
            },
        }
        card = model_card(
            target, model, learned, split, counts, compared, left_out, self.catalogue.fingerprint,
            self.rules, self.seed
        )  # fmt: skip
        return model, papers(card)

    def _model(self, target: Target, split: Split, learned: Learned, rows: Sheet) -> Model:
        features = [Feature.of(self.catalogue, self.names[f], rows.rows[:, f]) for f in learned.kept]
        model = Model(
            target.name,
            self.last.isoformat(),
            split.horizon,
            digest(self.sheets.catalogue, target.label.name),
            tuple(features),
            learned.trees,
            learned.calibration,
            Steps.of(np.empty(0)),
        )
        return replace(model, said=Steps.of(model.predict(rows.rows[:, list(learned.kept)])))

    def _worth(self, split: Split, days: dict[dt.date, _Day]) -> tuple[Worth, Papers] | None:
        """Margins and usual amounts, from all sheets."""
        margins = products_of(self.home)
        if not margins:
            return None
        report = days[split.report].beside
        held = {c: float(_money(report[HELD[c].name]).sum()) for c in HELD}
        amounts, opened = {}, {}
        for target in self.targets:
            if not target.category or target.category not in margins:
                continue
            aum, more = [], []
            for day in days.values():
                did = _flags(day.came[target.label.name])
                before = _money(day.beside["aum"])[did]
                gained = _money(day.came[brought(target.category).name])[did]
                if target.category not in LOAN_CATEGORIES:
                    # what only went from one product to another was with the bank before
                    grown = _money(day.came[LEFT_BEHIND.name])[did] - before
                    gained = np.maximum(np.minimum(gained, grown), 0.0)
                aum.append(before)
                more.append(gained)
            whole = np.concatenate(more)
            if len(whole):
                amounts[target.category] = usual_amounts(np.concatenate(aum), whole)
                opened[target.category] = len(whole)
        leaving = next(t for t in self.targets if t.name == CHURN)
        lost = [_lost(day, leaving) for day in days.values()]
        worth = Worth(
            self.last.isoformat(),
            self.rules.value_days.on(self.until),
            _weighted(held, margins, loans=False),
            _weighted(held, margins, loans=True),
            float(np.concatenate(lost).mean()) if sum(map(len, lost)) else 0.0,
            {c: margins[c] for c in amounts},
            amounts,
        )
        return worth, papers(worth_card(worth, split, opened, self.catalogue.fingerprint))


def _flags(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    return np.asarray(pc.fill_null(column, False).to_numpy(zero_copy_only=False), np.bool_)


def _money(column: pa.ChunkedArray) -> Floats:
    from quanke.plans.scores.features import numbers

    return np.nan_to_num(numbers(column, Kind.MONEY, dt.date.min))


def _lost(day: _Day, leaving: Target) -> Floats:
    """Share of the assets that went, of each who left with some."""
    before = _money(day.beside["aum"])
    gone = _flags(day.came[leaving.label.name]) & (before > 0)
    after = _money(day.came[LEFT_BEHIND.name])
    return np.clip((before[gone] - after[gone]) / before[gone], 0, 1)


def _weighted(held: dict[str, float], margins: dict[str, float], loans: bool) -> float:
    """Mean margin of what is held, or owed, weighted with the amounts."""
    from quanke.bank.contracts import LOAN_CATEGORIES

    among = {c: amount for c, amount in held.items() if (c in LOAN_CATEGORIES) is loans and c in margins}
    whole = sum(among.values())
    return sum(amount * margins[c] for c, amount in among.items()) / whole if whole > 0 else 0.0
