"""What audience text means and what is refused: examples that are tested and stand in the manual."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from quanke.language import (
    as_of,
    coalesce,
    contains,
    customers,
    least,
    when,
    working_day,
    year,
    years_between,
    yuan,
)
from quanke.language.expressions import Operators, call
from tests.spec.audience_catalogue import (
    aum,
    aum_90d,
    has_fund,
    has_wealth,
    last_at,
    log_aum,
    share,
    tier,
    transfers,
)


@dataclass(frozen=True)
class Understood:
    """A text, the expression it means, and a word on what it shows."""

    text: str
    means: Operators
    note: str = ""


@dataclass(frozen=True)
class Refused:
    """A text, the column its error points at, and words of the reason."""

    text: str
    column: int
    reason: str


city, born, opened = customers.city, customers.birth_date, customers.opened_on
core, rich = tier == "core", aum >= yuan(50_000)

UNDERSTOOD: dict[str, tuple[Understood, ...]] = {
    "Conditions 条件": (
        Understood(
            'tier == "core" and aum_90d >= 50_000元 and not holds("fund") and city in ("深圳", "东莞")',
            core & (aum_90d >= yuan(50_000)) & ~has_fund & city.one_of("深圳", "东莞"),
        ),
        Understood("has_fund", has_fund, "a yes-or-no tag stands by itself 是否类标签可单独成立"),
        Understood(
            'has_fund or tier == "core" and not has_wealth',
            has_fund | (core & ~has_wealth),
            "`not` binds tightest, then `and`, then `or` 优先级：not、and、or",
        ),
        Understood('(has_fund or tier == "core") and has_wealth', (has_fund | core) & has_wealth),
        Understood(
            'NOT has_fund AND tier <> "core"', ~has_fund & (tier != "core"), "as in SQL 与 SQL 写法相同"
        ),
        Understood('not tier == "core"', ~core, "the whole comparison is turned round 对整个比较取反"),
        Understood("aum > aum_90d * 2", aum > aum_90d * 2, "tags beside tags 标签与标签比较"),
    ),
    "Ranges and lists 区间与列表": (
        Understood(
            "50_000 <= aum < 200_000",
            (call("at_most", yuan(50_000), aum)) & (aum < yuan(200_000)),
            "a range says which end belongs 区间写明边界归属",
        ),
        Understood("10 > transfers >= 1", call("greater", 10, transfers) & (transfers >= 1)),
        Understood("transfers in (1, 2, 3)", transfers.one_of(1, 2, 3)),
        Understood('city not in ("深圳",)', ~city.one_of("深圳")),
        Understood("aum in (0, 1.5)", aum.one_of(yuan(0), yuan("1.5"))),
    ),
    "Unknown values 未知值": (
        Understood("city is null", city.is_null()),
        Understood("aum is not null", aum.is_known()),
        Understood("coalesce(aum, 0) < 100", coalesce(aum, 0) < 100, "unknown counts as zero 未知按零计"),
        Understood(
            'case(aum > 5万, "a", aum > 1万, "b", null) is null',
            when(aum > 50_000, "a").when(aum > 10_000, "b").otherwise(None).is_null(),
        ),
    ),
    "Money and numbers 金额与数字": (
        Understood("aum >= 50_000", rich, "a bare number beside money is in major units 金额旁的数字以元计"),
        Understood("aum >= 5万元", rich),
        Understood("aum >= 5 万元", rich),
        Understood("aum >= 5万", rich),
        Understood("aum >= 0.0005亿元", rich),
        Understood("aum >= -0.01", aum >= yuan("-0.01")),
        Understood("share > 5%", share > Decimal("0.05"), "% touches its number 百分号紧跟数字"),
        Understood("transfers % 5 == 0", transfers % 5 == 0, "apart: the remainder 分开写是取余"),
        Understood("transfers // 5 + 1 > 2", transfers // 5 + 1 > 2),
        Understood("aum * 0.5 - 100 > -aum", aum * Decimal("0.5") - 100 > -aum),
        Understood("aum / aum_90d > 1.5", aum / aum_90d > Decimal("1.5")),
        Understood("log_aum > 1e-9", log_aum > 1e-9, "an exponent, for models 模型数值可用指数"),
    ),
    "Days and text 日期与文本": (
        Understood("birth_date < 1961-06-30", born < dt.date(1961, 6, 30)),
        Understood('birth_date < date("1961-06-30")', born < dt.date(1961, 6, 30)),
        Understood("years_between(birth_date, as_of) >= 65", years_between(born, as_of()) >= 65),
        Understood("opened_on + 30 > as_of", opened + 30 > as_of()),
        Understood("opened_on == working_day(-3)", opened == working_day(-3)),
        Understood("year(opened_on) = 2026", year(opened) == 2026, "a single = will do 单个等号也可以"),
        Understood("last_at >= 2026-06-30T09:30", last_at >= dt.datetime(2026, 6, 30, 9, 30)),
        Understood("last_at >= 2026-06-30", last_at >= dt.datetime(2026, 6, 30)),
        Understood("city == '深圳'", city == "深圳"),
        Understood('contains(city, "a\\"b")', contains(city, 'a"b')),
        Understood("least(aum, aum_90d) > 100", least(aum, aum_90d) > 100, "any operation 任意运算"),
    ),
    "Written in Chinese 中文书写": (
        Understood(
            "层级＝＝“core” and （时点AUM ≥ 5万元） and 城市 in （“深圳”、“东莞”）",
            core & rich & city.one_of("深圳", "东莞"),
            "titles stand for names; full-width signs are read 可用中文名称与全角符号",
        ),
        Understood("90天日均AUM > 5万", aum_90d > 50_000, "even where it begins with a digit 数字开头也可以"),
        Understood("`时点占日均` ≠ 1", share != 1, "odd signs: between ` ` 含特殊符号用反引号"),
        Understood("customers.city == 「深圳」", city == "深圳", "a field of the customer table 客户表字段"),
    ),
}

REFUSED: dict[str, tuple[Refused, ...]] = {
    "Names 名称": (
        Refused("aum90 > 5", 1, "no tag or field of this name; did you mean `aum_90d`"),
        Refused("has_fund and 双生 > 5", 14, "several have this title: write the name, twin_a or twin_b"),
        Refused('holds("fnd")', 1, "did you mean `fund`? (known: fund, wealth)"),
        Refused("yaer(birth_date) = 1990", 1, "no operation of the language; did you mean `year`?"),
        Refused("tier(5) = 1", 1, "a tag, no operation"),
        Refused("base > 5", 1, "a metric, one figure for many customers"),
        Refused("transactions.amount > 5", 1, "there is no table of this name"),
        Refused("customers.citty == 'a'", 1, "customers has no field of this name; did you mean `city`"),
    ),
    "Purpose 用途": (
        Refused("has_fund and bureau > 600", 14, "may be used for compliance, risk only, not for marketing"),
        Refused("credit_score > 600", 1, "may be read for compliance, risk only, not for marketing"),
    ),
    "Values 取值": (
        Refused('tier == "coer"', 9, "it can be core, online, rising; did you mean `core`?"),
        Refused('sex in ("male", "f")', 17, "it can be female, male"),
        Refused("aum >= 50,000", 11, "thousands have no comma"),
        Refused("aum >= 500,200", 11, "thousands are written 50_000"),
        Refused("city == 007", 9, "a code stands in quotes"),
        Refused("aum > 5元元", 8, "a number cannot run into letters"),
        Refused("aum > 0.001", 5, "more than two decimal places"),
        Refused("share > 0.0000001", 7, "more than six decimal places"),
        Refused("transfers > 99999999999999999999", 11, "does not fit 64 bits"),
        Refused("aum > " + "9" * 40, 7, "at most 28 digits"),
        Refused("birth_date > 1990-1-1", 14, "written with ten signs"),
        Refused("birth_date > 1990-02-30", 14, "no such day"),
        Refused('birth_date > date("1990")', 19, "this is no day"),
        Refused("transfers in (1, transfers)", 18, "a list holds constants"),
        Refused("city in ('a', null)", 15, "a list holds no null"),
        Refused("city in (深圳)", 10, "no tag or field of this name"),
        Refused("earlier(tier) == tier", 1, "one night is asked here"),
    ),
    "Kinds 类型": (
        Refused("aum", 1, "an audience is a condition, not an amount of money"),
        Refused("tier and has_fund", 6, "`and` takes conditions, and a text is none"),
        Refused("tier == 5", 6, "a text and a whole number cannot be compared"),
        Refused("birth_date >= 1990", 12, "a day and a whole number cannot be compared"),
        Refused("aum > 5%", 5, "an amount of money and a rate cannot be compared"),
        Refused("tier == null", 6, "write `is null` or `is not null`"),
        Refused("year(birth_date, 1) = 1", 1, "`year` is written year(day)"),
        Refused("starts_with(city) and has_fund", 1, "starts_with(a, b)"),
        Refused("aum + transfers > 1", 5, "`+` does not take money, integer"),
    ),
    "Form 形式": (
        Refused("", 1, "there is nothing here"),
        Refused("aum >", 6, "the text ends too early"),
        Refused("aum > 5 aum", 9, "expected `and`, `or` or the end"),
        Refused("(aum > 5", 1, "this `(` is never closed"),
        Refused("（aum > 5））", 10, "this `)` closes nothing"),
        Refused('city == "深圳', 9, "this quote is never closed"),
        Refused("aum between 5 and 6", 5, "write low <= value < high"),
        Refused("1 < aum > 5", 9, "only a range can be chained"),
        Refused("aum == aum_90d == 5", 16, "only a range can be chained"),
        Refused('tier in "core"', 9, "a list in round brackets"),
        Refused("aum > 5 && has_fund", 9, "write `and`"),
        Refused("aum > 5; drop table", 8, "joined with `and` or `or`"),
        Refused("has_fund\x00", 9, "U+0000 cannot stand here"),
        Refused("has_fund\u202e", 9, "U+202E cannot stand here"),
        Refused("(" * 101, 101, "nested more than 100 deep"),
        Refused("transfers in (" + "1," * 1001 + ")", 2015, "a list has at most 1,000 values"),
        Refused("a" * 10_001, 10_001, "longer than 10,000 characters"),
        Refused("__import__('os') == 0", 1, "no operation"),
    ),
}
