"""What remains without proof: which records are linked by likelihood, and which only asked about."""

from __future__ import annotations

from tests.identity.people import HOME, apart, meet, record, resident, standing, who

LI = resident()
PHONE, OTHER_PHONE = "13800138000", "13911112222"
BORN = "1980-02-10"


def test_name_and_phone_are_never_enough() -> None:
    pair = (record("欧阳若曦", LI, phone=PHONE), record("欧阳若曦", phone=PHONE))
    assert who(*pair) == [0, 1]
    assert standing(*pair) == ["review", "review"]


def test_name_phone_and_one_more_are() -> None:
    pairs = []
    for place, field in enumerate(("birth_date", "address", "email")):
        more = {"phone": apart(place)["phone"], "email": f"user{place}@example.cn", **apart(place)}
        known = {"phone": more["phone"], field: more[field]}
        pairs.append((record("李红", resident(serial=100 + place), **known), record("李红", **known)))
    assert meet(*pairs) == [True, True, True]


def test_a_slip_in_the_number_does_not_part_a_person() -> None:
    slip = LI[:9] + str((int(LI[9]) + 1) % 10) + LI[10:]
    assert who(record("李红", LI, phone=PHONE), record("李红", slip, phone=PHONE)) == [0, 0]


def test_a_contradiction_stops_a_link() -> None:
    one = record("李红", LI, phone=PHONE, address=HOME, birth_date=BORN, sex="female")
    assert who(one, record("李红", phone=PHONE, address=HOME, birth_date="2008-11-30")) == [0, 1]
    assert who(one, record("李红", phone=PHONE, address=HOME, birth_date=BORN, sex="男")) == [0, 1]


def test_parent_and_child_share_phone_and_home() -> None:
    parent = record("李红", LI, phone=PHONE, address=HOME, birth_date=BORN)
    child = record("李小红", phone=PHONE, address=HOME, birth_date="2015-06-01")
    unborn = record("李小红", phone=PHONE, address=HOME)
    assert who(parent, child) == [0, 1]
    assert who(parent, unborn) == [0, 1]
    father = record("SMITH JOHN", phone=PHONE, address="12 Oak Street 4", birth_date="1960-01-05")
    son = record("SMITH JOHN", phone=PHONE, address="12 Oak Street 4", birth_date="1988-07-19")
    assert who(father, son) == [0, 1]


def test_twins_share_birth_date_and_home() -> None:
    same = {"phone": PHONE, "address": HOME, "birth_date": BORN}
    assert who(record("李小红", LI, **same), record("李小兰", **same)) == [0, 1]
    abroad = {"address": "12 Oak Street 4", "birth_date": BORN}
    assert who(record("SMITH MARIA", **abroad), record("SMITH MARIE", **abroad)) == [0, 1]
    numbered = {**abroad, "id_type": "ssn", "phone": PHONE}
    assert who(
        {"name": "SMITH MARIA", "id_number": "573920184", **numbered},
        {"name": "SMITH MARCO", "id_number": "573920185", **numbered},
    ) == [0, 1]


def test_husband_and_wife_are_two() -> None:
    same = {"phone": PHONE, "address": HOME}
    assert who(record("李红", LI, **same), record("王建国", **same, sex="male")) == [0, 1]


def test_nam_3_traditional_forms_and_readings_want_more() -> None:
    names = ("陳麗華", "陈丽花", "CHEN LIHUA")
    few, all_of_it = [], []
    for place, name in enumerate(names):
        full = apart(place)
        one = record("陈丽华", resident(serial=100 + place), **full)
        few.append((one, record(name, phone=full["phone"], birth_date=full["birth_date"])))
        all_of_it.append((one, record(name, **full)))
    assert meet(*few) == [False, False, False]
    assert meet(*few, outcome="review") == [True, True, True]
    assert meet(*all_of_it) == [True, True, True]


def test_nam_3_surnames_that_only_look_folded_are_two() -> None:
    same = {"phone": PHONE, "birth_date": BORN, "address": HOME}
    assert who(record("后羿", LI, **same), record("後羿", **same)) == [0, 1]
    assert who(record("范蠡", LI, **same), record("範蠡", **same)) == [0, 1]


READ_ALIKE = (
    ("单小云", "SHAN XIAOYUN"),
    ("曾志伟", "Zeng Zhiwei"),
    ("区亚平", "OU YAPING"),
    ("仇英", "YING QIU"),
    ("解晓东", "XIE XIAO DONG"),
    ("查良镛", "ZHA LIANGYONG"),
    ("吕布", "LV BU"),
    ("吕布", "LYU BU"),
    ("吕布", "LU BU"),
    ("欧阳修", "OUYANG XIU"),
)


def test_nam_3_a_surname_is_read_as_a_surname() -> None:
    pairs = [
        (record(han, resident(serial=100 + place), **apart(place)), record(letters, **apart(place)))
        for place, (han, letters) in enumerate(READ_ALIKE)
    ]
    met = meet(*pairs)
    assert [names for names, one in zip(READ_ALIKE, met, strict=True) if not one] == []


def test_nam_2_a_rare_character_that_could_not_be_written() -> None:
    pairs = [
        (record("王䶮", resident(serial=100 + place), **apart(place)), record(written, **apart(place)))
        for place, written in enumerate(("王?", "王□", "王YAN", "王\ue863", "李?"))
    ]
    assert meet(*pairs) == [True, True, True, True, False]


def test_names_in_letters_in_any_order() -> None:
    same = {"birth_date": BORN, "address": "12 Oak Street 4"}
    assert who(record("John SMITH", **same), record("SMITH, John", **same)) == [0, 0]
    assert who(record("O'Brien Mary-Jane", **same), record("MARY JANE O BRIEN", **same)) == [0, 0]


def test_birth_dates_and_phones_in_any_common_form() -> None:
    births = [
        {"birth_date": form}
        for form in ("19800210", "1980/2/10", "1980.02.10", "1980年2月10日", "10/02/1980")
    ]
    phones = [{"phone": form} for form in ("+86 138 0013 {}", "0086-1380013{}", "138-0013-{}")]
    pairs = []
    for place, form in enumerate([*births, *phones]):
        known = {"phone": f"1380013{4000 + place}", "birth_date": "1980-02-10"}
        written = {**known, **{name: text.format(4000 + place) for name, text in form.items()}}
        pairs.append((record("李红", resident(serial=100 + place), **known), record("李红", **written)))
    assert meet(*pairs) == [True] * 8


def test_a_full_address_beside_a_chinese_name() -> None:
    assert who(
        record("欧阳若曦", LI, phone=PHONE, address=HOME),
        record("欧阳若曦", phone=OTHER_PHONE, address=HOME),
    ) == [0, 0]
    street = "深圳市南山区招商街道彩田路"
    assert who(
        record("欧阳若曦", LI, phone=PHONE, address=street),
        record("欧阳若曦", phone=OTHER_PHONE, address=street),
    ) == [0, 1]


def test_an_empty_record_is_a_customer_of_its_own() -> None:
    assert who(record(None), record(None), record("", phone=""), record("未知")) == [0, 1, 2, 3]


def test_organisations_by_credit_code_and_name() -> None:
    code = "91440300192181490G"
    huawei = {"kind": "business", "uscc": code}
    assert who(
        {"name": "华强（深圳）有限公司", **huawei},
        {"name": "华强(深圳) 有限公司", **huawei},
        {"name": "华强（深圳）有限公司", "kind": "business", "uscc": "914403001922038216"},
    ) == [0, 0, 1]
    assert standing({"name": "华强有限公司", **huawei}, {"name": "华强有限责任公司", **huawei}) == [
        "variant",
        "variant",
    ]
    assert standing({"name": "华强有限公司", **huawei}, {"name": "恒乐科技有限公司", **huawei}) == [
        "conflict",
        "conflict",
    ]


def test_organisations_without_a_code() -> None:
    code = {"kind": "government", "uscc": "91440300192181490G", "address": HOME}
    assert who(
        {"name": "深圳市南山区财政局", **code},
        {"name": "深圳市南山区财政局", "kind": "government", "address": HOME},
        {"name": "深圳市南山区税务局", "kind": "government", "address": HOME},
        {"name": "深圳市南山区财政局", "kind": "government"},
    ) == [0, 0, 1, 2]


def test_a_person_is_never_an_organisation() -> None:
    assert who(
        {"name": "李红", "phone": PHONE, "address": HOME, "kind": "merchant"},
        record("李红", LI, phone=PHONE, address=HOME),
    ) == [0, 1]
