"""Tables of advice: what is sold at the counter needs its recording (SUI-4); amounts and classes hold."""

from __future__ import annotations

from pathlib import Path

from quanke.bank.home import Home
from tests.bank.small_bank import base, load_into, put, refused, rows

SALES = "sale_id,source,party_id,product_id,date,amount,channel,recording_id"


def test_a_sale_at_the_counter_without_recording_is_not_accepted(tmp_path: Path) -> None:
    home, given = Home.create(tmp_path / "home"), base(tmp_path / "given")
    put(
        given,
        "sales.csv",
        SALES,
        "S1,core,1,F1,2026-03-02,100.00,counter,V1",
        "S2,core,1,F1,2026-03-02,100.00,counter,",
        "S3,core,2,F1,2026-03-02,100.00,mobile,",
        "S4,core,2,F1,2026-03-02,100.00,lobby,  ",
        "S5,core,2,F1,2026-03-02,0.00,mobile,",
    )
    load_into(home, given)
    assert rows(home, "sales", "sale_id") == [("S1",), ("S3",)]
    told = [(row, field, rule) for _, row, field, rule, _ in refused(home, "sales")]
    assert told == [
        (2, "recording_id", "required_where"),
        (4, "recording_id", "required_where"),
        (5, "amount", "positive"),
    ]


def test_an_assessment_names_a_class_there_is(tmp_path: Path) -> None:
    home, given = Home.create(tmp_path / "home"), base(tmp_path / "given")
    head = "assessment_id,source,party_id,date,risk_class"
    put(given, "risk_assessments.csv", head, "R1,core,1,2026-03-01,C3", "R2,core,1,2026-03-01,C6")
    load_into(home, given)
    assert rows(home, "risk_assessments", "risk_class") == [("C3",)]
    assert [rule for _, _, _, rule, _ in refused(home, "risk_assessments")] == ["values"]
