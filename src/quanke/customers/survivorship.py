"""Which record a customer's golden value comes from, field by field: the rules Quanke brings along.

Core banking has checked identity documents at a counter; cards and mobile keep what customers typed; a
partner's file comes last. That order decides wherever a rule leaves a choice.
"""

from __future__ import annotations

from types import MappingProxyType

from quanke.bank.survivorship import Prefer, Preference, Rules, Survivorship, check_rules

SOURCE_PRIORITY: tuple[str, ...] = ("core", "cards", "mobile", "partner")
"""Which source is believed first. Sources not named here follow, by name."""

BANK_SOURCES: tuple[str, ...] = ("core", "cards", "mobile")
"""The bank's own systems. What a partner hands over never beats them on how to reach a customer: a
partner's file is stamped anew with every delivery, so that "latest" alone would always be the partner."""

ACCOUNT_SOURCES: tuple[str, ...] = ("core", "cards")
"""Systems that keep accounts. The relation has ended only when it has ended in each of them."""

_CHECKED_DOCUMENT = (Preference(Prefer.TRUE, "id_valid"), Preference(Prefer.GIVEN, "id_number"))
_CHECKED_CODE = (Preference(Prefer.TRUE, "uscc_valid"), Preference(Prefer.GIVEN, "uscc"))
_OWN = Preference(Prefer.SOURCES, sources=BANK_SOURCES)
_RECENT = Preference(Prefer.LATEST, "updated_at")

_FIRST_ZH = "取自来源优先级最高的已知记录"
_FIRST_EN = "of the first source, by priority, that knows it"
_OWN_RECENT_ZH = "行内记录先于合作方，其中取最近更新的一条"
_OWN_RECENT_EN = "of the bank's own records before a partner's, the one changed last"


def _first(*fields: str) -> tuple[Survivorship, ...]:
    """The default rule for each of some fields."""
    return tuple(Survivorship(field, (field,), _FIRST_ZH, _FIRST_EN) for field in fields)


_PLACE_AND_TIME = (
    Survivorship(
        "address",
        ("address", "city", "district"),
        "地址、城市、区县取自同一条记录，绝不拼接；先取写明详细地址的，再按来源优先级",
        "address, city and district of one record, never mixed: one with a street first, then by source",
        (Preference(Prefer.GIVEN, "address"),),
    ),
    Survivorship(
        "opened_on",
        ("opened_on",),
        "各记录中最早的建立关系日期",
        "the earliest of all records: the relation began when the first system knew the customer",
        (Preference(Prefer.EARLIEST, "opened_on"),),
    ),
    Survivorship(
        "closed_on",
        ("closed_on",),
        "核心与卡系统的记录全部终止后才算终止，取其中最晚日期",
        "only once every record of core and cards has ended, and then the latest of them",
        (Preference(Prefer.LATEST, "closed_on"),),
        closes=ACCOUNT_SOURCES,
    ),
)

PERSON_RULES: tuple[Survivorship, ...] = (
    Survivorship(
        "name",
        ("name",),
        "姓名与证件取自同一条记录：先取证件号校验通过的，再取有证件号的",
        "of the record that gives the document: one whose number passes its check, then one with a number",
        _CHECKED_DOCUMENT,
    ),
    Survivorship(
        "document",
        ("id_type", "id_number", "id_expires_on"),
        "证件类型、号码、有效期取自同一条记录；先取证件号校验通过的，再取有证件号的",
        "kind, number and expiry of one document: one whose number passes its check, then one with a number",
        _CHECKED_DOCUMENT,
    ),
    *(
        Survivorship(
            field,
            (field,),
            f"居民证件号码所示的{zh}，只要有记录与之一致；否则取给出证件的记录",
            f"the {en} inside a resident number if any record agrees; else of the record with the document",
            (Preference(Prefer.DOCUMENT, field), *_CHECKED_DOCUMENT),
        )
        for field, zh, en in (("birth_date", "出生日期", "birth date"), ("sex", "性别", "sex"))
    ),
    Survivorship(
        "phone",
        ("phone",),
        "先取号码校验通过的；行内记录先于合作方，其中取最近更新的一条",
        "a number that passes its check first; of the bank's own before a partner's, the one changed last",
        (Preference(Prefer.TRUE, "phone_valid"), _OWN, _RECENT),
    ),
    *(
        Survivorship(field, (field,), _OWN_RECENT_ZH, _OWN_RECENT_EN, (_OWN, _RECENT))
        for field in ("email", "employer_name", "occupation")
    ),
    *_PLACE_AND_TIME,
    *_first("nationality", "language", "branch_id"),
    Survivorship(
        "deceased",
        ("deceased",),
        "任一记录标明身故即为身故",
        "yes as soon as any record says so",
        (Preference(Prefer.TRUE, "deceased"),),
    ),
    Survivorship(
        "risk",
        ("risk_class", "risk_assessed_on"),
        "风险等级与测评日期取自同一条记录，取最近一次测评",
        "class and day of one assessment, the latest",
        (Preference(Prefer.LATEST, "risk_assessed_on"),),
    ),
    Survivorship(
        "credit_score",
        ("credit_score",),
        "取最近更新的一条记录",
        "of the record changed last",
        (_RECENT,),
    ),
)

ORGANISATION_RULES: tuple[Survivorship, ...] = (
    Survivorship(
        "name",
        ("name",),
        "名称与统一社会信用代码取自同一条记录：先取代码校验通过的，再取有代码的",
        "of the record that gives the credit code: one that passes its check, then one with a code",
        _CHECKED_CODE,
    ),
    Survivorship(
        "uscc",
        ("uscc",),
        "先取校验通过的统一社会信用代码",
        "a code that passes its check first",
        _CHECKED_CODE,
    ),
    *_first("kind", "sector"),
    Survivorship(
        "headcount", ("headcount",), "取最近更新的一条记录", "of the record changed last", (_RECENT,)
    ),
    *_PLACE_AND_TIME,
    *_first("branch_id"),
)

SURVIVORSHIP: Rules = MappingProxyType({"parties": PERSON_RULES, "organisations": ORGANISATION_RULES})
"""Every field of a golden customer with its rule, by table."""

check_rules(SURVIVORSHIP)
