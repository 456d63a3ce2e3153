"""The search of a night: everybody of the sample bank is found, and the home's key is guarded."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from quanke.bank.home import Home
from quanke.bank.keys import FIND_KEY, make_find_key, read_find_key
from quanke.cli import main
from quanke.kernel.errors import HomeError, NightError
from quanke.night import Bank
from tests.homes import LAST, MAY


@pytest.fixture(scope="module")
def bank(after_june: Path) -> Bank:
    """Read only."""
    return Bank(Home.open(after_june))


@pytest.fixture
def home(after_may: Path, tmp_path: Path) -> Path:
    """A copy with one night."""
    shutil.copytree(after_may, tmp_path / "home")
    return tmp_path / "home"


def rows(bank: Bank, table: str, *columns: str) -> list[dict[str, Any]]:
    """Rows of a table with the customer of today."""
    held = pa.concat_tables([pq.read_table(f, columns=["party", *columns]) for f in bank.home.facts(table)])
    customer = bank.register.customer  # read from the home each time it is asked for
    return [{**row, "customer": int(customer[row["party"]])} for row in held.to_pylist()]


@pytest.mark.parametrize(
    ("table", "column", "kind"),
    [("parties", "phone", "phone"), ("parties", "id_number", "document"), ("cards", "card_id", "card"),
     ("organisations", "uscc", "document"), ("accounts", "account_id", "account"),
     ("organisations", "name", "organisation"), ("parties", "party_id", "party"),
     ("parties", "name", "name")],
)  # fmt: skip
def test_everybody_is_found_by_everything(bank: Bank, table: str, column: str, kind: str) -> None:
    register = bank.register.customer
    held: dict[str, set[int]] = {}
    for row in pa.concat_tables(
        [pq.read_table(f, columns=["party", column]) for f in bank.home.facts(table)]
    ).to_pylist():
        if row[column] is not None:
            held.setdefault(row[column], set()).add(int(register[row["party"]]))
    assert len(held) > 20
    for text in list(held)[::17]:
        found = {f.customer for f in bank.search(text, kinds=[kind], limit=1_000).found if f.how == "exact"}
        assert held[text] <= found, "more than one way of writing may be one number"


def test_an_audience_is_a_scope(bank: Bank) -> None:
    core = bank.members('tier == "core"')
    flags = np.zeros(bank.night().rows, np.bool_)
    flags[core.numbers()] = True
    everybody, mine = bank.search("王"), bank.search("王", within=core, limit=1_000)
    assert 0 < mine.count < everybody.count
    assert all(f.customer in core for f in mine.found) and len(mine.found) == mine.count
    assert bank.search("王", within=flags, limit=1_000) == mine


def test_no_number_stands_in_a_night(bank: Bank) -> None:
    folder = bank.night().path / "finding"
    held = b"\0".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())
    columns = (
        ("parties", "phone"),
        ("parties", "id_number"),
        ("accounts", "account_id"),
        ("parties", "party_id"),
    )
    for table, column in columns:
        texts = [row[column] for row in rows(bank, table, column) if row[column]]
        assert texts and not [t for t in texts if t.encode() in held]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700, "names stand there"
    assert bank.home.path.joinpath(FIND_KEY).read_bytes().strip() not in held


def test_a_night_from_before_there_was_a_search(home: Path) -> None:
    shutil.rmtree(home / "nights" / MAY.isoformat() / "finding")
    with pytest.raises(NightError, match="compute a later night"):
        Bank(Home.open(home)).search("王")
    done = CliRunner().invoke(main, ["find", "王", "--home", str(home)])
    assert done.exit_code == 1 and "has no search" in done.stderr and "王" not in done.stderr


def test_the_search_of_an_earlier_night(bank: Bank) -> None:
    assert bank.search("王", on=MAY).count <= bank.search("王", on=LAST).count
    with pytest.raises(NightError):
        bank.search("王", on="2020-01-01")


@pytest.mark.parametrize("text", ["", "no key", "00" * 31, "zz" * 32, "00" * 32])
def test_a_bad_key_is_refused(home: Path, text: str) -> None:
    (home / FIND_KEY).write_text(text, encoding="utf-8")
    with pytest.raises(HomeError, match=r"is no key|another key"):
        Bank(Home.open(home)).search("13800138000")


def test_a_key_that_is_missing_or_open_to_others(home: Path) -> None:
    bank = Bank(Home.open(home))
    (home / FIND_KEY).chmod(0o640)
    with pytest.raises(HomeError, match="chmod 600"):
        bank.search("王")
    (home / FIND_KEY).unlink()
    with pytest.raises(HomeError, match="missing"):
        bank.search("王")
    make_find_key(home)
    with pytest.raises(HomeError, match="another key"):
        bank.search("王")


@pytest.mark.parametrize("links", [True, False])
def test_a_key_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "no links here")

    if not links:
        monkeypatch.setattr("quanke.bank.keys.os.link", refuse)
    make_find_key(tmp_path)
    key = read_find_key(tmp_path)
    make_find_key(tmp_path)
    assert read_find_key(tmp_path) == key and len(key) == 32
    assert stat.S_IMODE((tmp_path / FIND_KEY).stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == [FIND_KEY]


def test_the_command_shows_nothing_whole(bank: Bank) -> None:
    person = next(r for r in rows(bank, "parties", "name", "phone") if r["phone"] and len(r["name"]) == 3)
    words = ["--home", str(bank.home.path), "--kind", "phone"]
    shown = CliRunner().invoke(main, ["find", person["phone"], *words])
    assert shown.exit_code == 0, shown.output
    assert str(person["customer"]) in shown.output
    assert person["phone"] not in shown.output and person["name"] not in shown.output
    piped = CliRunner().invoke(main, ["find", "-", "--json", *words], input=person["phone"] + "\n")
    told = json.loads(piped.output)
    assert told["count"] >= 1 and told["night"] == LAST.isoformat()
    assert {"customer", "name", "kind", "how"} == set(told["found"][0])
    assert person["customer"] in [f["customer"] for f in told["found"]]
    assert person["phone"] not in piped.output and person["name"] not in piped.output


def test_names_are_masked_together_as_one_by_one(bank: Bank) -> None:
    some = [f.customer for f in bank.search("王", limit=5).found] + [bank.night().rows - 1]
    assert bank.masked_names(some) == [bank.masked_name(customer) for customer in some]
    assert bank.masked_names([]) == []


def test_an_error_holds_no_value(bank: Bank) -> None:
    text = "13800138000" * 20
    done = CliRunner().invoke(main, ["find", text, "--home", str(bank.home.path)])
    assert done.exit_code == 1 and "13800138000" not in done.output + done.stderr
