"""A whole night on a small bank: published once, the same however it is cut, true to the facts."""

from __future__ import annotations

import datetime as dt
import hashlib
import shutil
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from quanke.bank.home import Home
from quanke.kernel.errors import AudienceError, NightError, QuankeError
from quanke.night import Bank
from quanke.night import night as run_night
from tests.homes import BUCKET, LAST, MAY


def digest(folder: Path) -> dict[str, str]:
    """Every file of a folder with the digest of its bytes."""
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def scalar(home: Home, sql: str, table: str) -> int:
    """One figure by hand-written SQL over the accepted rows."""
    files = [str(f) for f in home.facts(table)]
    (row,) = duckdb.execute(sql.replace("@", f"read_parquet({files!r})")).fetchall()
    return int(row[0] or 0)


def test_every_customer_has_one_row_and_a_place(bank: Bank) -> None:
    night = bank.night(LAST)
    profile = night.profile
    assert bank.home.counts().customers == night.rows
    assert profile["customer"].to_pylist() == [n for n in range(night.rows) if n not in night.absorbed]
    assert profile.num_rows == night.customers == night.rows - len(night.absorbed)
    assert night.absorbed, "the sample bank has records of one person without a document"
    for name in ("stage", "aum", "aum_90d"):
        assert profile[name].null_count == 0, name
    persons = sum(profile["is_person"].to_pylist())
    assert profile.num_rows - profile["tier"].null_count == persons
    assert {"edge", "cluster"} <= set(profile.column_names)


def test_aum_adds_up_to_the_balances(bank: Bank) -> None:
    assets = "('demand','term','wealth','fund','insurance','bond','metal','wallet')"
    own = scalar(
        bank.home,
        f"SELECT sum(delta) FROM @ WHERE date <= DATE '{LAST}' AND currency = 'CNY' AND category IN {assets}",
        "balances",
    )
    night = bank.night(LAST)
    total = sum(night.profile["aum"].to_pylist())
    foreign = scalar(bank.home, "SELECT count(*) FROM @ WHERE currency <> 'CNY'", "balances")
    assert total == own if not foreign else abs(total - own) < own // 10


def test_the_metric_is_the_sum_of_its_rows(bank: Bank) -> None:
    night = bank.night(LAST)
    figures = {
        (r["metric"], r["dimension"], r["member"]): r["value"] for r in night.table("metrics").to_pylist()
    }
    rows = night.read(["tier", "aum", "is_person"]).to_pylist()
    whole = Decimal(figures["aum_total", "", ""])
    assert whole == sum(r["aum"] for r in rows if r["is_person"])
    for tier in {r["tier"] for r in rows if r["is_person"]}:
        assert Decimal(figures["aum_total", "tier", tier]) == sum(r["aum"] for r in rows if r["tier"] == tier)


def test_moves_are_the_difference_of_two_nights(bank: Bank) -> None:
    before, after = (bank.night(day).read(["tier"])["tier"].to_pylist() for day in (MAY, LAST))
    moved = [m for m in bank.night(LAST).table("moves").to_pylist() if m["tag"] == "tier"]
    assert {(m["customer"], m["from"], m["to"]) for m in moved} == {
        (i, before[i] if i < len(before) else None, t)
        for i, t in enumerate(after)
        if i >= len(before) or before[i] != t
    }
    assert all(m["date"] == LAST for m in moved)


def test_findings_are_where_the_checks_hold(bank: Bank) -> None:
    night = bank.night(LAST)
    found = night.table("findings").to_pylist()
    for check in night.manifest["checks"]:
        holds = night.read([check])[check].to_pylist()
        assert {f["customer"] for f in found if f["check"] == check} == {i for i, v in enumerate(holds) if v}


def test_audiences_count_what_the_profile_holds(bank: Bank) -> None:
    rows = bank.night(LAST).read(["tier", "aum_90d", "has_fund"]).to_pylist()
    want = sum(r["tier"] == "core" and r["aum_90d"] >= 80_000_00 and not r["has_fund"] for r in rows)
    assert bank.count('tier == "core" and aum_90d >= 8万元 and not holds("fund")') == want
    assert bank.audience('tier == "core"', ("aum",)).column_names == ["customer", "aum"]
    with pytest.raises(AudienceError):
        bank.count("tiers == 'core'")


def test_explain_gives_the_values_a_tag_was_made_of(bank: Bank) -> None:
    row = bank.night(LAST).row(5)
    found = {e.name: e for e in bank.explain(5)}
    assert found["tier"].value == row["tier"]
    assert found["tier"].because and found["tier"].fields
    assert found["aum"].expression.startswith("level(balances.balance)")


def test_the_cut_into_parts_does_not_show(home: Home, bank: Bank) -> None:
    for day in (MAY, LAST):
        run_night(home, day, bucket=3_500)
    other = Bank(home).night(LAST)
    assert other.profile.equals(bank.night(LAST).profile)
    assert other.table("metrics").equals(bank.night(LAST).table("metrics"))


def test_two_runs_give_equal_bytes(after_may: Path, bank: Bank, tmp_path: Path) -> None:
    """Of June; those of May are compared in tests/faults, with a run that was killed."""
    shutil.copytree(after_may, tmp_path / "home")
    run_night(Home.open(tmp_path / "home"), LAST, bucket=BUCKET)
    assert digest(tmp_path / "home" / "nights") == digest(bank.home.path / "nights")


def test_a_published_night_stays(home: Home) -> None:
    first = run_night(home, LAST)
    before = digest(first.night.path)
    again = run_night(home, LAST)
    assert not again.computed and digest(again.night.path) == before
    (home.path / "definitions").mkdir()
    (home.path / "definitions" / "more.py").write_text(
        "from quanke.language import Tag, facts, count\n"
        'more = Tag(name="more", title_zh="更多", title_en="More", value=count(facts.cards))\n'
    )
    with pytest.raises(NightError, match="definitions changed since"):
        run_night(home, LAST)
    assert digest(first.night.path) == before
    later = run_night(home, LAST + dt.timedelta(days=1))
    assert "more" in later.night.columns


def test_an_empty_home_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NightError, match="no customers yet"):
        run_night(Home.create(tmp_path / "home"), LAST)


def test_an_overflow_names_no_amount(home: Home) -> None:
    (home.path / "definitions").mkdir()
    (home.path / "definitions" / "big.yaml").write_text(
        "tags:\n  far_too_much:\n    zh: 过大\n    en: Far too much\n"
        "    value: aum * 900000000000 * 900000000000\n",
        encoding="utf-8",
    )
    with pytest.raises(QuankeError, match="does not fit") as caught:
        run_night(home, LAST)
    assert not any(c.isdigit() for c in str(caught.value).replace("64", ""))
    assert caught.value.__suppress_context__
