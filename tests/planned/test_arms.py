"""Control groups of a plan: by number, action and year, the same terms in both arms, nobody contacted."""

from __future__ import annotations

import datetime as dt
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from quanke.bank.contracts import Purpose
from quanke.bank.home import Home
from quanke.effects.groups import CampaignRegister, Design
from quanke.effects.groups.assigning import Arm as CampaignArm
from quanke.engines.store import NightStore
from quanke.kernel.errors import DefinitionError, EffectError
from quanke.night import Bank, night
from quanke.night.audience import Exported, compile_audience, export_audience
from quanke.night.effects import measure
from quanke.night.left_alone import LEFT_ALONE, keep_left_alone, left_alone_on
from quanke.night.plan import program_of
from quanke.night.plan_arms import planned_participants
from quanke.night.planned import CONTROL, HELD_OUT, KEPT_FROM, Planned
from quanke.plans.arms import arms, control_salt
from quanke.plans.record import SCHEMA, cooling, suggested
from quanke.segments.control import HoldOut, in_control
from quanke.segments.dated import Dated
from tests.homes import BUCKET, LAST, MAY

DAY = dt.date(2026, 6, 30)


def plan_of(path: Path) -> Planned:
    home = Home.open(path)
    bank = Bank(home)
    return Planned(bank.night(), home, bank.catalogue)


@pytest.fixture(scope="module")
def many_kept(after_may: Path, tmp_path_factory: pytest.TempPathFactory) -> Planned:
    """June's plan where four in ten are kept from an action, a tenth of the bank from marketing, and
    campaigns run whose controls are every seventh customer."""
    path = tmp_path_factory.mktemp("kept") / "home"
    shutil.copytree(after_may, path)
    (path / "plan.yaml").write_text("control: {2026-01-01: 40%, 2027-01-01: 5%}\n")
    (path / "effects.yaml").write_text("hold_out: 10%\nsalt: test bank\n")
    for name, product in (("cards_june", "credit_card"), ("over", "fund")):
        first = DAY + dt.timedelta(days=1) if name != "over" else DAY - dt.timedelta(days=90)
        register_controls(path, name, product, first)
    leave_alone(path)
    night(Home.open(path), LAST, bucket=BUCKET)
    return plan_of(path)


def leave_alone(home: Path) -> None:
    """Every eleventh customer is left alone from the morning on; others were, or will be."""
    morning = DAY + dt.timedelta(days=1)
    rows: list[tuple[int, dt.date, dt.date | None]] = [(c, morning, None) for c in range(0, 3_000, 11)]
    rows += [(1, DAY, morning), (2, morning + dt.timedelta(days=1), None)]
    arrays = [
        pa.array(list(each), kind.type)
        for each, kind in zip(zip(*rows, strict=True), LEFT_ALONE, strict=True)
    ]
    table = pa.Table.from_arrays(arrays, schema=LEFT_ALONE)
    assert keep_left_alone(home, table) and not keep_left_alone(
        home, table.take(list(range(len(rows)))[::-1])
    )
    assert left_alone_on(home, morning).tolist() == list(range(0, 3_000, 11))
    assert 1 in left_alone_on(home, DAY) and 2 in left_alone_on(home, morning + dt.timedelta(days=1))


def register_controls(home: Path, name: str, product: str, first: dt.date) -> None:
    customers = np.arange(0, 3_000, 7, dtype=np.int32)
    design = Design(
        name=name,
        title_zh="甲",
        title_en="A",
        offer="card",
        audience="true",
        arms=(CampaignArm("treated", 500_000), CampaignArm("control", 500_000)),
        salt=name,
        first_contact=first,
        until=first,
        night=first - dt.timedelta(days=1),
        window_days=30,
        lane=product,
        product=product,
    )
    count = len(customers)
    table = pa.table(
        {
            "customer": pa.array(customers),
            "arm": pa.array(["control"] * (count - 1) + ["treated"]),
            "unit": pa.array([str(c) for c in customers]),
            "stratum": pa.array([""] * count),
            "tier": pa.array([""] * count),
            "branch": pa.array([""] * count),
            "hash": pa.array(np.arange(count), pa.uint64()),
            "rank": pa.array(np.arange(count), pa.int32()),
            "size": pa.array(np.full(count, count), pa.int32()),
        }
    )
    register = CampaignRegister(home)
    with register.deciding():
        register.keep(design, table)


def test_controls_are_on_no_list_and_in_the_record(many_kept: Planned) -> None:
    chosen, withheld = (pq.read_table(many_kept.path(f"{n}.parquet")) for n in ("chosen", "withheld"))
    assert 5 < withheld.num_rows < chosen.num_rows
    pairs = {(r["customer"], r["action"]) for r in withheld.to_pylist()}
    assert not pairs & {(r["customer"], r["action"]) for r in chosen.to_pylist()}
    work = pq.read_table(many_kept.path("worklist.parquet")).to_pylist()
    assert not pairs & {(r["customer"], r["action"]) for r in work}
    record = pq.read_table(many_kept.path("record.parquet"))
    told = record.filter(pc.equal(record["last_on"], pa.scalar(LAST)))
    kept = {(r["customer"], r["action"]) for r in told.to_pylist() if r["arm"] == "control"}
    assert kept == pairs
    assert many_kept.sheet["withheld"]["customers"] == len({c for c, _ in pairs})
    assert many_kept.sheet["value"] == pc.sum(chosen["value"]).as_py()


def test_the_arm_is_the_hash_of_number_action_and_year(many_kept: Planned) -> None:
    record = pq.read_table(many_kept.path("record.parquet")).to_pylist()
    earlier = {(r["customer"], r["action"]) for r in record if r["last_on"] == LAST != r["suggested_on"]}
    assert earlier, "some were suggested in May already, before the share was changed"
    for row in many_kept.decided.to_pylist():
        if (row["customer"], row["action"]) in earlier:
            continue
        action = many_kept.program.action(row["action"])
        by_hash = in_control([row["customer"]], f"test bank plan {action.name} 2026", 400_000)[0]
        drawn = action.purpose is Purpose.MARKETING and not row["rhythm"]
        kept = (row["customer"], row["action"]) in {
            (r["customer"], r["action"])
            for r in many_kept.withheld.filter(
                pc.equal(many_kept.withheld["customer"], row["customer"])
            ).to_pylist()
        }
        assert kept == (drawn and bool(by_hash)), row


def test_the_hold_out_and_controls_of_campaigns_get_no_marketing(many_kept: Planned) -> None:
    held = HoldOut(share_ppm=Dated.of(100_000), salt="test bank").holds(np.arange(3_000), LAST)
    assert 200 < held.sum() < 400
    seen = 0
    for row in many_kept.decided.to_pylist():
        action = many_kept.program.action(row["action"])
        if action.purpose is Purpose.MARKETING:
            assert not held[row["customer"]]
            in_campaign = row["customer"] % 7 == 0 and row["customer"] != 2_996
            assert not (in_campaign and action.offer == "credit_card"), "a control of a campaign that runs"
        else:
            seen += bool(held[row["customer"]])
    assert seen, "service goes on for those who are held out"
    funds = [r for r in many_kept.decided.to_pylist() if r["action"].startswith("fund")]
    assert funds
    assert not pc.any(pc.equal(many_kept.kept["campaign"], "over")).as_py(), "it is over and keeps nobody"


def test_who_is_left_alone_is_planned_no_offer(many_kept: Planned) -> None:
    sells = {a.name for a in many_kept.actions if a.purpose is Purpose.MARKETING}
    offered = {row["customer"] for row in many_kept.decided.to_pylist() if row["action"] in sells}
    served = {row["customer"] for row in many_kept.decided.to_pylist() if row["action"] not in sells}
    alone = set(range(0, 3_000, 11))
    assert offered and not offered & alone and served & alone
    assert pc.sum(pc.equal(many_kept.kept["campaign"], "")).as_py() == len(range(0, 3_000, 11))


def test_why_not_is_told(many_kept: Planned) -> None:
    first = many_kept.withheld.to_pylist()[0]
    told = {each.action.name: each.why_not for each in many_kept.explain(first["customer"]).considered}
    assert told[first["action"]] == CONTROL
    held = HoldOut(share_ppm=Dated.of(100_000), salt="test bank").holds(np.arange(3_000), LAST)
    reasons = {
        each.why_not
        for customer in np.flatnonzero(held)[:60]
        for each in many_kept.explain(int(customer)).considered
    }
    assert HELD_OUT in reasons
    cards = {
        each.why_not
        for customer in range(0, 700, 7)
        for each in many_kept.explain(customer).considered
        if each.action.offer == "credit_card"
    }
    assert KEPT_FROM in cards


def test_without_a_share_nobody_has_an_arm(many_kept: Planned) -> None:
    actions = many_kept.actions
    found = arms(many_kept.decided, actions, HoldOut(), 0, DAY)
    assert found.null_count == len(found)
    assert control_salt(HoldOut(), "a", DAY) != control_salt(HoldOut(), "b", DAY)
    assert control_salt(HoldOut(), "a", DAY) != control_salt(HoldOut(), "a", dt.date(2027, 1, 1))


def test_a_control_rests_as_if_he_had_been_tried(many_kept: Planned) -> None:
    action = many_kept.actions[0]
    rows = {"customer": [0, 1], "action": [action.name] * 2, "due_on": [DAY] * 2, "post": [None] * 2}
    chosen = pa.table(
        {
            **rows,
            "customer": pa.array([0, 1], pa.int32()),
            "due_on": pa.array([DAY] * 2, pa.date32()),
            "post": pa.nulls(2, pa.string()),
            "value": pa.array([1, 1], pa.int64()),
            "arm": ["control", "treated"],
        }
    )
    record = suggested(SCHEMA.empty_table(), chosen, DAY)
    rest = action.cool_down.on(DAY)
    for days, resting in ((1, True), (rest - 1, True), (rest, False)):
        found = cooling(record, [action], DAY + dt.timedelta(days=days), 2)
        assert found[:, 0].tolist() == [resting, False]


def test_an_actions_effect_is_measured_against_its_controls(many_kept: Planned) -> None:
    home = many_kept.home
    may = NightStore(home.path / "nights").open(MAY)
    record = pq.read_table(may.path / "plan" / "record.parquet")
    kept = record.filter(pc.equal(record["arm"], "control"))
    name = Counter(kept["action"].to_pylist()).most_common(1)[0][0]
    mine = record.filter(pc.and_(pc.equal(record["action"], name), pc.is_valid(record["arm"])))
    who = planned_participants(home, f"plan.{name}", LAST, 30)
    assert who.first == dt.date(2026, 6, 1)
    assert who.customers.tolist() == sorted(mine["customer"].to_pylist())
    controls = set(kept.filter(pc.equal(kept["action"], name))["customer"].to_pylist())
    assert set(who.customers[who.control].tolist()) == controls
    assert not (who.reached & who.control).any()
    assert who.expected == pytest.approx(0.95), "as the plan of May said"
    found = measure(home, f"plan.{name}")
    assert (found.outcomes[0].estimate.n_control, found.first) == (len(controls), who.first)
    # the night of June is too young for a whole window, and is taken where it is asked for a short one
    assert planned_participants(home, f"plan.{name}", dt.date(2026, 8, 30), 30).first > LAST


def test_an_action_nobody_plans_has_no_effect(many_kept: Planned) -> None:
    with pytest.raises(EffectError, match="no action of that name"):
        measure(many_kept.home, "plan.nothing_such")


def test_a_control_group_is_at_most_half(after_june: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(after_june, home, ignore=shutil.ignore_patterns("nights", "tiles"))
    (home / "plan.yaml").write_text("control: 60%\n")
    opened = Home.open(home)
    with pytest.raises(DefinitionError, match="at most half"):
        program_of(opened, Bank(opened).catalogue)


def test_an_export_for_marketing_leaves_out_whom_no_marketing_reaches(
    many_kept: Planned, tmp_path: Path
) -> None:
    bank = Bank(many_kept.home)
    text = "not is_null(aum)"
    condition = compile_audience(text, bank.catalogue, bank.night(), bank.home, Purpose.MARKETING)

    def export(purpose: Purpose) -> tuple[set[int], Exported]:
        target = tmp_path / f"{purpose}.parquet"
        told = export_audience(
            text, condition, bank.night(), bank.home, bank.catalogue, target, columns=(), purpose=purpose
        )
        return set(pq.read_table(target)["customer"].to_pylist()), told

    everybody, whole = export(Purpose.SERVICE)
    reached, told = export(Purpose.MARKETING)
    held = HoldOut(share_ppm=Dated.of(100_000), salt="test bank").holds(np.arange(20_000), LAST)
    alone = set(range(0, 3_000, 11))
    kept = {c for c in everybody if held[c] or (c % 7 == 0 and c < 2_996) or c in alone}
    assert reached == everybody - kept and kept
    assert (whole.left_out, told.left_out, told.customers) == (0, len(kept), len(reached))
