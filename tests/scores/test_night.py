"""The night applies what was published: it equals the model asked directly, is null behind the walls, and is
the same carried, from all rows, and after a kill."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from quanke.bank.home import Home
from quanke.cli import main
from quanke.engines.store import Night
from quanke.kernel.errors import ScoreError
from quanke.language.facts import SCORED_CATEGORIES
from quanke.night import night, open_home
from quanke.night.on_duckdb import OnDuckDB
from quanke.night.score_reading import came_true, explain_scores, why_none
from quanke.night.scores import scores_of
from quanke.night.training import Trained
from quanke.plans.scores import ModelStore
from quanke.plans.scores.features import matrix
from tests.homes import BUCKET, LAST, MAY

ALL = [*(f"propensity_{c}" for c in SCORED_CATEGORIES), "churn_risk", "expected_value"]


def opened(home: Path) -> Night:
    return open_home(home).night(LAST)


def test_the_night_says_what_the_model_says(scored: Path) -> None:
    held = opened(scored)
    for score in ("propensity_term", "churn_risk"):
        version = ModelStore(scored).version(score)
        assert held.manifest["models"][score] == version.name
        table = held.read([*version.model.names, score, "may_be_profiled"])
        allowed = pc.fill_null(table["may_be_profiled"], False)
        kinds = [f.kind for f in version.model.features]
        said = version.model.predict(matrix(table.filter(allowed), version.model.names, kinds, LAST))
        assert len(said) > 2_000 and len(np.unique(said)) > 5
        millionths = [int(value * 10**6) for value in table.filter(allowed)[score].to_pylist()]
        assert millionths == np.round(said * 10**6).astype(int).tolist()


def test_nobody_behind_a_wall_has_a_score(scored: Path) -> None:
    held = opened(scored)
    table = held.read(
        [*ALL, "may_be_profiled", "profiling_refused", "is_under_14", "deceased", "is_person", "age"]
    )
    rows = table.to_pylist()
    assert sum(r["profiling_refused"] is True for r in rows) > 5
    for row in rows:
        behind = (
            row["profiling_refused"] is not False
            or row["is_person"] is not True
            or row["age"] is None
            or row["age"] < 14
            or row["deceased"] is not False
        )
        if behind:
            assert all(row[name] is None for name in ALL), "null, not 0"
        for name in ("churn_risk", "propensity_term", "expected_value"):
            assert (row[name] is not None) == (row["may_be_profiled"] is True)
    assert all(r["propensity_metal"] is None for r in rows), "no model, no score"


def test_expected_value_is_money_made_of_the_scores(scored: Path) -> None:
    held = opened(scored)
    worth = ModelStore(scored).version("expected_value").worth
    names = ["aum", "loan_balance", "churn_risk", "propensity_term", "expected_value"]
    table = held.read(names)
    table = table.filter(pc.is_valid(table["churn_risk"]))
    aum, loans, churn, term = (pc.cast(table[n], "float64").to_numpy() for n in names[:4])
    wanted = worth.value(aum, loans, churn, {"term": term})
    assert table["expected_value"].to_pylist() == wanted.tolist()


def test_carried_from_all_rows_and_resumed_are_one(
    scored: Path, trained: tuple[Path, Trained], tmp_path: Path
) -> None:
    shutil.copytree(trained[0], tmp_path / "home")
    home = Home.open(tmp_path / "home")

    class Killed(OnDuckDB):
        def scores(self, run: object, done: object) -> bool:
            super().scores(run, done)  # type: ignore[arg-type]
            run.working.part("scores", 1).unlink()  # type: ignore[attr-defined]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        night(home, LAST, bucket=BUCKET, engine=Killed())
    left = tmp_path / "home" / "nights" / f".{LAST}.working"
    assert (left / "profile" / "scores-00000.parquet").exists()
    night(home, LAST, bucket=BUCKET, engine=OnDuckDB())
    first, second = opened(scored), opened(tmp_path / "home")
    assert first.manifest["tiles"]["way"] == "carried" and second.manifest["tiles"]["way"] == "from all rows"
    assert first.groups == second.groups
    for group in first.groups:
        for a, b in zip(first.parts(group), second.parts(group), strict=True):
            assert pq.read_table(a).equals(pq.read_table(b))
    assert scores_of(first.path) == scores_of(second.path)
    assert (
        not list((second.path / "profile").glob("scores-*")) and not (second.path / "pieces-scores").exists()
    )


def test_a_killed_night_goes_on_only_with_the_same_models(
    trained: tuple[Path, Trained], tmp_path: Path
) -> None:
    shutil.copytree(trained[0], tmp_path / "home")
    home, store = Home.open(tmp_path / "home"), ModelStore(tmp_path / "home")

    class Killed(OnDuckDB):
        def scores(self, run: object, done: object) -> bool:
            super().scores(run, done)  # type: ignore[arg-type]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        night(home, LAST, bucket=BUCKET, engine=Killed())
    store.leave("churn_risk")
    night(home, LAST, bucket=BUCKET, engine=OnDuckDB())
    held = opened(tmp_path / "home")
    assert set(held.manifest["models"]) == {"propensity_term", "expected_value"}
    assert pc.all(pc.is_null(held.read(["churn_risk"])["churn_risk"])).as_py()
    published = (held.path / "manifest.json").read_bytes()
    store.leave("propensity_term")
    assert not night(home, LAST, bucket=BUCKET, engine=OnDuckDB()).computed
    assert (held.path / "manifest.json").read_bytes() == published, "a published night stays as it is"


def test_a_model_of_other_definitions_is_not_applied(trained: tuple[Path, Trained], tmp_path: Path) -> None:
    """The bank means something else by a tag than what was learned from: null and a note, never a wrong
    score."""
    shutil.copytree(trained[0], tmp_path / "home")
    store = ModelStore(tmp_path / "home")
    version = store.version("churn_risk")
    other = version.text.replace(version.model.features[0].digest, "0" * 16)
    store.publish("churn_risk", "2026-06-01", other, {"card.json": "{}"})
    store.use("churn_risk", "2026-06-01")
    night(Home.open(tmp_path / "home"), LAST, bucket=BUCKET)
    held = opened(tmp_path / "home")
    assert version.model.features[0].name in scores_of(held.path)["not_applied"]["churn_risk"]
    assert any("churn_risk: not applied" in note for note in held.manifest["notes"])
    table = held.read(["churn_risk", "propensity_term"])
    assert table["churn_risk"].null_count == table.num_rows > table["propensity_term"].null_count


def test_without_models_a_night_is_what_it_was(after_june: Path) -> None:
    held = open_home(after_june).night(LAST)
    assert held.manifest["models"] == {} and "churn_risk" in held.columns
    assert all(held.read([n])[n].null_count == held.rows for n in ALL)
    with pytest.raises(ScoreError, match="applied no model"):
        scores_of(held.path)


def test_drift_is_counted_over_everybody_scored(scored: Path) -> None:
    told = scores_of(opened(scored).path)
    table = opened(scored).read(["may_be_profiled"])
    assert told["scored"] == pc.sum(table["may_be_profiled"]).as_py()
    assert told["thresholds"] == {"warn": 0.1, "alarm": 0.25}
    for score in ("propensity_term", "churn_risk"):
        found = told["drift"][score]
        assert set(found["features"]) == set(ModelStore(scored).version(score).model.names)
        assert all(0 <= f["psi"] < 5 for f in found["features"].values())
        assert found["said"]["psi"] < 0.5
        assert found["features"]["age"]["state"] == "steady" if "age" in found["features"] else True


def test_reasons_add_up_and_are_words(scored: Path) -> None:
    held, home = opened(scored), Home.open(scored)
    table = held.read(["customer", "churn_risk"])
    known = table.filter(pc.is_valid(table["churn_risk"])).sort_by([("churn_risk", "descending")])
    customer = known["customer"][0].as_py()
    (found,) = explain_scores(home, held, customer, "churn_risk", most=1_000)
    model = ModelStore(scored).version("churn_risk").model
    assert found.value == float(known["churn_risk"][0].as_py()) and found.share_below > 0.5
    parts = sum(r.weight for r in found.reasons)
    raw = np.log(found.expected / (1 - found.expected)) + 0  # only where the calibration is a line
    assert model.calibration.kind == "line"
    slope = model.calibration.x[0]
    said = np.log(found.value / (1 - found.value))
    assert raw + slope * parts == pytest.approx(said, abs=0.02)
    titles = {f.title_zh for f in model.features}
    assert all(any(r.zh.startswith(t) for t in titles) and "（" in r.zh for r in found.reasons)
    assert all(" it)" in r.en for r in found.reasons)


def test_who_refused_is_told_why_there_is_none(scored: Path) -> None:
    held, home = opened(scored), Home.open(scored)
    rows = held.read(["customer", "profiling_refused"]).to_pylist()
    customer = next(r["customer"] for r in rows if r["profiling_refused"])
    assert explain_scores(home, held, customer) == []
    assert "拒绝画像" in why_none(held, customer)[0]
    asked = CliRunner().invoke(main, ["scores", "explain", str(customer), "--home", str(scored)])
    assert asked.exit_code == 0 and "拒绝画像" in asked.output


def test_what_was_said_is_held_against_what_came(trained: tuple[Path, Trained], tmp_path: Path) -> None:
    """A night of the end of May whose outcomes stand in the home: June is over."""
    shutil.copytree(trained[0], tmp_path / "home")
    shutil.rmtree(tmp_path / "home" / "nights" / str(MAY))
    shutil.rmtree(tmp_path / "home" / "tiles", ignore_errors=True)
    home = Home.open(tmp_path / "home")
    night(home, MAY, bucket=BUCKET)
    held = open_home(tmp_path / "home").night(MAY)
    found = {c.score: c for c in came_true(home, held)}
    assert set(found) == {"propensity_term", "churn_risk"}
    term = found["propensity_term"]
    assert term.seen > 5 and term.metrics["auc"] > 0.75 and abs(term.apart) < 6
    assert came_true(Home.open(tmp_path / "home"), held) == list(found.values())
    accounts = [pq.read_table(f) for f in home.facts("accounts")]
    opened_later = set()
    for table in accounts:
        for row in table.select(["customer", "category", "opened_on"]).to_pylist():
            if row["category"] == "term" and MAY < row["opened_on"] <= MAY + dt.timedelta(days=30):
                opened_later.add(row["customer"])
    scored_rows = held.read(["customer", "propensity_term"]).to_pylist()
    wanted = {r["customer"] for r in scored_rows if r["propensity_term"] is not None} & opened_later
    assert term.seen == len(wanted)


def test_the_commands(scored: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(scored, home)
    run = CliRunner()

    def asked(*words: str) -> str:
        done = run.invoke(main, ["scores", *words, "--home", str(home)])
        assert done.exit_code == 0, done.output
        return done.output

    listed = json.loads(asked("list", "--json"))
    assert {row["score"] for row in listed if row["in_use"]} == {
        "propensity_term",
        "churn_risk",
        "expected_value",
    }
    assert "拒绝画像者" in asked("card", "churn_risk") and "Walls" in asked(
        "card", "churn_risk", "--language", "en"
    )
    assert json.loads(asked("card", "expected_value", "--json"))["score"] == "expected_value"
    assert json.loads(asked("drift", "--json", "--outcomes"))["outcomes"] == []
    assert "PSI" in asked("drift", "--all")
    told = json.loads(asked("explain", "5", "--json"))
    assert told["night"] == str(LAST) and (told["scores"] or told["none_because"])
    version = next(row["version"] for row in listed if row["score"] == "churn_risk")
    asked("use", "churn_risk", "none")
    assert json.loads(asked("use", "churn_risk", version[:12], "--json"))["in_use"] == version
    refused = run.invoke(main, ["scores", "train", "--home", str(home), "--feature", "credit_score_band"])
    assert refused.exit_code == 1 and "serves marketing" in refused.output
    few = run.invoke(main, ["scores", "train", "--home", str(home), "--only", "propensity_metal"])
    assert few.exit_code == 1 and "acted in the sheets" in few.output
