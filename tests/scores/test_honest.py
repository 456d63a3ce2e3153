"""A sheet of a past day knows nothing of the days after: a planted leak is refused, or masked to nothing."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from quanke.bank.contracts import CONTRACTS
from quanke.bank.home import Home
from quanke.kernel.errors import ScoreError
from quanke.kernel.progress import SilentProgress
from quanke.language import Purpose, Tag, count, customers, days, earlier, facts, largest, some, total
from quanke.language.facts import table_of
from quanke.night import standard_catalogue
from quanke.night.sheets import Sheets
from quanke.plans.scores import DEFAULT_RULES, split_of
from quanke.plans.scores.features import chosen, why_not
from quanke.plans.scores.honest import KEPT, leaks, looks_back, too_early

THEN = dt.date(2026, 2, 28)
CATALOGUE = standard_catalogue()


def tag(name: str, value: object, purpose: Purpose = Purpose.SERVICE) -> Tag:
    return Tag(name=name, title_zh="题", title_en="Title", value=value, purpose=purpose)  # type: ignore[arg-type]


def test_only_fields_of_the_tables_are_listed() -> None:
    for table, history in KEPT.items():
        known = {*table_of(table).fields, *(["delta"] if table == "balances" else [])}
        assert history.fixed | history.dated <= known, table
        assert not history.fixed & history.dated
        for name in history.dated:
            assert table_of(table).fields[name].type == "date"


@pytest.mark.parametrize(
    ("value", "lost"),
    [
        (total(facts.holdings.value), "holdings.value"),
        (count(facts.holdings), "holdings.date"),
        (customers.risk_class == "C5", "customers.risk_class"),
        (largest(facts.cards.last_used_on), "cards.last_used_on"),
        (some(facts.accounts.matures_on.is_known()), "accounts.matures_on"),
        (earlier(CATALOGUE["aum"]), "earlier(aum)"),  # type: ignore[arg-type]
    ],
)
def test_a_planted_leak_is_refused(value: object, lost: str) -> None:
    catalogue = CATALOGUE.with_more([tag("planted", value)])
    assert lost in leaks(catalogue, "planted")
    assert lost in why_not(catalogue, "planted") or catalogue["planted"].result.kind == "text"
    with pytest.raises(ScoreError, match="planted cannot be a feature"):
        chosen(catalogue, {}, THEN, ["planted"])


def test_a_leak_is_found_by_way_of_others() -> None:
    hidden = tag("hidden", total(facts.holdings.value))
    catalogue = CATALOGUE.with_more([hidden, tag("shown", hidden * 2)])
    assert leaks(catalogue, "shown") == ("holdings.date", "holdings.value")


def test_the_credit_bureau_and_devices_are_walled_off() -> None:
    """PI-6 and the anti-fraud law: such a tag cannot be a feature, directly or by way of another."""
    score = tag("bureau", customers.credit_score, Purpose.RISK)
    catalogue = CATALOGUE.with_more([score, tag("doubled", score * 2, Purpose.RISK)])
    for name in ("bureau", "doubled", "shared_device_persons", "household_aum"):
        assert "a score serves marketing" in why_not(catalogue, name)
        with pytest.raises(ScoreError, match="serves marketing"):
            chosen(catalogue, {}, THEN, [name])
    taken, left = chosen(catalogue, {}, THEN)
    assert not {"bureau", "doubled", "shared_device_persons", "credit_score_band", "sex"} & set(taken)
    assert "risk" in left["bureau"] and len(taken) > 80
    for name in taken:
        assert Purpose.MARKETING in catalogue.purposes(name) and not leaks(catalogue, name)


def test_what_looks_beyond_the_beginning_of_a_table_is_left_out() -> None:
    assert looks_back(CATALOGUE, "aum_365d") == {"balances": 365}
    assert looks_back(CATALOGUE, "aum") == {"balances": 0}
    assert looks_back(CATALOGUE.with_more([tag("ever", count(facts.transactions))]), "ever") == {
        "transactions": None
    }
    begins = {"balances": dt.date(2025, 7, 1)}
    assert too_early({"balances": 365}, begins, dt.date(2026, 6, 29))
    assert not too_early({"balances": 365}, begins, dt.date(2026, 7, 1))


def test_outcomes_of_a_role_are_over_before_the_next_begins() -> None:
    for horizon in (7, 30, 45, 90):
        from quanke.plans.scores import ScoreRules
        from quanke.segments import Dated

        rules = ScoreRules(horizon=Dated.of(horizon))
        split = split_of(dt.date(2026, 6, 30), dt.date(2024, 9, 1), rules)
        assert split is not None
        length = dt.timedelta(days=horizon)
        assert max(split.train) + length <= min(split.calibrate)
        assert max(split.calibrate) + length <= split.report
        assert split.report + length <= dt.date(2026, 6, 30)
        assert list(split.days) == sorted(split.days)
        assert all((day + dt.timedelta(days=1)).day == 1 for day in split.days)
    assert split_of(dt.date(2026, 6, 30), dt.date(2026, 4, 1), DEFAULT_RULES) is None


def sheet(home: Path, scratch: Path, names: list[str], catalogue: object = CATALOGUE) -> pa.Table:
    scratch.mkdir(parents=True, exist_ok=True)
    made = Sheets(Home.open(home), catalogue, scratch, SilentProgress(), 100_000, 1)  # type: ignore[arg-type]
    return made.of(THEN, names)


def test_a_sheet_is_what_a_home_without_the_days_after_gives(after_may: Path, tmp_path: Path) -> None:
    """The whole proof: every row of later days is deleted, every day that had not come is emptied, and
    everything that may be a feature is computed again over what is left."""
    past = tmp_path / "home"
    shutil.copytree(after_may, past)
    removed = 0
    for name in CONTRACTS:
        history = KEPT.get(name)
        for path in Home.open(past).facts(name):
            table = pq.read_table(path)
            day = CONTRACTS[name].date
            if name == "holdings":
                kept = table.slice(0, 0)
            elif history is not None and day:
                kept = table.filter(pc.less_equal(table[day], pa.scalar(THEN)))
                for field in history.dated:
                    known = pc.less_equal(kept[field], pa.scalar(THEN))
                    masked = pc.if_else(known, kept[field], pa.scalar(None, kept.schema.field(field).type))
                    kept = kept.set_column(kept.schema.get_field_index(field), field, masked)
            elif name in ("parties", "organisations"):
                known = pc.less_equal(table["closed_on"], pa.scalar(THEN))
                masked = pc.if_else(known, table["closed_on"], pa.scalar(None, pa.date32()))
                kept = table.set_column(table.schema.get_field_index("closed_on"), "closed_on", masked)
            else:
                continue
            removed += table.num_rows - kept.num_rows
            pq.write_table(kept, path)
    assert removed > 10_000
    names, _ = chosen(CATALOGUE, {}, THEN)
    wanted = sheet(past, past / "models" / ".t", list(names))
    found = sheet(after_may, tmp_path / "scratch", list(names))
    apart = [n for n in names if not found[n].equals(wanted[n])]
    assert not apart
    assert sum(len(pc.unique(found[n])) > 2 for n in names) > 40


def test_a_day_to_come_is_unknown_in_a_sheet(after_may: Path, tmp_path: Path) -> None:
    """`closed_on is null` would tell, without a mask, who stays. Its definition is allowed; its value is
    masked."""
    stays = tag("stays", count(facts.accounts).where(facts.accounts.closed_on.is_known()))
    later = tag("later", count(facts.transactions).within(days(30)))
    catalogue = CATALOGUE.with_more([stays, later])
    assert not leaks(catalogue, "stays")
    found = sheet(after_may, tmp_path / "scratch", ["stays", "accounts_open"], catalogue)
    accounts = pa.concat_tables([pq.read_table(f) for f in Home.open(after_may).facts("accounts")])
    closed = accounts.filter(pc.is_valid(accounts["closed_on"]))
    before = pc.sum(pc.less_equal(closed["closed_on"], pa.scalar(THEN))).as_py()
    assert 0 < before < closed.num_rows
    assert pc.sum(found["stays"]).as_py() == before
    assert np.asarray(found["customer"]).tolist() == list(range(found.num_rows))
