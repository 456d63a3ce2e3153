"""Proof by documents (ID-1 to ID-4, NAM-4): what links by itself, what waits, what never meets."""

from __future__ import annotations

import pytest

from quanke.customers.identity import default_model, find_links, group, normalise
from tests.identity.people import HOME, apart, decided, meet, record, resident, standing, table, who

LI = resident()
TWIN = resident(serial=450)
PHONE = "13800138000"


def test_one_document_and_one_name_are_one_customer() -> None:
    assert who(record("李红", LI), record("李　红", f" {LI.lower()} "), record("王芳", TWIN)) == [0, 0, 1]
    assert standing(record("李红", LI), record("李红", LI), record("王芳", TWIN)) == ["exact", "exact", "new"]


def test_a_number_of_15_digits_is_the_same_document() -> None:
    old = LI[:6] + LI[8:17]
    assert who(record("李红", LI), record("李红", old)) == [0, 0]


def test_a_household_register_carries_the_resident_number() -> None:
    assert who(record("李红", LI, "household_register"), record("李红", LI)) == [0, 0]


def test_id_3_permits_match_on_what_stays_for_life() -> None:
    assert who(
        record("陳大文", "H1234567801", "permit_hk_macau"),
        record("陳大文", "H12345678", "permit_hk_macau"),
        record("陳大文", "M12345678", "permit_hk_macau"),
    ) == [0, 0, 1]


def test_id_3_a_passport_is_of_one_country() -> None:
    passport = {"number": "E12345670", "id_type": "passport"}
    assert who(
        record("KIM MINJI", **passport, nationality="KOR"),
        record("KIM MINJI", **passport, nationality="USA"),
        record("KIM MINJI", **passport, nationality="KOR"),
    ) == [0, 1, 0]
    assert who(record("KIM MINJI", **passport, nationality="KOR"), record("KIM MINJI", **passport)) == [0, 0]


def test_a_passport_without_country_never_joins_two_countries() -> None:
    passport = {"number": "E12345670", "id_type": "passport"}
    found = who(
        record("KIM MINJI", **passport),
        record("KIM MINJI", **passport, nationality="KOR"),
        record("KIM MINJI", **passport, nationality="USA"),
    )
    assert found[1] != found[2]


def test_a_number_without_a_rule_proves_nothing() -> None:
    number = {"id_number": "A8273645"}
    for id_type in ("military_id", None):
        assert who(
            {"name": "李红", "id_type": id_type, **number}, {"name": "王芳", "id_type": id_type, **number}
        ) == [0, 1]
        assert standing(*[{"name": "李红", "id_type": id_type, **number}] * 2)[0] != "exact"


def test_a_number_that_fails_its_check_proves_nothing() -> None:
    wrong = LI[:17] + ("1" if LI[17] != "1" else "2")
    assert standing(record("李红", wrong), record("李红", wrong))[0] != "exact"
    assert who(
        record("李红", wrong, phone=PHONE, birth_date="1980-02-10"),
        record("李红", LI, phone=PHONE, birth_date="1980-02-10"),
    ) == [0, 0]


def test_a_number_filled_in_for_the_form_is_none() -> None:
    for filled_in in ("1111111111", "123456789", "00000000", "987654321"):
        found = normalise(table([record("李红", filled_in, "passport")]))
        assert found["document"].to_pylist() == [None] and found["number"].to_pylist() == [None]


TWO_NAMES = {
    "variant": (
        ("吕布", "呂布"),
        ("王䶮", "王?"),
        ("王䶮", "王YAN"),
        ("陈斌平", "陈斌萍"),
        ("陈斌平", "CHEN BINPING"),
    ),
    "conflict": (("李红", "王芳"), ("后羿", "后艺娟")),
}


@pytest.mark.parametrize("outcome", TWO_NAMES)
def test_nam_4_one_document_and_two_names_wait_for_a_person(outcome: str) -> None:
    pairs = [
        tuple(record(name, resident(serial=100 + place), **apart(place)) for name in names)
        for place, names in enumerate(TWO_NAMES[outcome])
    ]
    assert meet(*pairs) == [False] * len(pairs)
    assert meet(*pairs, outcome=outcome) == [True] * len(pairs)


def test_nam_4_a_conflict_stops_automation() -> None:
    full = {"phone": PHONE, "address": HOME, "birth_date": "1980-02-10"}
    clear = (record("李红", LI, **full), record("李红", **full))
    assert who(*clear) == [0, 0]
    assert who(*clear, record("王芳", LI)) == [0, 1, 2]
    resolved = decided((0, 2, "different"))
    assert who(*clear, record("王芳", LI), decisions=resolved) == [0, 0, 1]


def test_two_documents_never_meet_though_all_else_agrees() -> None:
    full = {"phone": PHONE, "address": HOME, "birth_date": "1980-02-10", "email": "lihong@example.cn"}
    assert who(record("李红", LI, **full), record("李红", TWIN, **full)) == [0, 1]
    kinds = (record("李红", LI, **full), record("李红", "H12345670", "permit_hk_macau", **full))
    assert who(*kinds) == [0, 1]
    assert standing(*kinds) == ["review", "review"]


def test_two_documents_never_meet_through_a_third_record() -> None:
    full = {"phone": PHONE, "address": HOME, "birth_date": "1980-02-10"}
    found = who(record("李红", LI, **full), record("李红", TWIN, **full), record("李红", **full))
    assert found[0] != found[1]


def test_a_person_may_join_what_documents_part() -> None:
    renewed = (
        record("KIM MINJI", "M11223345", "passport", nationality="KOR", phone=PHONE, birth_date="19900101"),
        record("KIM MINJI", "M99887761", "passport", nationality="KOR", phone=PHONE, birth_date="19900101"),
    )
    assert who(*renewed) == [0, 1]
    assert who(*renewed, decisions=decided((0, 1, "same"))) == [0, 0]
    assert who(*renewed, decisions=decided((0, 1, "same"), (1, 0, "different"))) == [0, 1]


def test_what_became_of_each_link_is_told() -> None:
    full = {"phone": PHONE, "birth_date": "1980-02-10"}
    rows = table(
        [record("李红", LI), record("李虹", LI), record("李红", phone=PHONE), record("李红", **full)]
    )
    normalised = normalise(rows)
    links = find_links(normalised, default_model())
    asked = {(row["left"], row["right"]): row for row in group(normalised, links).links.to_pylist()}
    assert (asked[0, 1]["outcome"], asked[0, 1]["settled"]) == ("variant", "queued")
    assert (asked[2, 3]["outcome"], asked[2, 3]["settled"]) == ("review", "queued")
    answered = group(normalised, links, decided((0, 1, "same"), (2, 3, "different"))).links.to_pylist()
    told = {(row["left"], row["right"]): (row["settled"], row["why"]) for row in answered}
    assert told[0, 1] == ("linked", "decided by a person")
    assert told[2, 3] == ("overruled", "decided by a person")
