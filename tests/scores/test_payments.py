"""Payment activity on a home: trained only where asked for, on who may be learned from; the night says what
the model says, the same on every way; null behind the walls and without a model; its use is no other night's
business."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from quanke.bank.home import Home
from quanke.cli import main
from quanke.engines.store import Night
from quanke.kernel.errors import ScoreError
from quanke.night import night, open_home
from quanke.night.catalogue import catalogue_of
from quanke.night.on_duckdb import OnDuckDB
from quanke.night.score_reading import came_true, explain_scores
from quanke.night.scores import scores_of
from quanke.night.training import Trained, train
from quanke.plans.scores import ModelStore, ScoreRules
from quanke.plans.scores.card_pages import page
from quanke.plans.scores.payments import (
    ALIVE,
    EXPECTED,
    HORIZON,
    PAYMENT_TAGS,
    PAYMENTS,
    WINDOW,
    PaymentModel,
    alike,
    held_out,
    paid,
)
from quanke.plans.scores.purchases import BetaGeometricNBD
from quanke.segments import Dated
from tests.homes import BUCKET, LAST, MAY
from tests.scores.conftest import SMALL

NAMES = tuple(tag.name for tag in PAYMENT_TAGS)


def trained_payments(home: Path) -> Trained:
    return train(Home.open(home), MAY, only=[PAYMENTS], rules=SMALL)


@pytest.fixture(scope="module")
def paying(after_may: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Trained]:
    """A home with the night of May and a model of payments, in use."""
    home = tmp_path_factory.mktemp("paying") / "home"
    shutil.copytree(after_may, home)
    return home, trained_payments(home)


@pytest.fixture(scope="module")
def told(paying: tuple[Path, Trained], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of that with the night of June, carried on from May's."""
    home = tmp_path_factory.mktemp("told") / "home"
    shutil.copytree(paying[0], home)
    night(Home.open(home), LAST, bucket=BUCKET)
    return home


def opened(home: Path) -> Night:
    return open_home(home).night(LAST)


def payment_days(home: Path, first: dt.date, last: dt.date) -> dict[int, set[dt.date]]:
    """Days with a payment of each customer, from the files themselves."""
    found: dict[int, set[dt.date]] = {}
    for file in Home.open(home).facts("transactions"):
        for row in pq.read_table(file, columns=["customer", "date", "kind", "direction"]).to_pylist():
            pays = row["kind"] in ("card_payment", "third_party_payment") and row["direction"] == "out"
            if pays and first <= row["date"] <= last:
                found.setdefault(row["customer"], set()).add(row["date"])
    return found


def test_the_night_says_what_the_model_says(told: Path) -> None:
    """Against the files and the paper's formulas, customer by customer."""
    held, version = opened(told), ModelStore(told).version(PAYMENTS)
    assert held.manifest["models"] == {PAYMENTS: version.name}
    bought = payment_days(told, LAST - dt.timedelta(days=WINDOW - 1), LAST)
    r, alpha, a, b = version.payments.parameters
    process = BetaGeometricNBD.of(r, alpha, a, b)
    checked = 0
    for row in held.read(["customer", *NAMES, EXPECTED, ALIVE, "may_be_profiled"]).to_pylist():
        days = sorted(bought.get(row["customer"], ()))
        if row["payment_days_365d"] is None:  # taken into another customer
            assert row[EXPECTED] is None and row[ALIVE] is None
            continue
        assert row["payment_days_365d"] == len(days)
        assert row["first_payment_on"] == (days[0] if days else None)
        assert row["last_payment_on"] == (days[-1] if days else None)
        if row["may_be_profiled"] is not True or not days:
            assert row[EXPECTED] is None and row[ALIVE] is None, "null, not 0"
            continue
        history = [len(days) - 1], [(days[-1] - days[0]).days], [(LAST - days[0]).days]
        said = min(float(process.predict(*history, HORIZON)[0]), HORIZON)
        assert float(row[EXPECTED]) == pytest.approx(said, abs=1e-6)
        assert float(row[ALIVE]) == pytest.approx(process.probability_alive(*history)[0], abs=1e-6)
        checked += 1
    assert checked > 400


def test_nobody_behind_a_wall_has_one(told: Path) -> None:
    table = opened(told).read([EXPECTED, ALIVE, "profiling_refused", "is_under_14", "is_person", "deceased"])
    rows = [row for row in table.to_pylist() if row[EXPECTED] is not None or row[ALIVE] is not None]
    assert rows
    for row in rows:
        walls = [row[n] for n in ("profiling_refused", "is_under_14", "is_person", "deceased")]
        assert walls == [False, False, True, False]


def test_carried_and_from_all_rows_are_one(told: Path, paying: tuple[Path, Trained], tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(paying[0], home)
    night(Home.open(home), LAST, bucket=BUCKET, engine=OnDuckDB())
    first, second = opened(told), opened(home)
    assert first.manifest["tiles"]["way"] == "carried" and second.manifest["tiles"]["way"] == "from all rows"
    names = [*NAMES, EXPECTED, ALIVE]
    assert first.read(names).equals(second.read(names))
    assert scores_of(first.path) == scores_of(second.path)


def test_its_features_are_there_only_while_it_is_used(paying: tuple[Path, Trained], tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(paying[0], home)
    assert set(NAMES) <= set(catalogue_of(Home.open(home)))
    may = (home / "nights" / str(MAY) / "manifest.json").read_bytes()
    assert not night(Home.open(home), MAY, bucket=BUCKET).computed, "published without it, and stays so"
    assert (home / "nights" / str(MAY) / "manifest.json").read_bytes() == may
    ModelStore(home).leave(PAYMENTS)
    assert not set(NAMES) & set(catalogue_of(Home.open(home)))
    night(Home.open(home), LAST, bucket=BUCKET)
    held = opened(home)
    assert not set(NAMES) & set(held.columns)
    table = held.read([EXPECTED, ALIVE])
    assert table[EXPECTED].null_count == table[ALIVE].null_count == table.num_rows


def test_it_is_trained_only_where_it_is_asked_for(trained: tuple[Path, Trained], after_may: Path) -> None:
    assert PAYMENTS not in trained[1].versions and PAYMENTS not in trained[1].skipped
    with pytest.raises(ScoreError, match=r"customers paid on a second day, 1000 are needed"):
        train(Home.open(after_may), MAY, only=[PAYMENTS])
    with pytest.raises(
        ScoreError, match=r"movements are known from 2025-\d\d-\d\d to .*: 390 days are needed"
    ):
        train(Home.open(after_may), MAY, only=[PAYMENTS], rules=ScoreRules(look_back=Dated.of(300)))
    assert not ModelStore(after_may).versions(PAYMENTS)


def test_equal_data_give_equal_bytes(paying: tuple[Path, Trained], after_may: Path, tmp_path: Path) -> None:
    shutil.copytree(after_may, tmp_path / "home")
    again, first = trained_payments(tmp_path / "home").versions[PAYMENTS], paying[1].versions[PAYMENTS]
    assert again.name == first.name
    for name in ("model.json", "card.json", "card.md", "card.zh-CN.md"):
        assert (again.path / name).read_bytes() == (first.path / name).read_bytes()


def test_the_future_is_not_learned_from(
    paying: tuple[Path, Trained], after_may: Path, tmp_path: Path
) -> None:
    """Without the days after the last one it speaks of, the same bytes."""
    home = tmp_path / "home"
    shutil.copytree(after_may, home)
    gone = 0
    for file in Home.open(home).facts("transactions"):
        table = pq.read_table(file)
        kept = table.filter(pc.less_equal(table["date"], pa.scalar(MAY)))
        gone += table.num_rows - kept.num_rows
        pq.write_table(kept, file)
    assert gone > 100
    assert trained_payments(home).versions[PAYMENTS].text == paying[1].versions[PAYMENTS].text


def test_who_refuses_is_not_learned_from(
    paying: tuple[Path, Trained], after_may: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(after_may, home)
    (path,) = Home.open(home).facts("consents")
    held = pq.read_table(path)
    pattern = held.slice(0, 1).to_pylist()[0]
    who = sorted(payment_days(home, dt.date.min, MAY))
    more = {"purpose": "profiling", "granted_on": dt.date(2024, 1, 1), "withdrawn_on": dt.date(2026, 6, 29)}
    rows = [{**pattern, "customer": n, **more} for n in who]
    pq.write_table(
        pa.concat_tables([held, pa.Table.from_pylist(rows, held.schema)]).sort_by("customer"), path
    )
    with pytest.raises(ScoreError, match=r"payment_activity: 0 customers paid on a second day"):
        trained_payments(home)


def test_the_card_holds_it_against_days_it_had_not_seen(paying: tuple[Path, Trained]) -> None:
    version = paying[1].versions[PAYMENTS]
    card = version.card
    assert card["days"]["report"] == str(MAY - dt.timedelta(days=HORIZON))
    fitted = [card["parameters"][n] for n in ("r", "alpha", "a", "b")]
    assert version.payments.parameters == pytest.approx(fitted, rel=1e-5)
    held = card["held_out"]
    assert sum(g["customers"] for g in held["groups"]) == held["customers"] > 300
    assert all(g["customers"] >= 50 for g in held["groups"])
    mean = sum(g["actual"] * g["customers"] for g in held["groups"]) / held["customers"]
    assert held["actual"] == pytest.approx(mean) and held["actual"] > 0.5
    assert held["expected"] == pytest.approx(held["actual"], rel=0.35)
    # the naive guess of zero is often right and never the mean: it is judged by what a mean is for
    error = held["root_mean_square_error"]
    assert error["ours"] < error["naive"] and set(held["absolute_error"]) == {"ours", "naive"}
    for language, words in (("zh", "仍在支付的概率"), ("en", "still a payer")):
        text = page(card, language)
        assert words in text and card["version"] in text and "PI-4" in text


def test_reasons_add_up(told: Path) -> None:
    held, home = opened(told), Home.open(told)
    table = held.read(["customer", EXPECTED, ALIVE]).to_pylist()
    known = sorted((r for r in table if r[EXPECTED] is not None), key=lambda r: -r[EXPECTED])
    for row in (known[0], known[len(known) // 2], known[-1]):
        (found,) = explain_scores(home, held, row["customer"])
        assert (found.score, found.unit, found.value) == (PAYMENTS, "days", float(row[EXPECTED]))
        parts = sum(r.weight for r in found.reasons)
        assert found.expected * np.exp(parts) == pytest.approx(found.value, rel=1e-5, abs=1e-6)
        assert all("（" in r.zh and r.en.endswith(")") for r in found.reasons)
    without = next(r["customer"] for r in table if r[EXPECTED] is None)
    assert explain_scores(home, held, without) == []
    assert came_true(home, held) == []


def test_the_commands(told: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(told, home)
    run = CliRunner()

    def asked(*words: str) -> str:
        done = run.invoke(main, [*words, "--home", str(home)])
        assert done.exit_code == 0, done.output
        return done.output

    assert json.loads(asked("scores", "list", "--json"))[0]["score"] == PAYMENTS
    assert "BG/NBD" in asked("scores", "card", PAYMENTS)
    drift = json.loads(asked("scores", "drift", "--json", "--outcomes"))
    assert set(drift["drift"][PAYMENTS]["features"]) == set(NAMES) and drift["outcomes"] == []
    assert drift["drift"][PAYMENTS]["said"]["psi"] < 0.25
    held = opened(home)
    customer = next(r["customer"] for r in held.read(["customer", EXPECTED]).to_pylist() if r[EXPECTED])
    assert "90 d" in asked("scores", "explain", str(customer))
    assert PAYMENTS in asked("scores", "list")
    count = int(pc.sum(pc.is_valid(held.read([EXPECTED])[EXPECTED])).as_py())
    told_count = asked("audience", f"{EXPECTED} is not null and {ALIVE} >= 0", "--json")
    assert json.loads(told_count)["count"] == count


def model() -> PaymentModel:
    rows = np.array([[1.0, 30, 30], [9, 200, 4], [np.nan, np.nan, np.nan]])
    from quanke.night.catalogue import standard_catalogue
    from quanke.plans.scores.drift import Steps
    from quanke.plans.scores.features import Feature

    catalogue = standard_catalogue().with_more(PAYMENT_TAGS)
    features = tuple(Feature.of(catalogue, name, rows[:, at]) for at, name in enumerate(NAMES))
    return PaymentModel("2026-05-31", (0.7, 26.0, 0.02, 0.5), features, Steps.of(np.array([1.0, np.nan])))


def test_what_is_kept_is_read_back_and_checked() -> None:
    kept = model()
    assert PaymentModel.from_text(kept.text) == kept
    for good, bad in (
        ('"score":"payment_activity"', '"score":"churn_risk"'),
        ('"horizon":90', '"horizon":30'),
        ('"r":0.7', '"r":-0.7'),
        ('"r":0.7', '"r":NaN'),
        ('"r":0.7', '"r":"0.7 "x'),
        ('"alpha":26.0,', ""),
        ('"name":"last_payment_on"', '"name":"aum"'),
        ('"format":1', '"format":2'),
    ):
        assert good in kept.text
        with pytest.raises(ScoreError, match="no model of payment_activity"):
            PaymentModel.from_text(kept.text.replace(good, bad))
    for nothing in ("", "[]", "7", "{}", "[" * 100_000):
        with pytest.raises(ScoreError):
            PaymentModel.from_text(nothing)


def test_unknown_stays_unknown() -> None:
    rows = np.array(
        [[0, np.nan, np.nan], [1, 0, 0], [365, 364, 0], [1, 364, 364], [np.nan, 5, 5]], np.float64
    )
    expected, alive = model().predict(rows)
    assert np.isnan(expected).tolist() == np.isnan(alive).tolist() == [True, False, False, False, True]
    assert (expected[1:4] >= 0).all() and (expected[1:4] <= HORIZON).all()
    assert alive[1] == alive[3] == 1
    assert expected[1] > expected[3], "seen for longer without a second one"
    assert paid(rows).tolist() == [False, True, True, True, False]


def test_who_is_alike_counts_once() -> None:
    rows = np.array([[3, 40, 5], [1, 9, 9], [3, 40, 5], [3, 40, 6]], np.float64)
    x, t_x, t, weight = alike(rows)
    told = sorted(zip(x, t_x, t, weight, strict=True))
    assert told == [(0, 0, 9, 1), (2, 34, 40, 1), (2, 35, 40, 2)]


def test_a_card_tells_of_no_few() -> None:
    frequency = np.concatenate([np.zeros(49), np.ones(30), np.full(400, 4.0), np.full(3, 200.0)])
    seen = np.full(len(frequency), 300.0)
    process = BetaGeometricNBD.of(0.7, 26.0, 0.02, 0.5)
    told = held_out(process, frequency, np.minimum(frequency, 250), seen, frequency)
    assert [(g["from"], g["to"], g["customers"]) for g in told["groups"]] == [(0, 1, 79), (4, 200, 403)]
