"""The register of a home: what is linked, what waits for people, and how their decisions are obeyed."""

from __future__ import annotations

import datetime as dt
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quanke.bank.home import Home
from quanke.customers.identity import IdentityModel, default_model
from quanke.customers.register import Register, register_of, update_register
from quanke.customers.register.asking import happenings, questions, standings
from quanke.customers.register.deciding import decide as take_down
from quanke.kernel.errors import InputError
from quanke.kernel.progress import SilentProgress
from tests.bank.small_bank import digest, load_into, put
from tests.register.conftest import DAY, HEADER, PEOPLE, base, decide, who

Look = Callable[[Home, dt.date], Register]
NEXT = DAY + dt.timedelta(days=1)
LATER = DAY + dt.timedelta(days=2)


def test_a_record_without_document_joins_by_three_fields_and_people_are_asked_about_the_rest(
    home: Home, look: Look
) -> None:
    found = who(look(home, DAY))
    assert found["mobile:M1"] == found["core:C1"], "name, birth date and phone agree"
    assert found["mobile:M9"] != found["core:C1"], "a common name is nobody's proof"
    assert found["cards:K2"] != found["core:C2"], "one document, two names: people look first"
    assert found["core:C3"] not in (found["core:C2"], found["cards:K2"]), "a son with his father's phone"
    register = register_of(home)
    asked = questions(register).to_pylist()
    pairs = {frozenset((row["one_customer"], row["other_customer"])): row["outcome"] for row in asked}
    assert pairs[frozenset((found["core:C2"], found["cards:K2"]))] in ("variant", "conflict")
    events = happenings(register, found["core:C1"])
    assert [(e.kind, e.outcome, e.date) for e in events] == [("merge", "probable", DAY)]
    first, second = standings(register, found["core:C1"])
    assert (first.outcome, second.outcome) == ("first", "probable")
    assert second.beside == first.party and "name" in second.reason


def test_nothing_new_changes_nothing(home: Home, look: Look) -> None:
    look(home, DAY)
    before = digest(home.path)
    look(home, NEXT)
    assert digest(home.path) == before


def test_decisions_are_obeyed_and_taken_back(home: Home, look: Look, tmp_path: Path) -> None:
    first = who(look(home, DAY))
    decide(home, tmp_path, "D1", "core:C2", "cards:K2", "same", NEXT)
    merged = look(home, NEXT)
    now = who(merged)
    assert now["core:C2"] == now["cards:K2"] == min(first["core:C2"], first["cards:K2"])
    assert [s.outcome for s in standings(merged, now["core:C2"])] == ["first", "decided"]
    event = happenings(merged, now["core:C2"])[-1]
    assert (event.kind, event.outcome, event.decision_id) == ("merge", "decided", "D1")
    assert not any(
        {row["one_customer"], row["other_customer"]} == {first["core:C2"], first["cards:K2"]}
        for row in questions(merged).to_pylist()
    ), "what is decided is not asked again"
    decide(home, tmp_path, "D2", "cards:K2", "core:C2", "different", LATER)
    undone = look(home, LATER)
    assert who(undone) == first
    assert happenings(undone, first["cards:K2"])[-1].kind == "split"
    assert happenings(undone, first["cards:K2"])[-1].decision_id == "D2"
    assert undone.as_of(DAY).tolist() == register_of(home).customer.tolist()
    assert undone.as_of(NEXT).tolist() == merged.customer.tolist()


def test_records_with_one_document_can_be_told_apart(home: Home, look: Look, tmp_path: Path) -> None:
    put(
        tmp_path / "more", "parties/more.csv", HEADER,
        "cards,K4,欧阳静,passport,E12345678,1970-06-07,13600136000,,female,2010-01-01",
    )  # fmt: skip
    load_into(home, tmp_path / "more")
    together = who(look(home, DAY))
    assert together["cards:K4"] == together["core:C4"]
    count = home.counts().customers
    decide(home, tmp_path, "D1", "cards:K4", "core:C4", "different", NEXT)
    apart = look(home, NEXT)
    assert who(apart)["core:C4"] == together["core:C4"], "the first record keeps the number"
    assert who(apart)["cards:K4"] == count == home.counts().customers - 1, "the other gets a new one"
    decide(home, tmp_path, "D2", "cards:K4", "core:C4", "same", LATER)
    again = look(home, LATER)
    assert who(again) == together
    put(tmp_path / "new", "parties/new.csv", HEADER, "core,C7,新客户,passport,E99999999,,,,,2024-01-01")
    load_into(home, tmp_path / "new")
    assert who(look(home, LATER))["core:C7"] == count + 1, "a number once given out is not given again"


def test_one_more_source_renumbers_nobody(home: Home, look: Look, tmp_path: Path) -> None:
    before = who(look(home, DAY))
    put(
        tmp_path / "more", "parties/partner.csv", HEADER,
        "partner,P1,张建国,,,1949-12-31,13800138000,深圳市南山区科技路1号明珠花园1203,,2023-01-01",
        "partner,P2,诸葛新,,,,13500135000,,,2023-01-01",
    )  # fmt: skip
    load_into(home, tmp_path / "more")
    after = who(look(home, NEXT))
    assert {name: after[name] for name in before} == before
    assert after["partner:P1"] == before["core:C1"]
    assert after["partner:P2"] not in before.values()


def test_a_changed_record_is_compared_again(home: Home, look: Look, tmp_path: Path) -> None:
    first = who(look(home, DAY))
    put(
        tmp_path / "2", "parties/2.csv", HEADER,
        "mobile,M1,张建设,,,1962-04-09,15500155000,,female,2015-03-01",
    )  # fmt: skip
    load_into(home, tmp_path / "2")
    second = look(home, NEXT)
    assert who(second)["mobile:M1"] == register_of(home).loaded[1] != first["core:C1"]
    assert happenings(second, first["core:C1"])[-1].kind == "split"


def test_a_changed_record_gives_the_same_as_looking_at_all_at_once(tmp_path: Path, look: Look) -> None:
    step = Home.create(tmp_path / "step")
    load_into(step, base(tmp_path / "files", PEOPLE[:4]))
    look(step, DAY)
    put(tmp_path / "rest", "parties/rest.csv", HEADER, *PEOPLE[4:])
    load_into(step, tmp_path / "rest")
    load_into(step, base(tmp_path / "files", PEOPLE[:4]))
    in_steps = who(look(step, NEXT))
    whole = Home.create(tmp_path / "whole")
    load_into(whole, base(tmp_path / "files2"))
    at_once = who(look(whole, DAY))
    assert partition(in_steps) == partition(at_once)


def partition(found: dict[str, int]) -> set[frozenset[str]]:
    groups: dict[int, set[str]] = {}
    for name, customer in found.items():
        groups.setdefault(customer, set()).add(name)
    return {frozenset(group) for group in groups.values()}


@pytest.fixture(scope="module")
def plain(register_bank: Path, tmp_path_factory: pytest.TempPathFactory) -> set[frozenset[str]]:
    """Who is who in the bank as it is handed over plainly."""
    path = tmp_path_factory.mktemp("plain") / "home"
    shutil.copytree(register_bank, path)
    return partition(who(update_register(Home.open(path), DAY, SilentProgress())))


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.sampled_from(list(permutations(range(len(PEOPLE))))), cut=st.integers(1, len(PEOPLE) - 1))
def test_order_and_repeated_files_never_change_who_is_who(
    tmp_path: Path, plain: set[frozenset[str]], look: Look, order: tuple[int, ...], cut: int
) -> None:
    folder = tmp_path / "again"
    shutil.rmtree(folder, ignore_errors=True)
    mixed = Home.create(folder / "mixed")
    lines = [PEOPLE[at] for at in order]
    put(folder / "mixed-files", "parties/1.csv", HEADER, *lines[:cut])
    # the second file brings the rest, and the first part once more
    put(folder / "mixed-files", "parties/2.csv", HEADER, *lines[cut:], *lines[:cut])
    load_into(mixed, folder / "mixed-files")
    assert partition(who(look(mixed, DAY))) == plain


def test_a_killed_step_leaves_what_was_there(
    home: Home, look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look(home, DAY)
    before = digest(home.path)
    decide(home, tmp_path, "D1", "core:C2", "cards:K2", "same", NEXT)
    decided = digest(home.path)
    assert decided != before
    monkeypatch.setattr("quanke.customers.register.update.queue_table", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        look(home, NEXT)
    assert digest(home.path) == decided
    monkeypatch.undo()
    now = who(look(home, NEXT))
    assert now["core:C2"] == now["cards:K2"]


def test_a_decision_is_taken_down_only_about_known_records(home: Home, look: Look) -> None:
    at = dt.datetime(2024, 2, 1, 9, 30)
    with pytest.raises(InputError, match="no record of that number") as refused:
        take_down(home, ("core", "C2"), ("cards", "SECRET"), same=True, by="S1", at=at)
    assert "SECRET" not in str(refused.value)
    with pytest.raises(InputError, match="the same record"):
        take_down(home, ("core", "C2"), ("core", "C2"), same=True, by="S1", at=at)
    with pytest.raises(InputError, match="who decides"):
        take_down(home, ("core", "C2"), ("cards", "K2"), same=True, by=" ", at=at)
    number = take_down(home, ("core", "C2"), ("cards", "K2"), same=True, by="S1", reason="见原件", at=at)
    assert happenings(look(home, NEXT), who(register_of(home))["core:C2"])[-1].decision_id == number


def test_a_model_is_learnt_once_when_there_are_enough_records_and_then_pinned(
    home: Home, look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pinned() -> tuple[int, float]:
        model = IdentityModel.from_json((home.path / "identity/model.json").read_text(encoding="utf-8"))
        return model.trained_on, model.link

    learnt = iter((0.97, 0.98))
    monkeypatch.setattr(
        "quanke.customers.identity.train",
        lambda _: replace(default_model(), trained_on=9, link=next(learnt)),
    )
    first = who(look(home, DAY))
    assert pinned() == (0, default_model().link), "few records: the model that ships"
    monkeypatch.setattr("quanke.customers.register.update.ENOUGH", 8)
    for number, day in enumerate((NEXT, LATER)):
        put(
            tmp_path / f"more{number}", f"parties/more{number}.csv", HEADER,
            f"core,N{number},新客户,passport,E7777777{number},,,,,2024-01-01",
        )  # fmt: skip
        load_into(home, tmp_path / f"more{number}")
        now = who(look(home, day))
        assert pinned() == (9, 0.97), "learnt when there are enough, and not again"
        assert {name: now[name] for name in first} == first


def deliver(home: Home, folder: Path, name: str, *lines: str) -> None:
    """A delivery of the whole table under one name: a later one takes the place of an earlier one."""
    shutil.rmtree(folder / name, ignore_errors=True)
    put(folder / name, "parties/whole.csv", HEADER, *lines)
    assert load_into(home, folder / name).errors == []


NUMBER = "440305198802032036"
ID = f"resident_id,{NUMBER}"


def record(
    source: str, document: str = ",", name: str = "欧阳明", rest: str = "1988-02-03,13500135000"
) -> str:
    return f"{source},{source}1,{name},{document},{rest},,male,2020-01-01"


def test_the_centre_of_a_star_may_change_without_parting_the_others(tmp_path: Path, look: Look) -> None:
    home = Home.create(tmp_path / "home")
    sources = ("core", "cards", "mobile")
    for lost in sources:
        deliver(home, tmp_path, "all", *(record(s, ID) for s in sources))
        look(home, DAY)
        deliver(home, tmp_path, "one", *(record(s, "," if s == lost else ID) for s in sources))
        found = partition(who(look(home, NEXT)))
        shutil.rmtree(home.path / "identity")
        assert partition(who(look(home, NEXT))) == found, "in steps as all at once"
        assert len(found) == 1


def test_a_record_that_becomes_somebody_else_is_not_kept_by_history(tmp_path: Path, look: Look) -> None:
    home = Home.create(tmp_path / "home")
    deliver(home, tmp_path, "1", record("core", ID), record("cards", ID))
    assert len(partition(who(look(home, DAY)))) == 1
    other = "resident_id,440301197501011012"
    deliver(
        home, tmp_path, "2", record("core", ID), record("cards", other, "李小龙", "1975-01-01,13900139000")
    )
    register = look(home, NEXT)
    assert len(partition(who(register))) == 2, "two valid documents are two people"
    assert [row["outcome"] for row in questions(register).to_pylist()] == ["review"]


def test_who_is_left_keeps_number_and_decisions_when_a_record_goes(tmp_path: Path, look: Look) -> None:
    home = Home.create(tmp_path / "home")
    lines = [record("core", ID), record("cards", ID), record("mobile", ",", "完全不同", "1960-01-01,")]
    deliver(home, tmp_path, "1", *lines)
    decide(home, tmp_path, "D1", "core:core1", "mobile:mobile1", "same", DAY)
    first = who(look(home, DAY))
    assert len(set(first.values())) == 1
    deliver(home, tmp_path, "1", *lines[1:2])
    assert who(look(home, NEXT)) == first
    deliver(home, tmp_path, "1", *lines)
    assert who(look(home, LATER)) == first


def test_a_decision_that_others_stand_against_is_asked_again(home: Home, look: Look, tmp_path: Path) -> None:
    decide(home, tmp_path, "D1", "core:C2", "cards:K2", "same", DAY)
    decide(home, tmp_path, "D2", "cards:K2", "mobile:M9", "same", DAY)
    decide(home, tmp_path, "D3", "core:C2", "mobile:M9", "different", DAY)
    register = look(home, DAY)
    found = who(register)
    assert found["core:C2"] != found["mobile:M9"]
    asked = [row for row in questions(register).to_pylist() if row["outcome"] == "contradiction"]
    assert len(asked) == 1 and asked[0]["why"] == "other decisions stand against it"


def test_every_decision_can_be_taken_down(home: Home, look: Look) -> None:
    """Whatever its number: five of these hold eight digits in a row, as a file's business date would."""
    look(home, DAY)
    numbers = []
    for second in (3, 4, 28, 39, 45, 46, 47):
        at = dt.datetime(2024, 2, 1, 9, 30, second)
        numbers.append(take_down(home, ("core", "C2"), ("cards", "K2"), same=second % 2 == 1, by="S1", at=at))
    assert sum(re.search(r"(?<!\d)\d{8}(?!\d)", number) is not None for number in numbers) == 5
    now = who(look(home, NEXT))
    assert now["core:C2"] == now["cards:K2"], "the last word counts"
