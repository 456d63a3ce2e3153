"""The register: what is registered never changes, two campaigns of one lane share nobody, a killed writer
leaves nothing behind."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quanke.effects.groups import ARMS, Arm, ArmUnit, CampaignRegister, Design, assign_arms
from quanke.effects.store import EffectStore
from quanke.kernel.errors import EffectError

JULY = dt.date(2026, 7, 1)


def design(name: str = "one", **more: object) -> Design:
    """A campaign of July in the default lane."""
    given: dict[str, object] = {
        "title_zh": "一", "title_en": "One", "offer": "", "audience": "aum > 0", "salt": name,
        "arms": (Arm("control", 200_000), Arm("treated", 800_000)), "first_contact": JULY,
        "until": JULY + dt.timedelta(days=9), "night": dt.date(2026, 6, 30),
        "window_days": 30, "lane": "default",
    }  # fmt: skip
    return Design(name=name, **{**given, **more})  # type: ignore[arg-type]


def arms_of(customers: list[int] | range, salt: str = "one") -> pa.Table:
    """Their arms."""
    numbers = np.array(list(customers), np.int32)
    found = assign_arms(numbers, design().arms, salt)
    names = np.array([arm.name for arm in found.arms], object)
    blank = [""] * len(numbers)
    return pa.table(
        {
            "customer": numbers, "arm": names[found.arm], "unit": numbers.astype(str).astype(object),
            "stratum": blank, "tier": blank, "branch": blank, "hash": found.hash,
            "rank": found.rank.astype(np.int32), "size": found.size.astype(np.int32),
        },
        schema=ARMS,
    )  # fmt: skip


def keep(register: CampaignRegister, planned: Design, customers: list[int] | range) -> Design:
    """Register it."""
    with register.deciding():
        return register.keep(planned, arms_of(customers, planned.salt)).design


def test_what_is_registered_reads_back(tmp_path: Path) -> None:
    register = CampaignRegister(tmp_path)
    kept = keep(register, design(metrics=("aum_mean",), unit=ArmUnit.POST), range(100))
    assert kept.counts == kept.units == {"control": 20, "treated": 80}
    read = CampaignRegister(tmp_path).open("one")
    assert read.design == kept
    assert read.design.fingerprint == kept.fingerprint
    assert read.customers.tolist() == list(range(100))
    assert len(read.controls) == 20
    assert [each.path.name for each in register.all()] == ["one"]
    with pytest.raises(EffectError, match="registered: one"):
        register.open("two")


def test_a_name_is_used_once(tmp_path: Path) -> None:
    register = CampaignRegister(tmp_path)
    kept = keep(register, design(), range(100))
    with pytest.raises(EffectError, match="never changes"):
        keep(register, design(lane="other"), range(200, 300))
    assert register.open("one").design == kept


def test_shared_customers_are_refused_and_told(tmp_path: Path) -> None:
    register = CampaignRegister(tmp_path)
    keep(register, design(), range(100))
    with pytest.raises(EffectError, match="10 of the customers are in campaign one"):
        keep(register, design("two"), range(90, 200))
    assert register.get("two") is None
    shared = register.shared(design("two"), np.arange(90, 200, dtype=np.int32))
    assert [(each.campaign, each.customers.tolist()) for each in shared] == [("one", list(range(90, 100)))]
    keep(register, design("two"), range(100, 200))


@given(st.integers(-60, 60), st.integers(0, 40), st.integers(1, 60), st.booleans())
def test_days_and_lanes_decide_what_is_shared(shift: int, length: int, window: int, same_lane: bool) -> None:
    """By counting days: two meet where a day lies in both."""
    other = design(
        "two", first_contact=JULY + dt.timedelta(days=shift), until=JULY + dt.timedelta(days=shift + length),
        window_days=window, lane="default" if same_lane else "other",
    )  # fmt: skip

    def days(each: Design) -> set[dt.date]:
        until = max(each.until, each.first_contact + dt.timedelta(days=each.window_days - 1))
        return {
            each.first_contact + dt.timedelta(days=i) for i in range((until - each.first_contact).days + 1)
        }

    meet = same_lane and bool(days(design()) & days(other))
    assert design().meets(other) is meet
    assert other.meets(design()) is meet


def test_controls_are_kept_from_contact_while_a_campaign_runs(tmp_path: Path) -> None:
    register = CampaignRegister(tmp_path)
    keep(register, design(), range(100))
    keep(register, design("two", lane="other"), range(50, 150))
    one, two = (set(register.open(name).controls.tolist()) for name in ("one", "two"))
    assert set(register.withheld(JULY).tolist()) == one | two
    assert set(register.withheld(JULY, "other").tolist()) == two
    last = design().closes
    assert len(register.withheld(last)) == len(one | two)
    assert not len(register.withheld(last + dt.timedelta(days=1)))
    assert not len(register.withheld(JULY - dt.timedelta(days=1)))


def test_a_touched_file_is_seen(tmp_path: Path) -> None:
    register = CampaignRegister(tmp_path)
    keep(register, design(), range(100))
    folder = tmp_path / "campaigns" / "one"
    arms = pq.read_table(folder / "arms.parquet")
    pq.write_table(arms.slice(1), folder / "arms.parquet")
    with pytest.raises(EffectError, match="not those that were registered"):
        _ = register.open("one").arms
    sheet = json.loads((folder / "design.json").read_text(encoding="utf-8"))
    sheet["arms"] = [{"name": "control", "share_ppm": 100_000}, {"name": "treated", "share_ppm": 900_000}]
    (folder / "design.json").write_text(json.dumps(sheet), encoding="utf-8")
    with pytest.raises(EffectError, match="not the one that was registered"):
        _ = register.open("one").design
    (folder / "design.json").write_text("{", encoding="utf-8")
    with pytest.raises(EffectError, match="cannot be read"):
        _ = CampaignRegister(tmp_path).open("one").design


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": "../one"}, "named like a tag"),
        ({"lane": "A lane"}, "a lane is named"),
        ({"window_days": 0}, "a window has"),
        ({"until": JULY - dt.timedelta(days=1)}, "ends on the day"),
        ({"salt": ""}, "need a salt"),
        ({"arms": (Arm("treated", 1_000_000),)}, "at least two arms"),
    ],
)
def test_designs_that_cannot_be(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(EffectError, match=said):
        replace(design(), **wrong)  # type: ignore[arg-type]


KILLED = """
import os, signal, sys
from pathlib import Path
from quanke.effects.groups import CampaignRegister
from tests.experiments.test_register import design, keep

place, calls = sys.argv[2], int(sys.argv[3])
usual = getattr(os, place)

def struck(*given, **named):
    global calls
    calls -= 1
    if calls == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return usual(*given, **named)

setattr(os, place, struck)
keep(CampaignRegister(Path(sys.argv[1])), design(), range(1_000))
"""


@pytest.mark.parametrize(("place", "call"), [("fsync", 1), ("fsync", 3), ("rename", 1), ("fsync", 4)])
def test_a_killed_writer_leaves_all_or_nothing(tmp_path: Path, place: str, call: int) -> None:
    """kill -9 while files are made durable, before the rename, and after it: the campaign is there whole or
    not at all, and the next one who registers finds no rest."""
    child = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), place, str(call)],
        check=False, env={**os.environ, "PYTHONPATH": os.getcwd()},
    )  # fmt: skip
    assert child.returncode == -signal.SIGKILL
    register = CampaignRegister(tmp_path)
    there = [each.design.name for each in register.all()]
    assert there == (["one"] if (place, call) == ("fsync", 4) else [])
    keep(register, design("two"), range(5_000, 6_000))
    assert not list((tmp_path / "campaigns").glob(".making-*"))
    if there:
        assert len(register.open("one").customers) == 1_000


PUBLISHER = """
import datetime, os, signal, sys
from pathlib import Path
from types import SimpleNamespace
from quanke.effects.store import EffectStore

effect = SimpleNamespace(campaign="one", as_of=datetime.date(2026, 6, 30),
    to_json=lambda: {"sentence": "x" * 10**6})
usual = getattr(os, sys.argv[2])

def struck(*given, **named):
    if sys.argv[3] == "after":
        usual(*given, **named)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(os, sys.argv[2], struck)
EffectStore(Path(sys.argv[1])).keep(effect)
"""


@pytest.mark.parametrize(
    ("place", "when", "there"),
    [("fsync", "before", 0), ("link", "before", 0), ("link", "after", 1), ("unlink", "before", 1)],
)
def test_a_result_is_published_whole_or_not_at_all(tmp_path: Path, place: str, when: str, there: int) -> None:
    """kill -9 before and after the moment it is linked into place."""
    child = subprocess.run([sys.executable, "-c", PUBLISHER, str(tmp_path), place, when], check=False)
    assert child.returncode == -signal.SIGKILL
    kept = EffectStore(tmp_path).of("one")
    assert len(kept) == there
    assert all(len(each.content["sentence"]) == 10**6 for each in kept)
