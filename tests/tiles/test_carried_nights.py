"""Nights of a bank to which days, corrections, late rows and merges are handed over: carried equals full."""

from __future__ import annotations

import datetime as dt
import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from quanke.bank.home import Home
from quanke.cli import main
from quanke.engines.store import Night
from quanke.engines.tiles.columns import read_column, write_column
from quanke.kernel.errors import NightError
from quanke.night import Bank
from quanke.night import night as run_night
from quanke.night.on_duckdb import OnDuckDB
from quanke.night.on_tiles import OnTiles
from tests.bank.small_bank import load_into, put
from tests.register.conftest import HEADER, base, decide

FIRST = dt.date(2024, 1, 31)
DAY = dt.timedelta(days=1)
TX = "transaction_id,account_id,date,direction,amount,kind,initiated,counterparty_bank,counterparty_name"
EVENTS = "event_id,source,party_id,date,channel,kind,topic"
CARDS = "card_id,account_id,source,party_id,kind,issued_on,activated_on,last_used_on,expires_on,closed_on"

JANUARY = (
    "T1,A1,2024-01-03,in,8000.00,salary,false,own,某公司",
    "T2,A1,2024-01-20,out,900.00,transfer,true,ICBC,李四",
    "T3,A3,2024-01-30,in,70000.00,transfer,true,CCB,王五",
    "T4,A3,2024-01-31,out,10.00,utilities,true,own,水务",
)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bank of a few records with movements, cards, events, and a foreign account; no night yet."""
    folder = tmp_path_factory.mktemp("carried")
    home = Home.create(folder / "home")
    files = base(folder / "files")
    put(files, "accounts.csv", *(files / "accounts.csv").read_text("utf-8").splitlines(),
        "A6,core,C3,demand,USD,2020-01-05", "A7,core,C2,term,CNY,2020-01-05")  # fmt: skip
    put(files, "balances.csv", *(files / "balances.csv").read_text("utf-8").splitlines(),
        "A6,2024-01-02,100.00", "A7,2024-01-02,60000.00", "A1,2024-01-31,8100.00")  # fmt: skip
    put(files, "fx_rates.csv", "currency,date,rate", "USD,2024-01-01,7.1", "USD,2024-02-01,7.3")
    put(files / "transactions", "2024-01.csv", TX, *JANUARY)
    put(files, "channel_events.csv", EVENTS, "E1,core,C1,2024-01-05,mobile,login,",
        "E2,mobile,M1,2024-01-30,mobile,view_product,fund")  # fmt: skip
    put(files, "cards.csv", CARDS, "K1,A1,core,C1,debit,2024-01-10,,,2030-01-01,",
        "K2,A3,core,C2,credit,2020-01-10,2020-01-11,2024-01-29,2024-03-01,")  # fmt: skip
    assert load_into(home, files).errors == []
    return home.path


@pytest.fixture(scope="module")
def first(loaded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bank with the night of FIRST. Nights cost most of what this file takes: each is made once."""
    path = tmp_path_factory.mktemp("first") / "home"
    shutil.copytree(loaded, path)
    run_night(Home.open(path), FIRST, bucket=4)
    return path


@pytest.fixture(scope="module")
def second(first: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bank with the night of FIRST and the one after it, which is carried."""
    path = tmp_path_factory.mktemp("second") / "home"
    shutil.copytree(first, path)
    run_night(Home.open(path), FIRST + DAY, bucket=4)
    return path


@pytest.fixture
def bank(first: Path, tmp_path: Path) -> Home:
    """A copy of the bank with the night of FIRST."""
    return copied(first, tmp_path)


def copied(home: Path, tmp_path: Path) -> Home:
    """A copy that a test may change."""
    shutil.copytree(home, tmp_path / "home")
    return Home.open(tmp_path / "home")


def pair(home: Home, day: dt.date, tmp_path: Path) -> tuple[Night, Night]:
    """The night carried, and that of a copy of the home, of all rows by the engine that knows no tiles."""
    copy = tmp_path / f"full-{day}"
    shutil.copytree(home.path, copy, ignore=shutil.ignore_patterns("tiles"))
    full = run_night(Home.open(copy), day, bucket=4, engine=OnDuckDB()).night
    return run_night(home, day, bucket=4).night, full


def equal(carried: Night, full: Night) -> None:
    """Every part of every group has the same bytes, and so have figures, moves and findings."""
    assert carried.manifest["tiles"]["way"] == "carried", carried.manifest["tiles"]
    assert carried.manifest["tiles"]["parts_from_all_rows"] == []
    assert full.manifest["tiles"] == {"way": "from all rows", "because": "without tiles"}
    assert carried.groups == full.groups
    for group in full.groups:
        for one, other in zip(carried.parts(group), full.parts(group), strict=True):
            left, right = pq.read_table(one), pq.read_table(other)
            apart = [n for n in right.column_names if not left[n].equals(right[n])]
            assert apart == []
            assert one.read_bytes() == other.read_bytes()
    for name in ("metrics", "moves", "migration", "findings"):
        assert carried.table(name).equals(full.table(name)), name


def handed(home: Home, folder: Path, name: str, head: str, *rows: str) -> None:
    """A file more."""
    put(folder, name, head, *rows)
    assert load_into(home, folder).errors == []


def late_rows(home: Home, folder: Path) -> None:
    handed(home, folder, "transactions/late.csv", TX, "T9,A1,2024-01-15,in,123.45,salary,false,own,另一公司")


def the_next_day(home: Home, folder: Path) -> None:
    put(folder, "balances/2024-02-01.csv", "account_id,date,balance", "A1,2024-02-01,5000.00",
        "A6,2024-02-01,250.00")  # fmt: skip
    handed(
        home, folder, "transactions/2024-02-01.csv", TX, "T5,A1,2024-02-01,out,3100.00,transfer,true,CMB,李四"
    )


def a_corrected_file(home: Home, folder: Path) -> None:
    """The month is delivered again without one row and with another amount."""
    handed(home, folder, "transactions/2024-01.csv", TX, *JANUARY[:1], JANUARY[2].replace("70000", "65000"))


def a_late_balance(home: Home, folder: Path) -> None:
    handed(home, folder, "balances/late.csv", "account_id,date,balance", "A1,2024-01-10,777.00",
           "A2,2024-01-31,1.00")  # fmt: skip


def cards_again(home: Home, folder: Path) -> None:
    """A standing table handed over whole, with one row changed and one new."""
    handed(home, folder, "cards/next.csv", CARDS,
           "K1,A1,core,C1,debit,2024-01-10,2024-02-01,2024-02-01,2030-01-01,",
           "K3,A5,core,C4,debit,2024-02-01,,,2030-01-01,")  # fmt: skip


def a_merge(home: Home, folder: Path) -> None:
    """Somebody decides that two records with the same document are one person."""
    decide(home, folder, "D1", "core:C2", "cards:K2", "same", FIRST)


def a_new_customer(home: Home, folder: Path) -> None:
    put(folder, "parties.csv", HEADER,
        "core,C9,司马光,passport,E99999999,1980-06-07,,深圳市解放路9号,male,2024-02-01")  # fmt: skip
    handed(home, folder, "accounts/new.csv", "account_id,source,party_id,category,currency,opened_on",
           "A9,core,C9,demand,CNY,2024-02-01")  # fmt: skip


HAPPENINGS: dict[str, Callable[[Home, Path], None]] = {
    "the next day": the_next_day,
    "late rows": late_rows,
    "a corrected file": a_corrected_file,
    "a late balance": a_late_balance,
    "cards again": cards_again,
    "a merge": a_merge,
    "a new customer": a_new_customer,
}


def test_everything_at_once(bank: Home, tmp_path: Path) -> None:
    """What happened between two nights is in the second, carried or not: all of it together here, by itself
    each in the week below, and nothing in the month after that."""
    for name, happens in HAPPENINGS.items():
        happens(bank, tmp_path / "more" / name.replace(" ", "-"))
    equal(*pair(bank, FIRST + DAY, tmp_path))


def test_everything_one_after_the_other(bank: Home, tmp_path: Path) -> None:
    """A week in which every day something else happens alone, and a month in which nothing does. Every other
    night is held against one of all rows: what a night hands on wrongly, the next one has wrong too, and
    what happens together is held against one above."""
    for days, (name, happens) in enumerate(HAPPENINGS.items(), 1):
        happens(bank, tmp_path / "more" / name.replace(" ", "-"))
        if days % 2:
            run_night(bank, FIRST + days * DAY, bucket=4)
        else:
            equal(*pair(bank, FIRST + days * DAY, tmp_path))
    equal(*pair(bank, FIRST + 40 * DAY, tmp_path))


def test_a_new_definition_is_made_alone(bank: Home, tmp_path: Path) -> None:
    """A bank's own tag that a night before did not have is computed from all rows, the others are carried."""
    definitions = bank.path / "definitions"
    definitions.mkdir()
    (definitions / "own.py").write_text(
        "from quanke.language import Tag, days, facts, total\n"
        "paid = Tag(name='paid_45d', title_zh='近45日支出', title_en='Paid in 45 days',\n"
        "    value=total(facts.transactions.amount).where(facts.transactions.direction == 'out')"
        ".within(days(45)))\n",
        encoding="utf-8",
    )
    carried, full = pair(bank, FIRST + DAY, tmp_path)
    equal(carried, full)
    assert "paid_45d" in carried.columns
    looked = carried.manifest["tiles"]["customers_looked_at_again"]
    assert looked["transactions"] == carried.rows and "cards" not in looked


def test_without_tiles_everything_is_computed(bank: Home) -> None:
    shutil.rmtree(bank.path / "tiles")
    told = run_night(bank, FIRST + DAY, bucket=4).night.manifest["tiles"]
    assert told == {"way": "from all rows", "because": f"no tiles of {FIRST}"}
    later = run_night(bank, FIRST + 100 * DAY, bucket=4).night.manifest["tiles"]
    assert later == {"way": "from all rows", "because": "99 days since the night before"}


def test_tiles_of_the_last_two_nights_are_kept(second: Path, tmp_path: Path) -> None:
    bank = copied(second, tmp_path)
    for days in (2, 3):
        run_night(bank, FIRST + days * DAY, bucket=4)
    held = sorted(p.name for p in (bank.path / "tiles").iterdir())
    assert held == [(FIRST + days * DAY).isoformat() for days in (2, 3)]


def spoil(home: Home, day: dt.date) -> None:
    """Let the tiles of a night hold a fen that no row gave."""
    part = home.path / "tiles" / day.isoformat() / "00000"
    for path in sorted(part.glob("*@*-L.arrow")):
        wrong = read_column(path).to_numpy().copy()
        wrong[0] += 1
        path.unlink()  # it is linked from night to night
        write_column(path, pa.array(wrong))


def test_verify_finds_a_tile_that_is_wrong(bank: Home) -> None:
    """A count that no row gave is found before the night is published; and a sound night is verified."""
    assert run_night(bank, FIRST, bucket=4, sample=100).verified is not None, "a published night can be"
    night = run_night(bank, FIRST + DAY, bucket=4, sample=100)
    assert night.verified is not None and night.verified.customers == night.night.rows
    spoil(bank, FIRST + DAY)
    with pytest.raises(NightError, match=r"is not what all rows give.*aum"):
        run_night(bank, FIRST + 2 * DAY, bucket=4, sample=100)
    assert FIRST + 2 * DAY not in Bank(bank).nights


def test_on_the_command_line(bank: Home) -> None:
    runner = CliRunner()
    day = (FIRST + DAY).isoformat()
    told = runner.invoke(main, ["night", "--on", day, "--home", str(bank.path), "--verify", "--json"])
    assert told.exit_code == 0, told.output
    assert json.loads(told.output[told.output.index("{") :])["verified"]["columns"] > 200
    asked = ["explain", "core:C1", "--tag", "aum", "--tag", "tier", "--nights", "--home", str(bank.path)]
    shown = runner.invoke(main, [*asked, "--json"])
    assert shown.exit_code == 0, shown.output
    assert [row["night"] for row in json.loads(shown.output)] == [FIRST.isoformat(), day]
    nothing = runner.invoke(main, ["explain", "core:C1", "--nights", "--home", str(bank.path)])
    assert nothing.exit_code == 2 and "--tag" in nothing.output


def test_what_a_proof_rejects_is_not_gone_on_with(bank: Home, tmp_path: Path) -> None:
    """After a rejected night, the same day computed with or without tiles is right."""
    spoil(bank, FIRST)
    with pytest.raises(NightError, match="is not what all rows give"):
        run_night(bank, FIRST + DAY, bucket=4, sample=100)
    shutil.copytree(bank.path, tmp_path / "clean", ignore=shutil.ignore_patterns("tiles"))
    wanted = run_night(Home.open(tmp_path / "clean"), FIRST + DAY, bucket=4).night
    found = run_night(bank, FIRST + DAY, bucket=4, engine=OnTiles(full=True)).night
    assert found.manifest["tiles"] == {"way": "from all rows", "because": "asked for"}
    assert [p.read_bytes() for p in found.parts("base")] == [p.read_bytes() for p in wanted.parts("base")]


def test_a_load_during_a_night_is_refused(
    bank: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = OnTiles.keep

    def load_first(self: OnTiles, run: object) -> None:
        late_rows(bank, tmp_path / "more")
        keep(self, run)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(OnTiles, "keep", load_first)
        with pytest.raises(NightError, match="files were loaded while"):
            run_night(bank, FIRST + DAY, bucket=4)
    equal(*pair(bank, FIRST + DAY, tmp_path))


def test_parts_of_another_size_are_not_read_as_if_they_were_these(loaded: Path, tmp_path: Path) -> None:
    """Two nights back the parts were smaller."""
    bank = copied(loaded, tmp_path)
    run_night(bank, FIRST, bucket=3)
    run_night(bank, FIRST + DAY, bucket=4)
    equal(*pair(bank, FIRST + 2 * DAY, tmp_path))


def test_a_balance_that_leaves_64_bits_with_its_days_costs_the_tiles_alone(
    loaded: Path, tmp_path: Path
) -> None:
    bank = copied(loaded, tmp_path)
    handed(bank, tmp_path / "much", "balances/much.csv", "account_id,date,balance",
           "A2,2005-01-05,9000000000000.00")  # fmt: skip
    run_night(bank, FIRST, bucket=4)
    carried, full = pair(bank, FIRST + DAY, tmp_path)
    assert carried.manifest["tiles"]["parts_from_all_rows"]
    assert [p.read_bytes() for p in carried.parts("base")] == [p.read_bytes() for p in full.parts("base")]


def test_a_night_that_was_deleted_is_computed_again(second: Path, tmp_path: Path) -> None:
    bank = copied(second, tmp_path)
    once = Bank(bank).night(FIRST + DAY)
    bytes_ = [p.read_bytes() for p in once.parts("base")]
    shutil.rmtree(once.path)
    again = run_night(bank, FIRST + DAY, bucket=4).night
    assert [p.read_bytes() for p in again.parts("base")] == bytes_


def test_a_sound_night_is_verified_after_an_older_day_came_in(bank: Home) -> None:
    for days in (5, 2):
        run_night(bank, FIRST + days * DAY, bucket=4)
    assert run_night(bank, FIRST + 5 * DAY, bucket=4, sample=100).verified is not None


def test_a_file_system_without_hard_links(
    bank: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where tiles cannot be linked from night to night they are copied, and what is carried from copies is
    what all rows give."""
    refused = []

    def refuse(source: Path, target: Path) -> None:
        refused.append(target)
        raise OSError(errno.EOPNOTSUPP, "no links here")

    monkeypatch.setattr("quanke.engines.tiles.part.os.link", refuse)
    run_night(bank, FIRST + DAY, bucket=4)
    kinds = {path.suffix for path in refused}
    assert {".arrow", ".parquet"} <= kinds, "columns and files of facts were to be linked"
    late_rows(bank, tmp_path / "more")
    equal(*pair(bank, FIRST + 2 * DAY, tmp_path))
    held = [p for p in (bank.path / "tiles").rglob("*") if p.is_file()]
    assert held and all(p.stat().st_nlink == 1 and p.suffix != ".part" for p in held)


def test_an_older_night_that_was_made_again_hides_no_change(bank: Home, tmp_path: Path) -> None:
    """What a night read of the one before it is not what that one says today: whatever reads an earlier value
    is computed again, though the two older nights now say the same."""
    nights = bank.path / "nights"
    a_new_customer(bank, tmp_path / "more")
    run_night(bank, FIRST + DAY, bucket=4)
    older, old = nights / FIRST.isoformat(), nights / (FIRST + DAY).isoformat()
    shutil.rmtree(older / "profile")
    shutil.copytree(old / "profile", older / "profile")
    sheet = json.loads((old / "manifest.json").read_text("utf-8")) | {"on": FIRST.isoformat()}
    (older / "manifest.json").write_text(json.dumps(sheet), encoding="utf-8")
    carried, full = pair(bank, FIRST + 2 * DAY, tmp_path)
    equal(carried, full)
