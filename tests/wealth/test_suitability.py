"""SUI-1..5 with their vectors, one by one and over everybody."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quanke.kernel.errors import SuitabilityError
from quanke.wealth.suitability import (
    SUITABILITY_CODES,
    Investor,
    Offered,
    SaleFacts,
    Suitability,
    Verdict,
    assessment_allowed,
    assessment_valid,
    assessments_from,
    class_in_force,
    holders_to_tell,
    recording_kept_until,
    sale_accepted,
)

DAY = dt.date(2026, 6, 30)
OLD = dt.date(2026, 1, 31)
NOW = Suitability.on(DAY)


def investor(**changed: object) -> Investor:
    usual: dict[str, object] = {"risk_class": 3, "assessed_on": dt.date(2026, 1, 5), "age": 40}
    return Investor(**{**usual, **changed})  # type: ignore[arg-type]


def rule(
    who: Investor, risk: int | None, day: dt.date = DAY, sale: SaleFacts | None = None, **more: int
) -> str:
    return Suitability.on(day).judge(who, Offered(risk=risk, **more), sale).rule.id  # type: ignore[arg-type]


AWAY = SaleFacts(agreed_in_writing=True)
HERE = SaleFacts(face_to_face=True, at_branch=True)


@pytest.mark.parametrize(
    ("who", "risk", "sale", "said"),
    [
        ({}, 3, AWAY, "SUI.pass"),
        ({}, 4, AWAY, "SUI-1.risk"),
        ({"risk_class": None}, 1, AWAY, "SUI-1.unknown_class"),
        ({"assessed_on": None}, 1, AWAY, "SUI-1.unknown_class"),
        ({"assessed_on": dt.date(2025, 6, 29)}, 1, AWAY, "SUI-2.expired"),
        ({"assessed_on": dt.date(2026, 7, 1)}, 1, AWAY, "SUI-2.expired"),
        ({}, None, AWAY, "SUI-1.unknown_product"),
        ({"age": 7}, 1, AWAY, "SUI-1.capacity"),
        ({"age": 8}, 1, AWAY, "SUI-1.unknown_consent"),
        ({"age": 8, "guardian_agrees": True}, 1, AWAY, "SUI.pass"),
        ({"age": 8, "guardian_agrees": False}, 1, AWAY, "SUI-1.guardian"),
        ({"age": 17, "guardian_agrees": True, "own_wages": False}, 2, AWAY, "SUI-1.guardian"),
        ({"age": 17, "own_wages": None, "guardian_agrees": True}, 2, AWAY, "SUI-1.unknown_consent"),
        ({"age": 16, "own_wages": True}, 3, AWAY, "SUI.pass"),
        ({"age": 15, "own_wages": True}, 3, AWAY, "SUI-1.guardian"),
        ({"age": 18}, 3, AWAY, "SUI.pass"),
        ({"age": None}, 1, AWAY, "SUI-1.unknown_age"),
        ({"age": 65, "risk_class": 5}, 4, HERE, "SUI-3.elder"),
        ({"age": 65, "risk_class": 5}, 4, AWAY, "SUI-3.elder_away"),
        ({"age": 64, "risk_class": 5}, 4, AWAY, "SUI.pass"),
        ({"age": 65, "risk_class": 5}, 3, AWAY, "SUI.pass"),
        ({"risk_class": 5}, 4, SaleFacts(), "SUI-3.branch"),
        ({"first_assessment_at_branch": None}, 1, AWAY, "SUI-3.branch"),
        ({"confirmed": False}, 1, AWAY, "SUI-2.changed"),
        ({"investable": 100}, 2, SaleFacts(amount=80), "SUI.pass"),
        ({"investable": 100}, 2, SaleFacts(amount=81), "SUI-1.cost"),
        ({"investable": 100}, 1, SaleFacts(amount=100), "SUI.pass"),
        ({}, 2, SaleFacts(amount=1), "SUI-1.unknown_means"),
        ({"income": 2_400_000}, 1, SaleFacts(instalment=480_000), "SUI.pass"),
        ({"income": 2_400_000}, 1, SaleFacts(instalment=480_001), "SUI-1.cost"),
        ({"income": 2_399_999}, 1, SaleFacts(instalment=1), "SUI-1.cost"),
    ],
)
def test_each_rule(who: dict[str, object], risk: int | None, sale: SaleFacts, said: str) -> None:
    assert rule(investor(**who), risk, sale=sale) == said


def test_the_graver_verdict_decides_and_all_are_told() -> None:
    decision = NOW.judge(investor(age=None), Offered(risk=4), SaleFacts())
    assert [f.rule.id for f in decision.findings] == ["SUI-1.risk", "SUI-1.unknown_age", "SUI-3.branch"]
    assert decision.verdict is Verdict.BLOCK and not decision.allowed
    record = decision.record()
    assert record["version"] == "2026-02-01" and record["on"] == "2026-06-30"
    assert record["inputs"]["risk"] == 4  # type: ignore[index]
    assert "高于" in decision.zh and "above" in decision.en


def test_the_higher_of_two_ratings_counts_from_february_2026() -> None:
    assert rule(investor(), 3, sale=AWAY, issuer_risk=4) == "SUI-1.risk"
    assert rule(investor(), 4, sale=AWAY, issuer_risk=2) == "SUI-1.risk"
    before = investor(assessed_on=dt.date(2025, 6, 1))
    assert rule(before, 3, OLD, AWAY, issuer_risk=4) == "SUI.pass"
    assert rule(before, 4, OLD, AWAY) == "SUI-1.risk"


def test_older_rules_before_the_measures() -> None:
    child = investor(assessed_on=dt.date(2025, 6, 1), age=7, investable=1)
    assert rule(child, 2, OLD, SaleFacts(amount=100)) == "SUI.pass"
    assert rule(child, 2, dt.date(2026, 2, 1), SaleFacts(amount=100)) == "SUI-1.capacity"
    assert Suitability.on(OLD).version < Suitability.on(dt.date(2026, 2, 1)).version == dt.date(2026, 2, 1)


def test_an_assessment_holds_through_its_corresponding_day() -> None:
    made = dt.date(2025, 3, 1)
    assert assessment_valid(made, dt.date(2026, 3, 1)) is True
    assert assessment_valid(made, dt.date(2026, 3, 2)) is False
    assert assessment_valid(dt.date(2024, 2, 29), dt.date(2025, 2, 28)) is True
    assert assessment_valid(dt.date(2024, 2, 29), dt.date(2025, 3, 1)) is False
    assert assessment_valid(None, DAY) is None


def test_two_assessments_a_day_and_eight_in_twelve_months() -> None:
    assert assessment_allowed([DAY], DAY).allowed
    twice = assessment_allowed([DAY, DAY], DAY)
    assert twice.verdict is Verdict.BLOCK and twice.rule.id == "SUI-2.count"
    assert assessments_from([DAY, DAY], DAY) == DAY + dt.timedelta(1)
    eight = [dt.date(2025, 10, 1), *(dt.date(2026, 3, d) for d in range(1, 8))]
    assert assessment_allowed(eight[:7], DAY).allowed
    assert not assessment_allowed(eight, DAY).allowed
    assert assessments_from(eight, DAY) == dt.date(2026, 10, 1)
    assert assessment_allowed(eight, dt.date(2026, 10, 1)).allowed
    # what is dated later has not happened yet
    assert assessment_allowed([DAY + dt.timedelta(5)] * 9, DAY).allowed


@given(st.lists(st.dates(dt.date(2025, 6, 1), dt.date(2026, 12, 31)), max_size=14))
def test_the_day_told_is_the_first_allowed(days: list[dt.date]) -> None:
    first = assessments_from(days, DAY)
    known = [d for d in days if d <= DAY]
    assert first >= DAY and assessment_allowed(known, first).allowed
    between = (first - DAY).days
    assert not any(assessment_allowed(known, DAY + dt.timedelta(d)).allowed for d in range(between))


def test_a_changed_class_waits_for_the_customer_and_the_lower_holds() -> None:
    for before, after, confirmed, holds, allowed in [
        (3, 5, None, 3, False),
        (3, 5, False, 3, False),
        (5, 3, None, 3, False),
        (3, 5, True, 5, True),
        (3, 3, None, 3, True),
        (None, 4, None, 4, True),
    ]:
        found, decision = class_in_force(before, after, confirmed, DAY)
        assert (found, decision.allowed) == (holds, allowed)
        assert allowed or decision.verdict is Verdict.REVIEW


def test_a_sale_in_the_sales_area_needs_a_recording() -> None:
    passed = NOW.judge(investor(), Offered(risk=2), HERE)
    assert sale_accepted(passed, in_sales_area=True, recording_id="V1").allowed
    assert sale_accepted(passed, in_sales_area=False, recording_id=None).allowed
    for missing in (None, "", "  "):
        refused = sale_accepted(passed, in_sales_area=True, recording_id=missing)
        assert refused.rule.id == "SUI-4.recording" and not refused.allowed
    blocked = NOW.judge(investor(), Offered(risk=5), HERE)
    assert sale_accepted(blocked, in_sales_area=True, recording_id="V1").rule.id == "SUI-1.risk"
    assert recording_kept_until(dt.date(2026, 8, 31)) == dt.date(2027, 2, 28)
    assert recording_kept_until(None) is None


def test_an_elder_has_time_to_think_and_is_called_back() -> None:
    judged = NOW.judge(investor(age=70, risk_class=5), Offered(risk=4), HERE)
    assert judged.verdict is Verdict.WARN and judged.allowed
    told = dt.datetime(2026, 6, 29, 10)
    whole = {"in_sales_area": True, "recording_id": "V1", "warned_at": told, "called_back": True}
    assert sale_accepted(judged, at=told + dt.timedelta(hours=24), **whole).allowed  # type: ignore[arg-type]
    early = sale_accepted(judged, at=told + dt.timedelta(hours=23, minutes=59), **whole)  # type: ignore[arg-type]
    assert early.rule.id == "SUI-3.thinking"
    silent = sale_accepted(judged, in_sales_area=True, recording_id="V1")
    assert {f.rule.id for f in silent.findings} == {"SUI-3.thinking", "SUI-3.call_back"}


def test_holders_are_told_of_a_new_rating() -> None:
    told, unsuitable = holders_to_tell([2, 3, 4], [2, 4, 3], [0, 1, 1, 2, 2], [1, 3, 4, 2, 0])
    assert told.tolist() == [False, True, True, True, True]
    assert unsuitable.tolist() == [False, True, False, True, True]


def _drawn(seed: int, n: int, p: int) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(seed)
    return {
        "risk_class": draw.integers(0, 6, n).astype(np.int8),
        "valid": draw.random(n) < 0.8,
        "age": draw.choice([-1, 0, 7, 8, 15, 16, 17, 18, 40, 64, 65, 90], n).astype(np.int16),
        "guardian": draw.random(n) < 0.5,
        "own_wages": draw.random(n) < 0.5,
        "product_risk": draw.integers(0, 6, p).astype(np.int8),
        "issuer_risk": draw.integers(0, 6, p).astype(np.int8),
        "on_sale": draw.random(p) < 0.8,
        "in_list": draw.random(p) < 0.8,
    }


@pytest.mark.parametrize("face_to_face", [True, False])
@pytest.mark.parametrize("day", [DAY, OLD])
def test_the_matrix_says_what_judge_says(face_to_face: bool, day: dt.date) -> None:
    drawn, rules = _drawn(7, 400, 25), Suitability.on(day)
    found = rules.matrix(face_to_face=face_to_face, **drawn)  # type: ignore[arg-type]
    assert found.shape == (400, 25) and found.dtype == np.int8
    assert set(np.unique(found)) >= {0, 1, 2, 5, 6, 8, 9}
    for i in range(400):
        who = Investor(
            risk_class=int(drawn["risk_class"][i]) or None,
            assessed_on=day if drawn["valid"][i] else dt.date(2020, 1, 1),
            age=None if drawn["age"][i] < 0 else int(drawn["age"][i]),
            guardian_agrees=bool(drawn["guardian"][i]),
            own_wages=bool(drawn["own_wages"][i]),
        )
        for j in range(25):
            what = Offered(
                risk=int(drawn["product_risk"][j]) or None,
                issuer_risk=int(drawn["issuer_risk"][j]) or None,
                on_sale=bool(drawn["on_sale"][j]),
                in_list=bool(drawn["in_list"][j]),
            )
            sale = SaleFacts(face_to_face=face_to_face, agreed_in_writing=True)
            decision = rules.judge(who, what, sale)
            assert (found[i, j] == 0) == decision.allowed
            if found[i, j]:
                assert SUITABILITY_CODES[found[i, j]].id == decision.rule.id or who.risk_class is None


def test_a_higher_class_is_never_allowed_less() -> None:
    drawn = _drawn(11, 300, 20) | {"issuer_risk": np.zeros(20, np.int8)}
    allowed = []
    for risk_class in range(1, 6):
        drawn["risk_class"] = np.full(300, risk_class, np.int8)
        allowed.append(NOW.matrix(face_to_face=True, **drawn) == 0)  # type: ignore[arg-type]
    assert all((higher | ~lower).all() for lower, higher in pairwise(allowed))
    assert allowed[4].sum() > allowed[0].sum() > 0


def test_nobody_and_nothing_are_no_trouble() -> None:
    none = np.zeros(0, np.int8)
    one, yes = np.array([3], np.int8), np.array([True])
    assert NOW.matrix(none, none.astype(bool), none.astype(np.int16), None, True, one).shape == (0, 1)
    assert NOW.matrix(one, yes, np.array([40], np.int16), None, True, none).shape == (1, 0)


def test_what_cannot_be_is_refused_without_its_value() -> None:
    with pytest.raises(SuitabilityError, match="risk_class") as caught:
        investor(risk_class=97)
    assert "97" not in str(caught.value)
    with pytest.raises(SuitabilityError, match="product_risk"):
        NOW.matrix(np.array([1]), np.array([True]), np.array([40]), None, True, np.array([6]))
    with pytest.raises(SuitabilityError, match="age"):
        NOW.matrix(np.array([1]), np.array([True]), np.array([40, 41]), None, True, np.array([1]))
