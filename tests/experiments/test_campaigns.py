"""From an audience to arms to an effect: a campaign registered in a home, then contacted, then measured."""

from __future__ import annotations

import csv
import datetime as dt
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import quanke
from quanke.bank.home import Home
from quanke.bank.load import load
from quanke.cli.main import main
from quanke.effects.groups import RULES_FILE, Arm, ArmUnit, CampaignRegister
from quanke.kernel.errors import DefinitionError, EffectError
from quanke.kernel.progress import SilentProgress
from quanke.night.campaigns import CampaignPlan, explain_arm, held_out, register_campaign
from quanke.night.effects import measure
from quanke.segments import HoldOut, in_control
from tests.experiments.small_bank import END, PERSONS, account, party

JUNE = END + dt.timedelta(days=1)
HALF = (Arm("control", 500_000), Arm("treated", 500_000))


@pytest.fixture
def home(by_hand: Path, tmp_path: Path) -> Path:
    """A copy of the bank made by hand, without a hold-out."""
    shutil.copytree(by_hand, tmp_path / "home")
    (tmp_path / "home" / RULES_FILE).write_text("hold_out: 0%\nleast_arm: 5\n", encoding="utf-8")
    return tmp_path / "home"


def plan(name: str = "june", **more: object) -> CampaignPlan:
    """A campaign of June for everybody who has something."""
    given: dict[str, object] = {
        "audience": "aum > 0", "first_contact": JUNE, "until": JUNE + dt.timedelta(days=4), "arms": HALF,
        "by": "tester",
    }  # fmt: skip
    return CampaignPlan(name=name, **{**given, **more})  # type: ignore[arg-type]


def register(home: Path, planned: CampaignPlan) -> dict[str, int]:
    """Register it; sizes by arm."""
    bank = quanke.open(str(home))
    made = register_campaign(bank.home, bank.catalogue, bank.night(), planned)
    return dict(made.design.counts)


def test_the_audience_is_dealt_out(home: Path) -> None:
    assert register(home, plan()) == {"control": PERSONS // 2, "treated": PERSONS // 2}
    design = CampaignRegister(home).open("june").design
    assert (design.by, design.night, design.strata) == ("tester", END, ("tier", "branch"))
    assert (design.held_out, design.not_marketed) == (0, 0)


def test_the_hold_out_is_left_alone(home: Path) -> None:
    """Of the bank's hold-out nobody is in the campaign, neither treated nor control."""
    (home / RULES_FILE).write_text("hold_out: 10%\nsalt: here\nleast_arm: 5\n", encoding="utf-8")
    register(home, plan())
    campaign = CampaignRegister(home).open("june")
    out = np.flatnonzero(in_control(np.arange(PERSONS), "here hold-out 2026", 100_000))
    assert campaign.design.held_out == len(out) > 0
    assert not set(out.tolist()) & set(campaign.customers.tolist())
    with pytest.raises(EffectError, match="in the bank's hold-out"):
        explain_arm(Home.open(home), "june", int(out[0]))


def test_the_hold_out_of_two_years() -> None:
    """A campaign over New Year leaves out who is held out in either year."""
    rule, numbers = HoldOut(), np.arange(50_000)
    over = held_out(rule, numbers, dt.date(2026, 12, 20), dt.date(2027, 1, 10))
    days = (dt.date(2026, 12, 20), dt.date(2027, 1, 10))
    assert (over == rule.holds(numbers, days[0]) | rule.holds(numbers, days[1])).all()
    assert 0.036 < over.mean() < 0.043


def test_too_late(home: Path) -> None:
    with pytest.raises(EffectError, match="fixed before the first contact"):
        register(home, plan(first_contact=END))
    with pytest.raises(EffectError, match="80 pushes of made_by_hand are loaded"):
        register(home, plan("made_by_hand"))


def test_two_campaigns_share_nobody(home: Path) -> None:
    register(home, plan("one", audience="logins_90d > 0"))
    with pytest.raises(EffectError, match="15 of the customers are in campaign one"):
        register(home, plan("two"))
    register(home, plan("two", exclude=True))
    one, two = (CampaignRegister(home).open(name) for name in ("one", "two"))
    assert not set(one.customers.tolist()) & set(two.customers.tolist())
    assert two.design.excluded == {"one": 15}
    assert register(home, plan("three", lane="service")) == {"control": 100, "treated": 100}


def test_units_stay_together(home: Path) -> None:
    """Husband and wife are in one arm; customers without a post are in none."""
    register(home, plan(unit=ArmUnit.HOUSEHOLD))
    arms = CampaignRegister(home).open("june").arms.to_pydict()
    by_unit: dict[str, set[str]] = {}
    for unit, arm in zip(arms["unit"], arms["arm"], strict=True):
        by_unit.setdefault(unit, set()).add(arm)
    assert all(len(found) == 1 for found in by_unit.values())
    assert len(by_unit) == PERSONS - 2
    with pytest.raises(EffectError, match="nobody is left"):
        register(home, plan("posts", unit=ArmUnit.POST))


def test_why_somebody_is_in_his_arm(home: Path) -> None:
    register(home, plan())
    campaign = CampaignRegister(home).open("june")
    for customer in campaign.customers[:20].tolist():
        told = explain_arm(Home.open(home), "june", customer)
        edges = dict(told.cuts)
        first = edges["control"]
        assert told.arm == ("control" if told.rank <= first else "treated")
        assert edges["treated"] in (told.size, first)
    with pytest.raises(EffectError, match="not in the audience"):
        explain_arm(Home.open(home), "june", 10**6)


def _june(home: Path, folder: Path) -> None:
    """What June brings: every treated customer is pushed and gets 100 yuan more; a purchase here and
    there."""
    campaign = CampaignRegister(home).open("june").arms.to_pydict()
    arms = dict(zip(campaign["customer"], campaign["arm"], strict=True))
    links = pq.read_table(sorted((home / "tables" / "accounts").glob("*.parquet"))[0]).to_pydict()
    owner = dict(zip(links["account_id"], links["customer"], strict=True))
    folder.mkdir()
    day = JUNE + dt.timedelta(days=1)
    later = JUNE + dt.timedelta(days=40)
    balances, pushes, moves = [], [], []
    for number in range(PERSONS):
        treated = arms.get(owner[account(number)]) == "treated"
        amount = 20_000 + 100 * treated + number
        balances.append([account(number), day, amount])
        moves.append([f"J{number}", account(number), later, "in", 1, "cash"])
        pushes.append(
            [f"J{number}", "june", "core", party(number), JUNE, "treated" if treated else "control"]
        )
    balances.append([account(0), later, 20_000])
    tables = {
        "balances": (["account_id", "date", "balance"], balances),
        "pushes": (["push_id", "campaign", "source", "party_id", "date", "arm"], pushes),
        "transactions": (["transaction_id", "account_id", "date", "direction", "amount", "kind"], moves),
    }
    for table, (head, rows) in tables.items():
        with (folder / f"{table}_{later}.csv").open("w", encoding="utf-8", newline="") as out:
            csv.writer(out).writerows([head, *rows])


def test_a_registered_campaign_is_measured_by_its_design(home: Path, tmp_path: Path) -> None:
    """The arms come from the register, the day from the first push, the planned share from the design."""
    register(home, plan(metrics=("aum_end", "login")))
    _june(home, tmp_path / "june")
    load(Home.open(home), tmp_path / "june", progress=SilentProgress())
    found = measure(Home.open(home), "june")
    assert [each.name for each in found.outcomes] == ["aum_end", "login"]
    assert found.design == CampaignRegister(home).open("june").design.fingerprint
    assert found.first == JUNE
    assert found.ratio is not None
    assert found.ratio.alarm is False
    # what everybody has more by his number is nobody's doing, and no arm has all the great numbers
    numbers = np.arange(PERSONS)
    treated = np.isin(numbers, _numbers(home, "treated"))
    plain = 100 + numbers[treated].mean() - numbers[~treated].mean()
    assert found.headline.effect == pytest.approx(plain * 100, rel=0.05)
    assert found.headline.low < 100 * 100 < found.headline.high
    assert "never pushed" not in " ".join(found.warnings)


def _numbers(home: Path, arm: str) -> list[int]:
    arms = CampaignRegister(home).open("june").arms.to_pydict()
    mine = {c for c, a in zip(arms["customer"], arms["arm"], strict=True) if a == arm}
    links = pq.read_table(sorted((home / "tables" / "accounts").glob("*.parquet"))[0]).to_pydict()
    owners = dict(zip(links["account_id"], links["customer"], strict=True))
    return [n for n in range(PERSONS) if owners[account(n)] in mine]


def _run(home: Path, *words: str) -> str:
    found = CliRunner().invoke(main, ["effects", *words, "--home", str(home)], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return found.output


def test_the_commands(home: Path, tmp_path: Path) -> None:
    """A campaign's name is a command of its own; what is published is listed; arms leave with a record."""
    told = json.loads(_run(home, "made_by_hand", "--json"))
    assert told["sentence"].startswith("About 228 more yuan a customer")
    first = _run(home, "made_by_hand").splitlines()[0]
    assert first.startswith("户均约多 228 元")
    _run(home, "assign", "june", "--audience", "aum > 0", "--first-contact", str(JUNE), "--until", str(JUNE),
         "--control", "25%", "--arm", "call=25%", "--arm", "sms=1/2", "--by", "me")  # fmt: skip
    rows = {row["campaign"]: row for row in json.loads(_run(home, "list", "--json"))}
    assert rows["made_by_hand"]["published"] == 1
    assert rows["june"]["design"]
    assert (rows["june"]["treated"], rows["june"]["control"]) == (150, 50)
    out = tmp_path / "june.csv"
    _run(home, "arms", "june", "--arm", "call", "--out", str(out))
    assert len(out.read_text(encoding="utf-8").splitlines()) == 51
    record = json.loads((home / "journal" / "exports.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    assert (record["campaign"], record["arms"], record["customers"]) == ("june", ["call"], 50)
    assert json.loads(_run(home, "register", "june", "--json"))["unit"] == "customer"
    assert "up to" in _run(home, "explain", "june", "0")
    withheld = json.loads(_run(home, "register", "--withheld-on", str(JUNE), "--json"))
    assert withheld["customers"] == 50
    sizes = json.loads(
        _run(home, "size", "--audience", "aum > 0", "--metric", "login", "--effect", "5", "--json")
    )
    assert sizes[0]["customers"] == PERSONS


def test_a_campaign_nobody_knows(home: Path) -> None:
    found = CliRunner().invoke(main, ["effects", "nobody", "--home", str(home)])
    assert found.exit_code == 1
    assert "pushed were: made_by_hand" in found.output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hold_out: much", "a share such as"),
        ("least_arm: 0", "whole number from 1"),
        ("holdout: 2%", "is none of"),
        ("hold_out: {2026-01-01: 2%, 2025-01-01: 1%}", "must ascend"),
    ],
)
def test_rules_that_are_none(home: Path, text: str, said: str) -> None:
    (home / RULES_FILE).write_text(text + "\n", encoding="utf-8")
    with pytest.raises(DefinitionError, match=said):
        register(home, plan())


def test_all_campaigns_together_against_the_hold_out(home: Path) -> None:
    """`hold-out` compares everybody who could be marketed to with those whom no campaign contacts."""
    (home / RULES_FILE).write_text("hold_out: {2026-02-01: 50%}\nsalt: whole\n", encoding="utf-8")
    found = measure(Home.open(home), "hold-out")
    control = in_control(np.arange(PERSONS), "whole hold-out 2026", 500_000)
    assert (found.funnel.targeted, found.funnel.control) == ((~control).sum(), control.sum())
    assert (found.first, found.last) == (dt.date(2026, 2, 1), END)
    assert found.headline.always_valid
    assert found.ratio is not None
    assert not found.ratio.alarm
    assert "controls were pushed as if they were treated" in " ".join(found.warnings)
    (home / RULES_FILE).write_text("hold_out: 0%\n", encoding="utf-8")
    with pytest.raises(EffectError, match="holds nobody out"):
        measure(Home.open(home), "hold-out")
