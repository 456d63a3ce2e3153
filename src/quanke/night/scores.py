"""Scores of a night: the models in use applied to everybody, part by part, and how far the base has drifted.

The versions stand in the night's plan, so a killed night resumes with the same models or begins again, and a
published one never changes. Written as the group `scores` beside the profile; the tags that read it are
ordinary definitions. `scores.json` keeps the versions and the drift.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from quanke.bank.home import Home
from quanke.effects.uplift.published import UPLIFT, PublishedUplift
from quanke.engines.duckdb.relations import arrow_type
from quanke.engines.store import write_json
from quanke.engines.store.files import write_parquet
from quanke.kernel.errors import ScoreError
from quanke.language import Catalogue
from quanke.language.facts import scores as table_of_scores
from quanke.language.types import OF_FIELD, Kind
from quanke.night.steps import WORKERS, Run
from quanke.plans.scores.drift import judged
from quanke.plans.scores.features import matrix, numbers
from quanke.plans.scores.model import Model
from quanke.plans.scores.payments import ALIVE, EXPECTED, PAYMENTS, PaymentModel
from quanke.plans.scores.rules import DEFAULT_RULES
from quanke.plans.scores.store import ModelStore, Version
from quanke.plans.scores.targets import CHURN, VALUE
from quanke.plans.scores.worth import Worth

FILE = "scores.json"
"""What the step adds to a published night."""
COLUMNS = tuple(table_of_scores.fields)
"""Columns of the group `scores`."""
PROPENSITY = "propensity_"
DECEASED = "deceased"
_TYPES = {name: arrow_type(OF_FIELD[f.type]) for name, f in table_of_scores.fields.items()}
_RATE = 10**6
Floats = NDArray[np.float64]
Done = Mapping[str, list[str]]
Column = Callable[[str], pa.ChunkedArray]


def versions_in_use(home: Home) -> dict[str, str]:
    """Names of the versions a night begun now applies, by score. Only scores the language knows."""
    held = ModelStore(home.path).in_use()
    return {score: version.name for score, version in sorted(held.items()) if column_of(score) in COLUMNS}


@dataclass(frozen=True)
class Scoring:
    """What is applied, with all a task needs. `models` by score; `wall` names the tags that must be true of
    whom a score may be made (one number for everybody says nothing of a person: it is said of all who live);
    `groups` the group each tag is read from; `refused` why a version in use is not applied."""

    models: Mapping[str, Model | PublishedUplift]
    worth: Worth | None
    payments: PaymentModel | None
    wall: tuple[str, ...]
    groups: Mapping[str, str]
    versions: Mapping[str, str]
    refused: Mapping[str, str]

    @classmethod
    def of(cls, run: Run, done: Done) -> Scoring:
        """The versions of the night's plan, as far as they fit its definitions. Raises ScoreError where a
        file of theirs is not what was published."""
        store = ModelStore(run.inputs.home.path)
        groups = {n: g for g in ("base", "linked") for n in done.get(g, ())}
        models: dict[str, Model | PublishedUplift] = {}
        refused: dict[str, str] = {}
        worth = payments = None
        for score, name in run.models.items():
            version = store.version(score, name)
            if score == VALUE:
                worth = version.worth
                continue
            model = version.payments if score == PAYMENTS else model_of(version)
            reason = unfit(model, run.catalogue, groups)
            if reason:
                refused[score] = reason
            elif isinstance(model, PaymentModel):
                payments = model.ready()
            else:
                models[score] = model
        return cls(models, worth, payments, wall_on(run), groups, dict(run.models), refused)

    @cached_property
    def reads(self) -> dict[str, Kind]:
        """Every feature that is read, with its kind."""
        return {f.name: f.kind for _, model in sorted(self.read_by.items()) for f in model.features}

    @cached_property
    def read_by(self) -> dict[str, Model | PublishedUplift | PaymentModel]:
        """Every model that reads tags, by score."""
        found: dict[str, Model | PublishedUplift | PaymentModel] = dict(self.models)
        if self.payments is not None:
            found[PAYMENTS] = self.payments
        return found

    def part(
        self, column: Column, first: int, day: dt.date, gone: NDArray[np.bool_]
    ) -> tuple[pa.Table, dict[str, Any]]:
        """Scores of a part that begins at customer `first`, and the counts its drift is made of. `column`
        gives a tag of the part; nobody in `gone` has a score."""

        def told(name: str) -> NDArray[np.bool_]:
            return np.asarray(pc.fill_null(column(name), False).to_numpy(zero_copy_only=False), np.bool_)

        allowed = ~gone
        for name in self.wall:
            allowed &= told(name)
        alive = ~gone & ~told(DECEASED) if any(map(of_all, self.models.values())) else ~gone
        names = list(self.reads)
        table = pa.table({name: column(name) for name in names}).filter(pa.array(allowed)) if names else None
        none = np.empty((int(allowed.sum()), 0))  # an average reads nothing
        rows = matrix(table, names, list(self.reads.values()), day) if table is not None else none
        place = {name: at for at, name in enumerate(names)}
        said: dict[str, Floats] = {}
        counts: dict[str, Any] = {}
        for score, model in self.read_by.items():
            own = np.asfortranarray(rows[:, [place[f.name] for f in model.features]])
            if isinstance(model, PaymentModel):
                said[EXPECTED], said[ALIVE] = model.predict(own)
            else:
                said[score] = model.predict(own)
            counts[score] = {
                "said": model.said.counts(said[column_of(score)]).tolist(),
                "features": {
                    f.name: f.steps.counts(own[:, i]).tolist() for i, f in enumerate(model.features)
                },
            }
        columns: dict[str, pa.Array] = {
            "customer": pa.array(np.arange(first, first + len(allowed), dtype=np.int32))
        }
        for name, of in _TYPES.items():
            columns[name] = pa.nulls(len(allowed), of)
        for name, values in said.items():
            if name in self.models and of_all(self.models[name]):
                values, spoken_of = self.models[name].predict(np.empty((int(alive.sum()), 0))), alive.copy()
            else:
                spoken_of = allowed.copy()
            known = ~np.isnan(values)
            spoken_of[spoken_of] = known
            millionths = np.round(values[known] * _RATE).astype(np.int64)
            columns[name] = _spread(millionths, spoken_of, _TYPES[name])
        if self.worth is not None:
            columns[VALUE] = _spread(self._value(column, allowed, said), allowed, _TYPES[VALUE])
        return pa.table(columns), {"scored": int(allowed.sum()), "counts": counts}

    def _value(
        self, column: Column, allowed: NDArray[np.bool_], said: Mapping[str, Floats]
    ) -> NDArray[np.int64]:
        assert self.worth is not None
        keep = pa.array(allowed)
        aum, loans = (
            np.nan_to_num(numbers(column(n).filter(keep), Kind.MONEY, dt.date.min))
            for n in ("aum", "loan_balance")
        )
        propensity = {s.removeprefix(PROPENSITY): p for s, p in said.items() if s.startswith(PROPENSITY)}
        return self.worth.value(aum, loans, said.get(CHURN), propensity)

    def told(self, day: dt.date, pieces: list[dict[str, Any]]) -> dict[str, Any]:
        """What `scores.json` keeps, from the pieces of all parts."""
        warn, alarm = DEFAULT_RULES.warn.on(day), DEFAULT_RULES.alarm.on(day)
        drift = {}
        for score, model in self.read_by.items():
            own = [piece["counts"][score] for piece in pieces]
            said = model.said.index(_added([p["said"] for p in own]))
            features = {
                f.name: f.steps.index(_added([p["features"][f.name] for p in own])) for f in model.features
            }
            shown = {n: {"psi": psi, "state": judged(psi, warn, alarm)} for n, psi in features.items()}
            drift[score] = {"said": {"psi": said, "state": judged(said, warn, alarm)}, "features": shown}
        return {
            "versions": dict(self.versions),
            "scored": sum(piece["scored"] for piece in pieces),
            "not_applied": dict(self.refused),
            "drift": drift,
            "thresholds": {"warn": warn / 1000, "alarm": alarm / 1000},
        }


def of_all(model: Model | PublishedUplift) -> bool:
    """Whether it is one number for everybody: the average effect of a campaign, or that it did harm. No
    profile is used, and a plan that did not hear it would fall back on a guess."""
    return isinstance(model, PublishedUplift) and not model.features


def column_of(score: str) -> str:
    """The column that holds what a version of a score says: of payment activity, the days expected."""
    return EXPECTED if score == PAYMENTS else score


def wall_on(run: Run) -> tuple[str, ...]:
    """Tags that must be true of whom a score may be made, by the rules in force."""
    return ("may_be_profiled", *(("profiling_agreed",) if DEFAULT_RULES.consent_required.on(run.day) else ()))


def model_of(version: Version) -> Model | PublishedUplift:
    """What a version holds. Raises ScoreError where it is none of its score."""
    if not version.score.startswith(UPLIFT):
        return version.model
    return PublishedUplift.from_text(version.text, version.score)


def unfit(
    model: Model | PublishedUplift | PaymentModel, catalogue: Catalogue, there: Mapping[str, str]
) -> str:
    """Why a model cannot be applied with a catalogue; empty where it can. `there`: what the night has."""
    stale = [*model.stale(catalogue), *(n for n in model.names if n not in there)]
    if not stale:
        return ""
    return f"it was learned from another definition of {', '.join(dict.fromkeys(stale))}: train it again"


def _spread(values: NDArray[np.int64], allowed: NDArray[np.bool_], of: pa.DataType) -> pa.Array:
    """Values of the allowed rows over all rows; null elsewhere. A rate comes in millionths."""
    whole = np.zeros(len(allowed), np.int64)
    whole[allowed] = values
    if not pa.types.is_decimal(of):
        return pa.array(whole, of, mask=~allowed)
    # millionths are the unscaled values of a decimal with six places: 16 bytes each, the upper half the sign
    pairs = np.zeros((len(whole), 2), np.int64)
    pairs[:, 0] = whole
    pairs[:, 1] = whole >> 63  # -1 below zero: an uplift may be negative
    valid = pa.array(allowed).buffers()[1]
    return pa.Array.from_buffers(of, len(whole), [valid, pa.py_buffer(pairs.tobytes())])


def _added(counts: list[list[int]]) -> NDArray[np.int64]:
    return np.asarray(np.array(counts, np.int64).sum(axis=0), np.int64)


def gone_in(numbers_absorbed: NDArray[np.int32], low: int, high: int) -> NDArray[np.bool_]:
    """Of the customers `low` to `high - 1`, whose numbers were taken into another customer."""
    gone = np.zeros(high - low, np.bool_)
    own = numbers_absorbed[(numbers_absorbed >= low) & (numbers_absorbed < high)]
    gone[own - low] = True
    return gone


def score_parts(run: Run, done: Done) -> bool:
    """The group `scores` and `scores.json`, on one machine. False, and nothing written, where no model is in
    use."""
    if not run.models:
        return False
    scoring = Scoring.of(run, done)
    missing = _begun(run)
    with run.progress.step("scores", len(missing)) as step, ThreadPoolExecutor(WORKERS) as pool:

        def one(part: int) -> None:
            low, high = run.inputs.reach(part)

            def column(name: str) -> pa.ChunkedArray:
                return pq.read_table(run.working.part(scoring.groups[name], part), columns=[name])[name]

            table, piece = scoring.part(column, low, run.day, gone_in(run.absorbed.numbers, low, high))
            write_piece(run.working.path, part, piece)
            write_parquet(run.working.part("scores", part), table)
            step.advance(1)

        list(pool.map(one, missing))
    finish(run, scoring)
    return True


def finish(run: Run, scoring: Scoring) -> None:
    """Write `scores.json` out of the pieces of all parts, and say in the manifest which model in use was not
    applied, and which says something else of these customers than of those it was learned from."""
    target = run.working.file(FILE)
    if not target.exists():
        write_json(target, scoring.told(run.day, pieces_of(run)))
    told = scores_of(run.working.path)
    run.notes += [f"{score}: not applied, {reason}" for score, reason in sorted(told["not_applied"].items())]
    for score, drift in sorted(told["drift"].items()):
        if drift["said"]["state"] in ("warn", "alarm"):
            run.notes.append(f"{score}: drift {drift['said']['state']}, PSI {drift['said']['psi']:.2f}")


def _begun(run: Run) -> list[int]:
    """Parts that are still to be scored. A part counts with its piece, which is written before it."""
    pieces = run.working.file("pieces-scores")
    pieces.mkdir(exist_ok=True)
    return run.working.missing("scores", run.inputs.parts)


def write_piece(working: Path, part: int, piece: dict[str, Any]) -> None:
    """Keep the counts of a part. A task that is tried again while a lost one still writes must not meet it,
    so each writes under a name of its own."""
    path = _piece(working, part)
    own = path.with_name(f"{path.name}.{uuid4().hex}.part")
    own.write_text(json.dumps(piece, sort_keys=True), encoding="utf-8")
    own.replace(path)


def _piece(working: Path, part: int) -> Path:
    return working / "pieces-scores" / f"{part:05d}.json"


def pieces_of(run: Run) -> list[dict[str, Any]]:
    """The counts of all parts."""
    paths = [_piece(run.working.path, part) for part in range(run.inputs.parts)]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def scores_of(path: Path) -> dict[str, Any]:
    """`scores.json` of a published night's folder. Raises ScoreError where the night applied no model."""
    try:
        told: dict[str, Any] = json.loads((path / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ScoreError("this night applied no model: `quanke scores train`, then the next night") from None
    return told
