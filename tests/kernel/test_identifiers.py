from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quanke.bank.contracts import ID_TYPES
from quanke.kernel.identifiers import card, document, masks, organisation, phone, resident, travel
from quanke.kernel.identifiers.columns import _CHECKS

ON = date(2026, 6, 30)


@pytest.mark.parametrize("number", ["11010519491231002X", "440524188001010014", "11010519491231002x"])
def test_id_1_valid(number: str) -> None:
    assert resident.check_resident_id(number, ON) is None


def with_check(first_17: str) -> str:
    return first_17 + resident.resident_check_character(first_17)


@pytest.mark.parametrize(
    ("number", "rule"),
    [
        ("110105194912310021", resident.CHECK),
        (with_check("11010519490230002"), resident.BIRTH),
        (with_check("11010519491331002"), resident.BIRTH),
        (with_check("11010520260701002"), resident.BIRTH),  # born the day after
        (with_check("11010500490101002"), resident.BIRTH),
        (with_check("99010519491231002"), resident.REGION),
        ("1101051949123100", resident.FORM),
        ("1101051949123100XX", resident.FORM),
        ("１１０１０５１９４９１２３１００２X", resident.FORM),
        ("", resident.FORM),
    ],
)
def test_id_1_refused(number: str, rule: object) -> None:
    assert resident.check_resident_id(number, ON) is rule


def test_id_1_born_on_the_business_date_is_fine() -> None:
    assert resident.check_resident_id(with_check("11010520260630002"), ON) is None


def test_id_1_retired_regions_stay_valid() -> None:
    for region in ("110103", "310103", "512201", "460001"):  # Chongwen, Luwan, Wanxian, Hainan before 1988
        assert resident.check_resident_id(with_check(f"{region}19850315001"), ON) is None


def test_id_1_fifteen_digits() -> None:
    assert resident.resident_id_18("110105491231002") == "11010519491231002X"
    assert resident.check_resident_id("110105491231002", ON) is None
    assert resident.check_resident_id("110105491331002", ON) is resident.BIRTH


def test_birth_and_sex() -> None:
    assert resident.birth_date_of("11010519491231002X") == date(1949, 12, 31)
    assert resident.birth_date_of("110105491231002") == date(1949, 12, 31)
    assert resident.sex_of("11010519491231002X") == "female"
    assert resident.sex_of("440524188001010014") == "male"
    assert resident.sex_of("911840198001010013") is None
    assert resident.birth_date_of("H12345678") is None


def test_id_2_residence_permits() -> None:
    assert resident.check_residence_permit("810000199001010019", ON) is None
    for region in ("820000", "830000"):
        assert resident.check_residence_permit(with_check(f"{region}19900101001"), ON) is None
    assert resident.check_residence_permit("11010519491231002X", ON) is resident.PERMIT_REGION
    assert resident.check_residence_permit("810000199001010018", ON) is resident.CHECK


def test_id_2_permanent_residence() -> None:
    assert resident.check_permanent_resident_id("911840198001010013", ON) is None
    assert resident.check_permanent_resident_id("911840198001010014", ON) is resident.CHECK
    assert resident.check_permanent_resident_id("USA110080010112", ON) is None
    assert resident.check_permanent_resident_id("USA110080133012", ON) is resident.BIRTH
    assert resident.check_permanent_resident_id("11010519491231002X", ON) is resident.PERMANENT_FORM


def test_id_2_the_type_decides_not_the_shape() -> None:
    code = "91440300192181490G"
    assert organisation.check_uscc(code) is None
    assert resident.check_permanent_resident_id(code, ON) is resident.PERMANENT_FORM
    card_of_2023 = "911840198001010013"
    assert resident.check_resident_id(card_of_2023, ON) is resident.REGION
    assert document.check_id_number("permanent_resident_id", card_of_2023, ON) is None


def test_id_3_permits_match_on_what_stays() -> None:
    assert travel.check_permit_hk_macau("H12345678") is None
    assert travel.check_permit_hk_macau("m1234567802") is None
    assert travel.check_permit_hk_macau("A12345678") is travel.HK_MACAU_FORM
    key = document.match_id_number
    assert key("permit_hk_macau", "H1234567801") == key("permit_hk_macau", "h12345678") == "H12345678"
    assert travel.check_permit_taiwan("01234567") is None
    assert travel.check_permit_taiwan("0123456701(B)") is None
    assert travel.check_permit_taiwan("0123456") is travel.TAIWAN_FORM
    assert key("permit_taiwan", "0123456701(B)") == key("permit_taiwan", "01234567")


def test_id_3_hkid_and_passports() -> None:
    assert travel.hkid_check_character("A", "123456") == "3"
    assert travel.check_hkid("A123456(3)") is None
    assert travel.check_hkid("A1234563") is None
    assert travel.check_hkid("A123456(4)") is travel.HKID_CHECK
    assert travel.check_passport("E12345678") is None
    assert travel.check_passport("护照") is travel.PASSPORT_FORM


@pytest.mark.parametrize("code", ["91100000100003962T", "91440300192181490G", "914403001922038216"])
def test_id_4_valid(code: str) -> None:
    assert organisation.check_uscc(code) is None
    assert organisation.check_uscc(code.lower()) is None
    assert organisation.organisation_check_character(code[8:16]) == code[16]


def test_id_4_refused() -> None:
    assert organisation.check_uscc("91100000100003962U") is organisation.CHECK
    assert organisation.check_uscc("I1100000100003962T") is organisation.FORM
    assert organisation.check_uscc("91A00000100003962T") is organisation.FORM
    wrong_inside = "91100000100003961"
    assert (
        organisation.check_uscc(wrong_inside + organisation.uscc_check_character(wrong_inside))
        is organisation.ORGANISATION_CHECK
    )
    assert organisation.check_uscc("9110 0000100003962T") is organisation.FORM


def test_id_5_cards() -> None:
    assert card.check_card_number("6222024000000000014") is None
    assert card.check_card_number("6222 0240 0000 0000 014") is None
    assert card.check_card_number("6222024000000000015") is card.LUHN
    assert card.check_card_number("6222024000000000015", own_bank=True) is None
    assert card.check_card_number("622202400000") is card.FORM
    assert card.card_check_digit("622202400000000001") == "4"


def test_id_5_the_longest_prefix_wins() -> None:
    table = card.IssuerTable({"622202": "one", "62220240": "two"})
    assert table.find("6222 0240 0000 0000 014") == "two"
    assert table.find("6222021000000000014") == "one"
    assert table.find("5") is None


def test_id_6_lei() -> None:
    assert organisation.check_lei("5493001KJTIIGC8Y1R12") is None
    assert organisation.check_lei("5493001KJTIIGC8Y1R13") is organisation.LEI_FORM
    assert organisation.check_lei("5493001KJTIIGC8Y1R1") is organisation.LEI_FORM


@pytest.mark.parametrize(
    ("text", "kind", "fault"),
    [
        ("13800138000", phone.MobileKind.ORDINARY, None),
        ("+86 138 0013 8000", phone.MobileKind.ORDINARY, None),
        ("008613800138000", phone.MobileKind.ORDINARY, None),
        ("16212345678", phone.MobileKind.RESALE, None),
        ("17112345678", phone.MobileKind.RESALE, None),
        ("13491234567", phone.MobileKind.SATELLITE, None),
        ("17412345678", phone.MobileKind.SATELLITE, phone.FORM),
        ("16191234567", phone.MobileKind.SATELLITE, phone.FORM),
        ("1440123456789", phone.MobileKind.MACHINE, phone.MACHINE),
        ("15412345678", None, phone.FORM),
        ("12345678901", None, phone.FORM),
        ("1380013800", None, phone.FORM),
        ("１３８００１３８０００", None, phone.FORM),
    ],
)
def test_id_7_mobiles(text: str, kind: object, fault: object) -> None:
    assert phone.mobile_kind(text) is kind
    assert phone.check_mobile(text) is fault


def test_every_type_of_the_contract_has_its_rule_or_is_free() -> None:
    free = {"military_id", "other"}
    assert set(ID_TYPES) == set(_CHECKS) | free
    for id_type in free:
        assert document.check_id_number(id_type, "军字第1234567号") is None
        assert document.check_id_number(id_type, "  ") is document.FREE_FORM
        assert document.check_id_number(id_type, "1\x002") is document.FREE_FORM


def test_a_number_without_a_type_links_nobody() -> None:
    assert document.match_id_number(None, "11010519491231002X") is None


def test_masks() -> None:
    assert masks.mask_name("张三") == "*三"
    assert masks.mask_name("𠮷田") == "*田"  # code points, not UTF-16 units
    assert masks.mask_name("欧阳修", keep="first") == "欧**"
    assert masks.mask_name("三") == "*"
    assert masks.mask_id("11010519491231002X") == "1****************X"
    assert masks.mask_id("11010519491231002X", for_operations=True) == "110***********002X"
    assert masks.mask_phone("13800138000") == "138****8000"
    assert masks.mask_card("6222024000000000014") == "622202*********0014"
    assert masks.mask_account("8110301012345678") == "************5678"
    assert masks.mask_address("广东省深圳市南山区科技路1号") == "广东省深圳市南山区***"
    assert masks.mask_address("科技路1号") == "***"
    english = [masks.mask_amount(fen, english=True) for fen in (-1, 0, 20_000_000, 99_999_999, 10**12)]
    assert english == ["<0", "0-10k", "200k-500k", "500k-1m", "≥10m"]
    assert [masks.mask_amount(fen) for fen in (-1, 0, 20_000_000, 10**12)] == [
        "<0",
        "0-1万",
        "20-50万",
        "≥1000万",
    ]


@given(st.text(max_size=30))
def test_a_mask_keeps_the_length_and_hides_a_third(value: str) -> None:
    for mask in (masks.mask_id, masks.mask_phone, masks.mask_card, masks.mask_account, masks.mask_name):
        masked = mask(value)
        assert len(masked) == len(value)
        if value and "*" not in value:
            assert masked.count("*") * 3 >= len(value)
