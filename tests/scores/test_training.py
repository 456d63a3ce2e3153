"""Training on a home: the same bytes from the same data, nobody behind a wall, versions that can be rolled
back."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from quanke.bank.home import Home
from quanke.kernel.errors import ScoreError
from quanke.night.training import Trained, train
from quanke.plans.scores import DEFAULT_RULES, ModelStore, ScoreRules
from quanke.plans.scores.card_pages import page
from quanke.segments import Dated
from tests.homes import MAY
from tests.scores.conftest import SCORES, SMALL, trained_on


def test_equal_data_give_equal_bytes(trained: tuple[Path, Trained], after_may: Path, tmp_path: Path) -> None:
    shutil.copytree(after_may, tmp_path / "home")
    again = trained_on(tmp_path / "home")
    assert again.to_json() == trained[1].to_json()
    for score, version in again.versions.items():
        first = trained[1].versions[score]
        files = sorted(p.name for p in first.path.iterdir())
        assert files == ["card.json", "card.md", "card.zh-CN.md", "model.json"]
        for name in files:
            assert (version.path / name).read_bytes() == (first.path / name).read_bytes()
    assert not list((tmp_path / "home" / "models").glob(".*")), "sheets of customers stay nowhere"


def test_a_model_knows_more_than_chance(trained: tuple[Path, Trained]) -> None:
    metrics = trained[1].to_json()["metrics"]
    assert metrics["propensity_term"]["ours"]["auc"] > 0.8
    assert metrics["propensity_term"]["ours"]["lift_top_decile"] > 3
    assert metrics["propensity_term"]["ours"]["calibration_error"] < 0.01
    assert set(metrics["propensity_term"]) == {"ours", "logistic_regression"}


def test_who_refuses_is_not_learned_from(after_may: Path, tmp_path: Path) -> None:
    """Everybody of whom a deposit was opened lately refuses today: nothing is left to learn it from."""
    home = tmp_path / "home"
    shutil.copytree(after_may, home)
    accounts = pa.concat_tables([pq.read_table(f) for f in Home.open(home).facts("accounts")])
    opened = accounts.filter(
        pc.and_(
            pc.equal(accounts["category"], "term"),
            pc.greater(accounts["opened_on"], pa.scalar(dt.date(2025, 9, 1))),
        )
    )
    who = pc.unique(opened["customer"])
    (path,) = Home.open(home).facts("consents")
    held = pq.read_table(path)
    pattern = held.slice(0, 1).to_pylist()[0]
    # a withdrawal of this very day counts, though every sheet is of an earlier one
    day = dt.date(2026, 6, 29)
    rows = [
        {
            **pattern,
            "customer": n,
            "purpose": "profiling",
            "granted_on": dt.date(2024, 1, 1),
            "withdrawn_on": day,
        }
        for n in who.to_pylist()
    ]
    refused = pa.Table.from_pylist(rows, held.schema)
    pq.write_table(pa.concat_tables([held, refused]).sort_by("customer"), path)
    with pytest.raises(ScoreError, match=r"propensity_term: 0 acted in the sheets to train"):
        trained_on(home, only=("propensity_term",))


def test_without_enough_who_acted_there_is_no_model(after_may: Path, tmp_path: Path) -> None:
    shutil.copytree(after_may, tmp_path / "home")
    with pytest.raises(ScoreError, match=r"no score can be trained: propensity_metal: \d+ acted .* needed"):
        train(Home.open(tmp_path / "home"), MAY, only=["propensity_metal"], rules=DEFAULT_RULES)
    with pytest.raises(ScoreError, match="no score named 'luck'"):
        trained_on(tmp_path / "home", only=("luck",))
    with pytest.raises(ScoreError, match="too short to learn"):
        trained_on(tmp_path / "home", rules=ScoreRules(horizon=Dated.of(150)))
    with pytest.raises(ScoreError, match=r"credit_score_band cannot be a feature: .* marketing"):
        trained_on(tmp_path / "home", features=("aum", "credit_score_band"))


def test_who_is_who_comes_first(loaded: Path) -> None:
    with pytest.raises(ScoreError, match="who is who"):
        train(Home.open(loaded), MAY, rules=SMALL)
    assert not (loaded / "models").exists()


def test_a_card_says_what_a_model_is(trained: tuple[Path, Trained]) -> None:
    card = trained[1].versions["churn_risk"].card
    assert card["days"]["report"] == "2026-04-30" and card["purpose"] == "marketing"
    assert card["rows"]["report"]["rows"] == sum(step["count"] for step in card["reliability"])
    assert card["rows"]["report"]["happened"] == sum(step["happened"] for step in card["reliability"])
    assert sum(feature["importance"] for feature in card["features"]) == pytest.approx(1)
    assert {group["by"] for group in card["groups"]} == {"sex", "age", "branch"}
    assert all(group["rows"] >= 50 for group in card["groups"])
    for language, words in (("zh", "拒绝画像者"), ("en", "refused profiling")):
        text = page(card, language)
        assert words in text and card["version"] in text and "| 0." in text
    worth = trained[1].versions["expected_value"].card
    assert worth["value_days"] == 365 and "term" in {p["category"] for p in worth["products"]}


def test_versions_are_kept_and_rolled_back(trained: tuple[Path, Trained], tmp_path: Path) -> None:
    shutil.copytree(trained[0], tmp_path / "home")
    store = ModelStore(tmp_path / "home")
    assert set(store.scores()) == set(SCORES)
    first = store.current("churn_risk")
    assert first is not None
    text = first.text.replace('"horizon":30', '"horizon":31')
    second = store.publish("churn_risk", "2026-06-30", text, {"card.json": "{}"})
    assert store.current("churn_risk") == first, "publishing is not using"
    assert store.publish("churn_risk", "2026-06-30", text, {"card.json": "{}"}) == second
    assert [v.name for v in store.versions("churn_risk")] == sorted({first.name, second.name})
    assert store.use("churn_risk", "2026-06").name == second.name
    assert ModelStore(tmp_path / "home").in_use()["churn_risk"].model.horizon == 31
    assert store.use("churn_risk", first.name).name == first.name
    with pytest.raises(ScoreError, match="more than one version"):
        store.use("churn_risk", "2026")
    with pytest.raises(ScoreError, match="no version of that name"):
        store.use("churn_risk", "1999")
    with pytest.raises(ScoreError, match="there is no model of 'luck'"):
        store.version("luck")
    store.leave("churn_risk")
    assert "churn_risk" not in store.in_use()


def test_a_touched_file_is_refused(trained: tuple[Path, Trained], tmp_path: Path) -> None:
    shutil.copytree(trained[0], tmp_path / "home")
    version = ModelStore(tmp_path / "home").version("churn_risk")
    path = version.path / "model.json"
    told = json.loads(path.read_text("utf-8"))
    told["trees"]["value"][1] = 99.0
    path.write_text(json.dumps(told), "utf-8")
    with pytest.raises(ScoreError, match="is not what was published"):
        _ = ModelStore(tmp_path / "home").version("churn_risk").model
    path.write_bytes(b"\x80\x04\x95")  # a pickle
    with pytest.raises(ScoreError, match="cannot be read"):
        _ = ModelStore(tmp_path / "home").version("churn_risk").text


def test_a_killed_publication_leaves_nothing_in_use(trained: tuple[Path, Trained], tmp_path: Path) -> None:
    shutil.copytree(trained[0], tmp_path / "home")
    store = ModelStore(tmp_path / "home")
    half = store.folder / "churn_risk" / ".2026-06-30-0000000000000000.7.making"
    half.mkdir()
    (half / "model.json").write_text("{", "utf-8")
    assert len(store.versions("churn_risk")) == 1
