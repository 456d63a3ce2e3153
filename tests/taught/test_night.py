"""The night applies what campaigns taught, alike by every way, and the plan follows it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from click.testing import CliRunner

from quanke.bank.home import Home
from quanke.cli import main
from quanke.effects.uplift.published import PublishedUplift
from quanke.night import Bank, night
from quanke.night.on_duckdb import OnDuckDB
from quanke.night.plan import GROUP
from quanke.night.planned import Planned
from quanke.night.uplift_training import Taught
from quanke.plans.actions import value_name
from quanke.plans.scores import ModelStore
from quanke.plans.scores.features import matrix
from tests.homes import BUCKET, LAST

WIN_BACK = ("win_back_call", "win_back_remote")


def planned(home: Path) -> Planned:
    bank = Bank(Home.open(home))
    return Planned(bank.night(), bank.home, bank.catalogue)


def chosen(home: Path) -> list[str]:
    found: list[str] = pq.read_table(planned(home).path("chosen.parquet"))["action"].to_pylist()
    return found


def test_the_night_says_what_was_kept(after: Path) -> None:
    held = Bank(Home.open(after)).night()
    version = ModelStore(after).version("uplift_fund")
    kept = PublishedUplift.from_text(version.text, "uplift_fund")
    table = held.read(
        [*kept.names, "uplift_fund", "uplift_win_back", "uplift_term", "may_be_profiled", "deceased"]
    )
    allowed = pc.fill_null(table["may_be_profiled"], False)
    own = table.filter(allowed)
    said = kept.predict(matrix(own, kept.names, [f.kind for f in kept.features], LAST))
    assert [int(v * 10**6) for v in own["uplift_fund"].to_pylist()] == np.round(said * 10**6).astype(
        int
    ).tolist()
    old = pc.greater(own["age"], 45).to_numpy(zero_copy_only=False)
    assert said[old].mean() > 0.25 and said[~old].mean() < 0.15
    average = PublishedUplift.from_text(ModelStore(after).version("uplift_win_back").text, "uplift_win_back")
    assert {int(v * 10**6) for v in own["uplift_win_back"].to_pylist()} == {round(average.average * 10**6)}
    assert average.average < 0, "below zero is kept as below zero"
    others = table.filter(pc.invert(allowed))
    assert others["uplift_fund"].null_count == others.num_rows > 100, "behind a wall: null, not 0"
    # one number for all uses no profile: null would let the plan fall back on a guess
    numbers = np.arange(table.num_rows, dtype=np.int32)
    gone = np.isin(numbers, pq.read_table(held.path / "absorbed.parquet")["customer"].to_numpy())
    lives = ~gone & ~pc.fill_null(table["deceased"], False).to_numpy(zero_copy_only=False)
    assert 100 < (lives & ~allowed.to_numpy(zero_copy_only=False)).sum() < lives.sum() < len(lives)
    assert np.array_equal(table["uplift_win_back"].is_valid().to_numpy(), lives)
    assert pc.count_distinct(table["uplift_win_back"]).as_py() == 1
    assert table["uplift_term"].null_count == table.num_rows, "no model, no uplift"


def test_rows_are_told_alike_however_many_come_together(after: Path) -> None:
    kept = PublishedUplift.from_text(ModelStore(after).version("uplift_fund").text, "uplift_fund")
    rows = np.random.default_rng(3).normal(size=(997, len(kept.features))) * 1e5
    rows[::9] = np.nan
    whole = kept.predict(rows)
    assert np.array_equal(np.concatenate([kept.predict(rows[i : i + 13]) for i in range(0, 997, 13)]), whole)


def test_carried_and_from_all_rows_are_one(
    after: Path, taught: tuple[Path, dict[str, Taught]], tmp_path: Path
) -> None:
    shutil.copytree(taught[0], tmp_path / "home")
    night(Home.open(tmp_path / "home"), LAST, bucket=BUCKET, engine=OnDuckDB())
    first, second = (Bank(Home.open(home)).night() for home in (after, tmp_path / "home"))
    for group in first.groups:
        for a, b in zip(first.parts(group), second.parts(group), strict=True):
            assert pq.read_table(a).equals(pq.read_table(b)), group
    assert pq.read_table(planned(after).path("chosen.parquet")).equals(
        pq.read_table(planned(tmp_path / "home").path("chosen.parquet"))
    )


def test_the_plan_leaves_what_does_harm(after: Path, after_june: Path) -> None:
    before, now = chosen(after_june), chosen(after)
    assert sum(action in WIN_BACK for action in before) > 0
    assert sum(action in WIN_BACK for action in now) < sum(action in WIN_BACK for action in before)
    night_of_june = planned(after).night
    uplift = night_of_june.read(["uplift_win_back"])["uplift_win_back"]
    parts = sorted((night_of_june.path / "profile").glob(f"{GROUP}-*.parquet"))
    for action in WIN_BACK:
        worth = pa.concat_tables([pq.read_table(p, columns=[value_name(action)]) for p in parts]).column(0)
        known = pc.drop_null(worth.filter(pc.is_valid(uplift)))
        assert not len(known) or pc.max(known).as_py() <= 0


def test_scores_list_and_cards_show_it(after: Path) -> None:
    listed = CliRunner().invoke(main, ["scores", "list", "--home", str(after)])
    assert listed.exit_code == 0 and "uplift_fund" in listed.output
    card = CliRunner().invoke(
        main, ["scores", "card", "uplift_fund", "--language", "en", "--home", str(after)]
    )
    assert card.exit_code == 0 and "Held-out Qini" in card.output
    told = CliRunner().invoke(main, ["scores", "drift", "--home", str(after)])
    assert told.exit_code == 0, told.output
