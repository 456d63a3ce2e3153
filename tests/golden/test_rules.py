"""The rules in bank words: which record of a customer is believed, and why."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace
from typing import Any

import pytest

from quanke.bank.contracts import Sensitivity
from quanke.bank.survivorship import (
    NOT_GOLDEN,
    Prefer,
    Preference,
    Survivorship,
    check_rules,
    fingerprint,
)
from quanke.customers.golden import GoldenField, golden_record, masked
from quanke.customers.survivorship import SURVIVORSHIP
from tests.golden.records import (
    GOLDEN_FIELDS,
    golden_by_sql,
    random_records,
    record,
    resident_number,
    table_of,
)

NEW_YEAR = dt.date(1980, 1, 1)
TENTH = dt.date(1980, 1, 10)
NUMBER = resident_number(NEW_YEAR, male=True)


def golden(*records: dict[str, Any], table: str = "parties") -> dict[str, GoldenField]:
    """The golden record of one customer, whose night must say the same."""
    rows = table_of(records, table)
    tables = (rows, None) if table == "parties" else (None, rows)
    read = {field.name: field for field in golden_record(*tables)}
    (night,) = golden_by_sql(*tables, 1, GOLDEN_FIELDS[table])
    shared = {name: field.value for name, field in read.items() if name in night and name != "kind"}
    assert {name: night[name] for name in shared} == shared
    return read


def at(day: int, month: int = 6) -> dt.datetime:
    return dt.datetime(2026, month, day, 12)


def test_a_checked_document_beats_the_counter() -> None:
    read = golden(
        record(party_id="C1", name="张山", id_type="resident_id", id_number="440305198001010019"),
        record(
            source="mobile",
            party_id="M1",
            name="张三",
            id_type="resident_id",
            id_number=NUMBER,
            id_expires_on=dt.date(2031, 1, 1),
        ),
    )
    assert (read["id_number"].value, read["id_number"].source, read["id_number"].others) == (
        NUMBER,
        "mobile",
        1,
    )
    assert (read["name"].value, read["name"].party) == ("张三", "M1")
    assert read["id_expires_on"].value == dt.date(2031, 1, 1)


def test_a_document_is_never_put_together_from_two() -> None:
    read = golden(
        record(party_id="C1", id_type="passport", id_number="E12345678"),
        record(source="cards", party_id="K1", id_type="resident_id", id_expires_on=dt.date(2031, 1, 1)),
    )
    assert (read["id_type"].value, read["id_number"].value) == ("passport", "E12345678")
    assert read["id_expires_on"].value is None
    assert (read["id_expires_on"].source, read["id_expires_on"].others) == ("core", 1)


def test_birth_date_and_sex_are_those_inside_the_number() -> None:
    read = golden(
        record(party_id="C1", id_type="resident_id", id_number=NUMBER, birth_date=TENTH, sex="female"),
        record(source="mobile", party_id="M1", birth_date=NEW_YEAR, sex="male"),
    )
    assert (read["birth_date"].value, read["birth_date"].source) == (NEW_YEAR, "mobile")
    assert (read["sex"].value, read["sex"].source) == ("male", "mobile")


def test_a_birth_date_that_no_record_has_is_not_invented() -> None:
    read = golden(
        record(party_id="C1", id_type="resident_id", id_number=NUMBER),
        record(source="mobile", party_id="M1", birth_date=TENTH),
    )
    assert read["birth_date"].value == TENTH


def test_an_old_number_of_fifteen_digits_tells_birth_and_sex_as_well() -> None:
    read = golden(
        record(
            party_id="C1", id_type="resident_id", id_number="440305800101001", birth_date=TENTH, sex="female"
        ),
        record(source="mobile", party_id="M1", birth_date=NEW_YEAR, sex="male"),
    )
    assert (read["birth_date"].value, read["sex"].value) == (NEW_YEAR, "male")


def test_a_passport_tells_no_birth_date() -> None:
    read = golden(
        record(source="mobile", party_id="M1", birth_date=NEW_YEAR),
        record(source="cards", party_id="K1", id_type="passport", id_number="E12345678", birth_date=TENTH),
    )
    assert (read["birth_date"].value, read["birth_date"].source) == (TENTH, "cards")


def test_the_latest_phone_of_the_bank_is_called() -> None:
    read = golden(
        record(party_id="C1", phone="13800138000", updated_at=at(1)),
        record(source="mobile", party_id="M1", phone="13912345678", updated_at=at(2)),
        record(source="partner", party_id="PT1", phone="18612345678", updated_at=at(20)),
    )
    assert (read["phone"].value, read["phone"].source, read["phone"].others) == ("13912345678", "mobile", 2)


def test_a_phone_that_cannot_be_called_gives_way_even_to_a_partner() -> None:
    read = golden(
        record(party_id="C1", phone="99912345678", updated_at=at(3)),
        record(source="partner", party_id="PT1", phone="18612345678", updated_at=at(1)),
    )
    assert (read["phone"].value, read["phone"].source) == ("18612345678", "partner")


def test_a_partner_file_of_today_does_not_change_the_employer() -> None:
    read = golden(
        record(party_id="C1", employer_name="甲公司", email="a@qq.com", updated_at=at(1)),
        record(
            source="partner", party_id="PT1", employer_name="乙公司", occupation="职员", updated_at=at(20)
        ),
    )
    assert read["employer_name"].value == "甲公司"
    assert (read["occupation"].value, read["occupation"].source) == ("职员", "partner")


def test_an_address_is_of_one_record() -> None:
    read = golden(
        record(party_id="C1", city="北京市", district="海淀区"),
        record(source="partner", party_id="PT1", address="深圳市科技路1号", city="深圳市"),
    )
    assert [read[name].value for name in ("address", "city", "district")] == [
        "深圳市科技路1号",
        "深圳市",
        None,
    ]
    assert read["district"].source == "partner"


def test_the_relation_began_with_the_first_system_and_ends_with_the_last() -> None:
    core = record(party_id="C1", opened_on=dt.date(2020, 5, 1), closed_on=dt.date(2025, 3, 1))
    card = record(source="cards", party_id="K1", opened_on=dt.date(2018, 2, 1))
    app = record(source="mobile", party_id="M1", opened_on=dt.date(2021, 1, 1))
    read = golden(core, card, app)
    assert read["opened_on"].value == dt.date(2018, 2, 1)
    assert read["closed_on"].value is None and read["closed_on"].others == 1
    read = golden(core, card | {"closed_on": dt.date(2025, 9, 1)}, app)
    assert (read["closed_on"].value, read["closed_on"].source) == (dt.date(2025, 9, 1), "cards")


def test_who_has_no_account_ends_with_all_his_records() -> None:
    app = record(source="mobile", party_id="M1", closed_on=dt.date(2025, 3, 1))
    partner = record(source="partner", party_id="PT1")
    assert golden(app, partner)["closed_on"].value is None
    assert golden(app)["closed_on"].value == dt.date(2025, 3, 1)


def test_a_death_known_anywhere_is_known() -> None:
    read = golden(
        record(party_id="C1", deceased=False), record(source="partner", party_id="PT1", deceased=True)
    )
    assert (read["deceased"].value, read["deceased"].source) == (True, "partner")
    assert golden(record(deceased=False), record(source="mobile"))["deceased"].value is False
    assert golden(record(), record(source="mobile"))["deceased"].value is None


def test_the_latest_assessment_holds_with_its_day() -> None:
    read = golden(
        record(party_id="C1", risk_class="C4"),
        record(source="cards", party_id="K1", risk_class="C2", risk_assessed_on=dt.date(2025, 1, 1)),
        record(source="mobile", party_id="M1", risk_class="C3", risk_assessed_on=dt.date(2026, 1, 1)),
    )
    assert (read["risk_class"].value, read["risk_assessed_on"].value) == ("C3", dt.date(2026, 1, 1))


def test_equal_claims_go_by_source_and_then_by_number() -> None:
    read = golden(
        record(source="zeta", party_id="1", language="en", credit_score=5),
        record(source="loans", party_id="9", language="fr", credit_score=6),
        record(source="partner", party_id="B", language="zh", credit_score=7),
        record(source="partner", party_id="A", nationality="CHN", credit_score=8),
    )
    assert (read["language"].value, read["language"].party) == ("zh", "B")
    assert (read["credit_score"].value, read["credit_score"].party) == (8, "A")
    assert (
        golden(record(source="zeta", language="en"), record(source="loans", language="fr"))["language"].value
        == "fr"
    )


def test_a_company_is_named_by_the_record_with_a_valid_code() -> None:
    read = golden(
        record("organisations", name="旧名", uscc="91440300192181490H", kind="business"),
        record("organisations", source="cards", name="新名", uscc="91440300192181490G", kind="merchant"),
        table="organisations",
    )
    assert (read["uscc"].value, read["name"].value) == ("91440300192181490G", "新名")
    assert (read["kind"].value, read["kind"].others) == ("business", 1)


def test_who_is_a_person_and_a_business_is_seen_as_the_person() -> None:
    person = table_of([record(name="张三", city="深圳市")])
    business = table_of(
        [record("organisations", name="张三商行", kind="merchant", city="北京市", sector="批发零售")],
        "organisations",
    )
    read = {field.name: field.value for field in golden_record(person, business)}
    assert (read["name"], read["city"], read["sector"]) == ("张三", "深圳市", "批发零售")
    assert "kind" not in read
    (night,) = golden_by_sql(person, business, 1, {"name", "city", "district", "sector", "kind"})
    assert (night["name"], night["city"], night["sector"], night["kind"]) == (
        "张三",
        "深圳市",
        "批发零售",
        "person",
    )


def test_what_is_shown_to_others_is_masked() -> None:
    read = golden(
        record(
            party_id="C0000001",
            id_type="resident_id",
            id_number=NUMBER,
            phone="13800138000",
            email="zhang@qq.com",
            address="深圳市南山区科技路1号",
            birth_date=NEW_YEAR,
            employer_name="甲公司",
            credit_score=700,
            city="深圳市",
        )
    )
    shown = {name: masked(field) for name, field in read.items()}
    assert {name: field.value for name, field in shown.items() if field.value is not None} == {
        "name": "*三",
        "id_type": "resident_id",
        "id_number": f"4{'*' * 16}{NUMBER[-1]}",
        "birth_date": "1980-**-**",
        "phone": "138****8000",
        "email": "z***@qq.com",
        "address": "深圳市南山区***",
        "city": "深圳市",
        "employer_name": "***",
        "credit_score": "***",
    }
    assert {field.party for field in shown.values()} == {"****0001", ""}
    for field in shown.values():
        if field.sensitivity is not Sensitivity.C1 and field.value is not None:
            assert "*" in field.value


def random_rules(table: str, seed: int) -> tuple[Survivorship, ...]:
    """Rules nobody would lay down: any fields together, in any order of steps."""
    draw = random.Random(f"{table} {seed}")
    fields = list(GOLDEN_FIELDS[table])
    draw.shuffle(fields)
    rules = []
    while fields:
        taken = [fields.pop() for _ in range(min(len(fields), draw.randint(1, 3)))]
        by_time = (Prefer.LATEST, Prefer.EARLIEST)
        steps = draw.sample(
            (
                Preference(draw.choice(by_time), "updated_at"),
                Preference(draw.choice(by_time), "opened_on"),
                Preference(draw.choice(by_time), "closed_on"),
                Preference(Prefer.GIVEN, draw.choice(("branch_id", "city", "name"))),
                Preference(Prefer.TRUE, "id_valid" if table == "parties" else "uscc_valid"),
                Preference(Prefer.SOURCES, sources=("loans", "mobile")),
            ),
            draw.randint(0, 6),
        )
        if len(taken) == 1 and taken[0] in ("birth_date", "sex"):
            steps.insert(0, Preference(Prefer.DOCUMENT, taken[0]))
        rules.append(Survivorship(f"rule_{len(rules)}", tuple(taken), "规则", "Rule", tuple(steps)))
    return tuple(rules)


@pytest.mark.parametrize("seed", range(10))
def test_any_rules_mean_the_same_in_the_night(seed: int) -> None:
    rules = {table: random_rules(table, seed) for table in SURVIVORSHIP}
    check_rules(rules)
    for table, customers in (("parties", 60), ("organisations", 60)):
        rows = random_records(table, 100 + seed, customers, largest=6)
        tables = (table_of(rows), None) if table == "parties" else (None, table_of(rows, table))
        for golden_row in golden_by_sql(*tables, customers, GOLDEN_FIELDS[table], rules):
            own = table_of([r for r in rows if r["customer"] == golden_row["customer"]], table)
            both = (own, None) if table == "parties" else (None, own)
            read = {field.name: field.value for field in golden_record(*both, rules=rules)}
            for name in set(GOLDEN_FIELDS[table]) & set(golden_row) - {"kind"}:
                assert golden_row[name] == read.get(name), (name, golden_row["customer"])


def test_rules_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="of no field"):
        Survivorship("a", (), "", "")
    with pytest.raises(ValueError, match="comes first and alone"):
        Survivorship("a", ("birth_date", "sex"), "", "", (Preference(Prefer.DOCUMENT, "sex"),))
    with pytest.raises(ValueError, match="does not tell phone"):
        Preference(Prefer.DOCUMENT, "phone")
    with pytest.raises(ValueError, match="of sources"):
        Preference(Prefer.SOURCES, "phone")
    with pytest.raises(ValueError, match="asks for a field once"):
        Survivorship("a", ("city",), "", "", (Preference(Prefer.GIVEN, "city"),) * 2)
    with pytest.raises(ValueError, match="latest or earliest"):
        Survivorship("a", ("deceased",), "", "", (Preference(Prefer.TRUE, "deceased"),), closes=("core",))
    with pytest.raises(ValueError, match="without a rule or with two"):
        check_rules({**SURVIVORSHIP, "parties": SURVIVORSHIP["parties"][1:]})
    with pytest.raises(ValueError, match="no day and no moment"):
        rules = (
            *SURVIVORSHIP["parties"][1:],
            Survivorship("name", ("name",), "", "", (Preference(Prefer.LATEST, "city"),)),
        )
        check_rules({**SURVIVORSHIP, "parties": rules})


def test_the_fingerprint_is_of_what_rules_do() -> None:
    persons = SURVIVORSHIP["parties"]
    renamed = (replace(persons[0], title_en="Another title"), *persons[1:])
    changed = (replace(persons[0], order=persons[0].order[:1]), *persons[1:])
    assert fingerprint({**SURVIVORSHIP, "parties": renamed[::-1]}) == fingerprint(SURVIVORSHIP)
    assert fingerprint({**SURVIVORSHIP, "parties": changed}) != fingerprint(SURVIVORSHIP)


def test_every_rule_is_said_in_both_languages() -> None:
    assert {"source", "party_id", "updated_at"} == NOT_GOLDEN
    for rules in SURVIVORSHIP.values():
        assert len({rule.name for rule in rules}) == len(rules)
        for rule in rules:
            assert any("\u4e00" <= sign <= "\u9fff" for sign in rule.title_zh), rule.name
            assert rule.title_en.isascii() and rule.title_en, rule.name
