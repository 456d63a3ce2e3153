from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quanke.books import DEFAULT_MATRIX, ServiceMatrix, ServiceStandard, matrix_definitions, read_matrix
from quanke.books.matrix import OccasionRules
from quanke.customers import STAGES
from quanke.kernel.errors import DefinitionError
from quanke.segments import DEFAULT_SCHEME, Dated
from tests.catalogue.bank import Bank, day

ON = dt.date(2026, 6, 30)
ALL = ServiceStandard(name="all", title_zh="全部", title_en="All", care="digital", channels=("push",))


def row(name: str, **given: Any) -> ServiceStandard:
    plain = {"title_zh": "某", "title_en": "Some", "care": "post", "role": "wealth_manager"}
    return ServiceStandard(name=name, **{**plain, "contact_days": 30, "channels": ("call",), **given})


@pytest.mark.parametrize(
    ("tier", "role", "days"),
    [
        ("private", "private_banker", 31),
        ("wealth", "wealth_adviser", 31),
        ("affluent", "wealth_manager", 92),
        ("core", "customer_manager", 184),
        ("online", "", None),
    ],
)
def test_the_default_is_that_of_the_rule_book(tier: str, role: str, days: int | None) -> None:
    found = DEFAULT_MATRIX.standard(tier, "active", ON)
    assert (found.role, found.contact_days) == (role, days)
    assert found.care == ("post" if role else "digital")


def test_who_is_at_risk_gets_a_person() -> None:
    for tier in DEFAULT_SCHEME.names:
        usual, risky = (DEFAULT_MATRIX.standard(tier, s, ON) for s in ("active", "at_risk"))
        assert risky.care != "digital" and risky.contact_days is not None
        assert usual.contact_days is None or risky.contact_days < usual.contact_days


def test_the_most_specific_row_decides() -> None:
    rows = (ALL, row("wealth", tiers=("wealth",)), row("both", tiers=("wealth",), stages=("new",)))
    matrix = ServiceMatrix(rows=(*rows, row("far", tiers=("wealth",), stages=("new",), clusters=("k3",))))
    assert matrix.standard("core", "new", ON).name == "all"
    assert matrix.standard("wealth", "active", ON).name == "wealth"
    assert matrix.standard("wealth", "new", ON).name == "both"
    assert matrix.standard("wealth", "new", ON, "k3").name == "far"
    assert matrix.standard("wealth", "new", ON, "k4").name == "both"


def test_ties_and_holes_are_refused() -> None:
    with pytest.raises(
        ValueError, match="the rows wealth and fresh say as much about tier wealth, stage new"
    ):
        ServiceMatrix(rows=(ALL, row("wealth", tiers=("wealth",)), row("fresh", stages=("new",))))
    with pytest.raises(ValueError, match="no row of the service matrix is for tier online"):
        ServiceMatrix(rows=(row("wealth", tiers=("wealth",)),))
    with pytest.raises(ValueError, match=r"no row .* on 2027-01-01"):
        ServiceMatrix(rows=(replace(ALL, until=dt.date(2027, 1, 1)),))
    later = dt.date(2027, 1, 1)
    parted = ServiceMatrix(rows=(replace(ALL, until=later), replace(ALL, name="later", since=later)))
    assert parted.standard("core", "new", ON).name == "all"
    assert parted.standard("core", "new", later).name == "later"


@pytest.mark.parametrize(
    "wrong",
    [
        {"care": "friend"},
        {"channels": ()},
        {"channels": ("call", "call")},
        {"channels": ("pigeon",)},
        {"role": "teller"},
        {"role": ""},
        {"contact_days": None},
        {"contact_days": 0},
        {"stages": ("asleep",)},
        {"care": "digital"},
        {"until": dt.date(1800, 1, 1)},
    ],
    ids=str,
)
def test_a_row_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        row("wrong", **wrong)


_SOME = st.lists(st.sampled_from(DEFAULT_SCHEME.names), max_size=2, unique=True).map(tuple)
_STAGE = st.lists(st.sampled_from(sorted(STAGES)), max_size=2, unique=True).map(tuple)
_CLUSTER = st.lists(st.sampled_from(["k0", "k1"]), max_size=1).map(tuple)


@given(st.lists(st.tuples(_SOME, _STAGE, _CLUSTER), max_size=5))
def test_a_matrix_that_is_built_decides_for_everybody(keys: list[tuple[Any, Any, Any]]) -> None:
    rows = [row(f"r{i}", tiers=t, stages=s, clusters=c) for i, (t, s, c) in enumerate(keys)]
    try:
        matrix = ServiceMatrix(rows=(ALL, *rows))
    except ValueError:
        return
    for tier in DEFAULT_SCHEME.names:
        for stage in STAGES:
            for cluster in ("", "k0", "k1", "k9"):
                fits = [r for r in matrix.rows if r.fits(tier, cluster, stage, ON)]
                best = max(fits, key=lambda r: r.specificity)
                assert matrix.standard(tier, stage, ON, cluster) == best
                assert [r.specificity for r in fits].count(best.specificity) == 1


def tagged(bank: Bank, *names: str, on: str = "2026-06-30") -> tuple[Any, ...]:
    told = bank.night(on, names)
    return tuple(told[name][0] for name in names)


def holding(amount: float) -> Bank:
    return (
        Bank().person().account(opened_on="2020-01-01").balance(("2020-01-01", amount)).move("2026-06-01", 1)
    )


def test_tags_say_what_the_matrix_says() -> None:
    names = ("service_cell", "service_care", "service_role", "service_grade", "service_contact_days")
    assert tagged(holding(300_000), *names) == ("affluent", "post", "wealth_manager", "初级", 92)
    assert tagged(holding(100), *names) == ("online", "digital", None, None, None)
    assert tagged(holding(300_000), "service_channels") == ("call,wecom,visit",)
    dead = Bank().person(deceased=True).account(opened_on="2020-01-01").balance(("2020-01-01", 300_000))
    assert tagged(dead, *names, "covered_by") == (None,) * 6


def test_covered_by_says_who_or_leaves_a_gap() -> None:
    def owned(**given: Any) -> Bank:
        return holding(300_000).add(
            "ownership", duty="primary", post_id="P1", from_date="2026-01-01", **given
        )

    assert tagged(holding(300_000), "covered_by") == (None,)
    assert tagged(holding(100), "covered_by") == ("digital",)
    assert tagged(owned(), "covered_by") == ("post",)
    assert tagged(owned(care="team"), "covered_by") == ("team",)
    assert tagged(owned(to_date="2026-06-30"), "covered_by") == (None,)
    assert tagged(owned(to_date="2026-07-01"), "covered_by") == ("post",)


def test_figures_of_the_matrix() -> None:
    from decimal import Decimal

    bank = Bank()
    for n, amount in enumerate((300_000, 100, 300_000, 300_000)):
        bank.person(n).account(n, opened_on="2020-01-01", account=n).move("2026-06-01", 1, customer=n)
        bank.balance(("2020-01-01", amount), customer=n, account=n)
    bank.add("ownership", 2, duty="primary", post_id="P1", from_date="2026-01-01")
    bank.person(4, deceased=True)
    # of four in scope one is digital and one has a post; of three with a rhythm one is late
    told = bank.figures("2026-06-30", ["covered_rate", "service_on_time_rate"])
    assert told == {"covered_rate": Decimal("0.5"), "service_on_time_rate": Decimal("0.666667")}


def test_contact_is_due_by_the_rhythm() -> None:
    bank = holding(300_000).add("ownership", duty="primary", post_id="P1", from_date="2026-03-01")
    names = ("contact_due_on", "contact_due_for", "contact_overdue_days")
    assert tagged(bank, *names) == (day("2026-06-01"), "rhythm", 29)
    assert tagged(holding(300_000), *names) == (day("2026-09-30"), "rhythm", 0)
    assert tagged(holding(10), *names) == (None, None, None)


def test_a_visit_is_due_an_answer_until_it_has_one() -> None:
    bank = holding(300_000).add("ownership", duty="primary", post_id="P1", from_date="2026-06-01")
    bank.add("channel_events", kind="ticket", date="2026-07-02")
    names = ["visit_due_on", "visit_due_on_since", "contact_due_on", "contact_due_for"]
    names += ["last_visit_on", "as_of_day", "contact_overdue_days"]
    days = ["2026-07-01", "2026-07-02", "2026-07-03", "2026-07-08", "2026-07-09"]
    bank.add("contacts", means="visit", evidence=True, connected=True, seconds=60, outcome="served",
             date="2026-07-09")  # fmt: skip
    told = bank.nights(days, names)
    # Thursday plus three days of the week is Tuesday
    due = day("2026-07-07")
    assert [n["visit_due_on"][0] for n in told] == [None, due, due, due, None]
    assert [n["contact_due_for"][0] for n in told] == ["rhythm", "visit", "visit", "visit", "rhythm"]
    assert [n["contact_overdue_days"][0] for n in told] == [0, 0, 0, 1, 0]


@pytest.mark.parametrize(
    ("on", "due"),
    [
        ("2026-06-29", "2026-07-01"),
        ("2026-07-02", "2026-07-06"),
        ("2026-07-03", "2026-07-07"),
        ("2026-07-04", "2026-07-07"),
        ("2026-07-05", "2026-07-07"),
    ],
)
def test_days_of_the_week_are_counted(on: str, due: str) -> None:
    bank = holding(300_000).balance(("2020-01-01", 300_000), (on, 200_000), account=1)
    bank.tables["balances"] = [
        b for b in bank.tables["balances"] if not (b["account"] == 1 and b["date"] == day("2020-01-01"))
    ]
    assert tagged(bank, "large_outflow", "outflow_due_on", on=on) == (True, day(due))


def test_a_new_customer_is_welcomed_within_seven_days() -> None:
    bank = Bank().person().account(opened_on="2026-06-20").balance(("2026-06-20", 300_000))
    assert tagged(bank, "newcomer_due_on", "contact_due_for") == (day("2026-06-27"), "newcomer")
    bank.add("contacts", means="ticket", date="2026-06-21", evidence=True)
    assert tagged(bank, "newcomer_due_on", "contact_due_for") == (None, "rhythm")


def test_rows_hold_between_days_also_as_tags() -> None:
    from quanke.customers import STANDARD_TAGS
    from quanke.engines.memory.judge import evaluate
    from quanke.language import Catalogue
    from quanke.segments import tier_definitions

    later = dt.date(2026, 7, 1)
    matrix = ServiceMatrix(
        rows=(replace(ALL, until=later), row("person", since=later)),
        occasions=OccasionRules(newcomer_days=Dated.of(7).then(later, 3)),
    )
    catalogue = Catalogue((*STANDARD_TAGS, *tier_definitions(), *matrix_definitions(matrix)))
    bank = holding(100)
    told = [
        evaluate(catalogue.needed(["service_cell"]), bank.tables, on, None)["service_cell"][0]
        for on in (ON, later)
    ]
    assert told == ["all", "person"]


GOOD = """
occasions:
  newcomer_days: {1900-01-01: 7, 2027-01-01: 5}
rows:
  - {name: all, title_zh: 全部, title_en: All, care: digital, channels: [push]}
  - name: rich
    title_zh: 富
    title_en: Rich
    tiers: [wealth, private]
    clusters: [k2]
    care: post
    role: private_banker
    grade: 高级
    contact_days: 20
    channels: [visit]
    since: 2026-01-01
"""


def test_a_bank_writes_its_own(tmp_path: Path) -> None:
    path = tmp_path / "service-matrix.yaml"
    path.write_text(GOOD, encoding="utf-8")
    matrix = read_matrix(path)
    assert matrix.standard("wealth", "new", ON, "k2").contact_days == 20
    assert matrix.standard("wealth", "new", ON).name == "all"
    assert matrix.occasions.newcomer_days.on(dt.date(2027, 1, 1)) == 5


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("care: post", "care: friend", 6, "care is one of"),
        ("contact_days: 20", "contact_days: often", 14, "contact_days is a whole number"),
        ("tiers: [wealth, private]", "tiers: [golden]", 5, "a tier is one of"),
        ("    grade: 高级", "    star: 5", 13, "'star' is none of"),
        ("since: 2026-01-01", "since: soon", 16, "a day is written"),
        ("channels: [push]}", "}", 5, "the row has no channels"),
        ("newcomer_days: {1900-01-01: 7", "newcomer_days: {1900-01-01: 700", 3, "newcomer_days is 1 to 60"),
        ("rows:", "lines:", 4, "'lines' is none of"),
        ("title_en: All, ", "title_en: All, tiers: [core], ", 5, "no row of the service matrix is for"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, said: str
) -> None:
    path = tmp_path / "service-matrix.yaml"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(DefinitionError) as told:
        read_matrix(path)
    assert said in str(told.value) and f"service-matrix.yaml:{line}" in str(told.value)
