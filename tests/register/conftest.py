"""A bank of a few records, with accounts, and what a test asks of it."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from quanke.bank.home import Home
from quanke.customers.register import Register, update_register
from quanke.kernel.progress import SilentProgress
from tests.bank.small_bank import load_into, put

HEADER = "source,party_id,name,id_type,id_number,birth_date,phone,address,sex,opened_on"
ZHANG = "11010519491231002X"
LI = "440301197501011012"
DAY = dt.date(2024, 1, 31)

PEOPLE = (
    # one person: core with his document; the mobile bank without it, but name, birth date and phone agree
    f"core,C1,张建国,resident_id,{ZHANG},1949-12-31,13800138000,深圳市南山区科技路1号明珠花园1203,male,2001-01-05",
    "mobile,M1,张建国,,,1949-12-31,13800138000,,male,2015-03-01",
    # another of the same name: nothing but the name agrees
    "mobile,M9,张建国,,,1988-02-03,13700137000,,male,2016-03-01",
    # the same document under another spelling of the name: people have to look
    f"core,C2,李小龙,resident_id,{LI},1975-01-01,13900139000,深圳市福田区深南大道8号帝景苑0501,male,2002-01-05",
    f"cards,K2,李晓龙,resident_id,{LI},1975-01-01,13900139000,深圳市福田区深南大道8号帝景苑0501,male,2003-01-05",
    # his son lives with him and gave his father's phone
    "core,C3,李小虎,,,2005-05-05,13900139000,深圳市福田区深南大道8号帝景苑0501,male,2004-01-05",
    "core,C4,欧阳静,passport,E12345678,1970-06-07,13600136000,深圳市罗湖区人民路3号,female,2005-01-05",
)

ACCOUNTS = (
    "account_id,source,party_id,category,currency,opened_on",
    "A1,core,C1,demand,CNY,2020-01-01",
    "A2,mobile,M1,wallet,CNY,2020-01-02",
    "A3,core,C2,demand,CNY,2020-01-03",
    "A4,cards,K2,demand,CNY,2020-01-04",
    "A5,core,C4,demand,CNY,2020-01-05",
)
BALANCES = (
    "account_id,date,balance",
    "A1,2024-01-01,1000.00",
    "A2,2024-01-01,50.00",
    "A3,2024-01-01,300.00",
    "A4,2024-01-01,7.00",
    "A5,2024-01-01,11.00",
)


def base(folder: Path, people: tuple[str, ...] = PEOPLE) -> Path:
    """The hand-over of the bank."""
    put(folder, "branches.csv", "branch_id,name,kind", "B1,深圳分行,branch")
    put(folder, "parties.csv", HEADER, *people)
    put(folder, "accounts.csv", *ACCOUNTS)
    put(folder, "balances.csv", *BALANCES)
    return folder


def decide(home: Home, folder: Path, number: str, one: str, other: str, decision: str, day: dt.date) -> None:
    """A decision as the desk hands it over."""
    head = "decision_id,one_source,one_party_id,other_source,other_party_id,decision,decided_by,date"
    row = ",".join((number, *one.split(":"), *other.split(":"), decision, "S1", day.isoformat()))
    put(folder / number, f"identity_decisions/{number}.csv", head, row)
    assert load_into(home, folder / number).errors == []


def who(register: Register) -> dict[str, int]:
    """Customer of each record, by its name in its source."""
    from quanke.customers.register.asking import party_names

    names = party_names(register.home, range(len(register.loaded)))  # type: ignore[arg-type]
    return {f"{source}:{party}": int(register.customer[n]) for n, (source, party) in names.items()}


@pytest.fixture(scope="session")
def register_bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bank, loaded. Copy it before changing it."""
    folder = tmp_path_factory.mktemp("register")
    made = Home.create(folder / "home")
    assert load_into(made, base(folder / "files")).errors == []
    return made.path


@pytest.fixture
def home(register_bank: Path, tmp_path: Path) -> Home:
    """A copy of the bank."""
    shutil.copytree(register_bank, tmp_path / "home")
    return Home.open(tmp_path / "home")


@pytest.fixture
def look() -> Callable[[Home, dt.date], Register]:
    """The step of a night that finds out who is who."""
    return lambda home, day: update_register(home, day, SilentProgress())
