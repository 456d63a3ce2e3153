"""What is learned from a home's campaigns: who is learned from, what is found, what is refused."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from quanke.bank.home import Home
from quanke.cli.effects_learn import learn
from quanke.effects.uplift.published import PublishedUplift
from quanke.kernel.errors import ScoreError
from quanke.night.uplift_training import Taught, learn_uplift
from quanke.plans.scores import ModelStore
from tests.taught.campaigns import CALLS, FEW, FUND, HARM, STARTED
from tests.taught.conftest import FEATURES


def test_effects_that_differ_are_learned_and_found_on_others(taught: tuple[Path, dict[str, Taught]]) -> None:
    card = taught[1][FUND].versions["uplift_fund"].card
    assert card["kind"] == "learned"
    assert card["held_out_qini"]["low"] > 0
    assert card["effect"]["low"] < 0.4 * 0.45 < card["effect"]["high"]  # 40 points for 45 in a hundred
    assert card["days"]["features"] == [(STARTED - dt.timedelta(days=1)).isoformat()]
    assert card["campaigns"] == [FUND] and card["means"] == ["push"]
    assert {f["name"] for f in card["features"]} == set(FEATURES)


def test_harm_is_the_average_and_below_zero(taught: tuple[Path, dict[str, Taught]]) -> None:
    version = taught[1][HARM].versions["uplift_win_back"]
    card = version.card
    assert card["kind"] == "average" and card["features"] == []
    assert card["effect"]["effect"] < card["average"] < 0  # drawn towards none
    assert "average" in (version.path / "card.md").read_text(encoding="utf-8")
    assert "平均增量" in (version.path / "card.zh-CN.md").read_text(encoding="utf-8")


def test_who_is_behind_a_wall_is_not_learned_from(taught: tuple[Path, dict[str, Taught]]) -> None:
    card = taught[1][FUND].versions["uplift_fund"].card
    assert card["rows"]["dropped"][f"{FUND}: behind a wall"] > 20


def test_the_same_again_is_the_same_version(
    taught: tuple[Path, dict[str, Taught]], pushed: Path, tmp_path: Path
) -> None:
    shutil.copytree(pushed, tmp_path / "home")
    again = learn_uplift(Home.open(tmp_path / "home"), [HARM], offer="win_back", features=FEATURES)
    assert again.versions["uplift_win_back"].text == taught[1][HARM].versions["uplift_win_back"].text


@pytest.mark.parametrize(
    ("campaigns", "offer", "word"),
    [
        ([FEW], "term", "are needed"),
        ([CALLS], "fund", "contacted by call"),
        ([FUND], "", "--offer"),
        ([FUND], "gold", "no offer"),
        (["nothing"], "fund", "no push"),
        ([], "fund", "without campaigns"),
        ([], "", "no campaign's design"),
    ],
)
def test_what_cannot_be_learned_from_is_said(
    pushed: Path, campaigns: list[str], offer: str, word: str
) -> None:
    with pytest.raises(ScoreError, match=word):
        learn_uplift(Home.open(pushed), campaigns, offer=offer, features=FEATURES)


def test_a_design_says_what_was_offered(pushed: Path, tmp_path: Path) -> None:
    shutil.copytree(pushed, tmp_path / "home")
    folder = tmp_path / "home" / "campaigns" / HARM
    folder.mkdir(parents=True)
    (folder / "design.json").write_text(json.dumps({"name": HARM, "offer": "win_back"}), encoding="utf-8")

    @click.group()
    def effects() -> None:
        """As the command's own group."""

    effects.add_command(learn)
    words = ["learn", "--home", str(tmp_path / "home"), "--keep", "--json", "--feature", "age"]
    done = CliRunner().invoke(effects, words)
    assert done.exit_code == 0, done.output
    assert list(json.loads(done.stdout)["versions"]) == ["uplift_win_back"]
    assert ModelStore(tmp_path / "home").current("uplift_win_back") is None, "--keep uses none"
    shown = CliRunner().invoke(effects, words[:3] + words[5:])
    assert shown.exit_code == 0 and "uplift_win_back" in shown.output
    assert ModelStore(tmp_path / "home").current("uplift_win_back") is not None


def test_what_is_no_uplift_is_refused(taught: tuple[Path, dict[str, Taught]]) -> None:
    text = taught[1][FUND].versions["uplift_fund"].text
    told = json.loads(text)
    assert PublishedUplift.from_text(text, "uplift_fund").text == text
    for change in (
        {"format": 2},
        {"kind": "score"},
        {"average": 3},
        {"average": float("nan")},
        {"parts": [{**told["parts"][0], "kind": "pickle"}]},
        {"parts": [{**told["parts"][0], "weight": 2}]},
        {"parts": [{**told["parts"][0], "trees": []}]},
        {"features": []},
        {"features": None},
    ):
        with pytest.raises(ScoreError):
            PublishedUplift.from_text(json.dumps({**told, **change}), "uplift_fund")
    with pytest.raises(ScoreError, match="holds the uplift of"):
        PublishedUplift.from_text(text, "uplift_term")
