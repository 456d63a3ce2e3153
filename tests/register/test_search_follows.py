"""A search answers with who a record is today: what was merged is found by all its numbers, once."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from quanke.bank.home import Home
from quanke.night import Bank
from quanke.night import night as run_night
from tests.register.conftest import DAY, LI, ZHANG, decide


def test_an_absorbed_number_and_its_records_answer_as_who_took_them_in(home: Home, tmp_path: Path) -> None:
    run_night(home, DAY)
    bank = Bank(home)
    zhang = bank.customer("core:C1")
    gone = next(number for number, into in bank.night().absorbed.items() if into == zhang)
    for text in (str(gone), "13800138000", "mobile:M1", "A2", ZHANG):
        assert [f.customer for f in bank.search(text).found] == [zhang], "found once"
    assert bank.search("张建国").count == 2
    other = [bank.customer(name) for name in ("core:C2", "cards:K2")]
    assert {f.customer for f in bank.search(LI).found} == set(other) and len(set(other)) == 2
    decide(home, tmp_path, "D1", "core:C2", "cards:K2", "same", DAY)
    run_night(home, DAY + dt.timedelta(days=1))
    assert [f.customer for f in bank.search(LI).found] == [bank.customer("core:C2")]
    assert [f.customer for f in bank.search("李晓龙").found] == [bank.customer("core:C2")]
    assert {f.customer for f in bank.search(LI, on=DAY).found} == set(other), "that night stays"
