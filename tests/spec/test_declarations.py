"""Definitions in files: YAML compiles to what Python would declare, and every fault names its line."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from quanke.bank.contracts import Purpose, Sensitivity
from quanke.kernel.errors import DefinitionError
from quanke.language import (
    Catalogue,
    Check,
    Metric,
    Occasion,
    Tag,
    Trigger,
    band,
    count,
    customers,
    daily_mean,
    days,
    facts,
    month_to_date,
    months,
    next_days,
    some,
    total,
    working_day,
    yuan,
)
from quanke.language.declarations import load_python, read_definitions
from quanke.language.declared_windows import window_of
from quanke.language.declared_yaml import LARGEST_FILE
from quanke.language.definitions import Definition
from quanke.language.nodes import Window
from tests.spec.audience_catalogue import CATALOGUE, aum, aum_90d, tier

ROOT = Path(__file__).resolve().parents[2]
tx = facts.transactions

FILE = """\
# 分析员的定义
owner: 零售部
purpose: marketing
tags:
  well_paid:
    zh: 高代发
    en: Well paid
    condition: 近30天工资 >= 2万元 and tier != "online"
  wages_30d:
    zh: 近30天工资
    en: Wages in 30 days
    total: transactions.amount
    where: direction == "in" and kind == "salary"
    within: 30 days
  aum_band:
    zh: 资产档
    en: Asset band
    band: aum
    edges: [5万, 20万元, 1_000_000]
    labels: [大众, 核心, 财富, 私行]
  wages_share:
    zh: 工资占比
    en: Share of wages
    ratio: wages_30d
    to: aum_90d
  maturing:
    zh: 30天内到期
    en: Maturing in 30 days
    count: accounts
    where: category == "term"
    within: next 30 days by matures_on
  deposits_90d:
    zh: 存款日均
    en: Mean deposits
    class: C2
    daily_mean: balances.balance
    where: >
      category in ("demand",
      "term")
    within: 近90天
  metal:
    zh: 持有贵金属
    en: Holds metal
    some: holdings.category == "metal"
metrics:
  core_customers:
    {zh: 核心客户数, en: Core customers, count: customers, where: 'tier == "core" and city == "深圳"'}
  aum_total: {zh: AUM合计, en: Total AUM, total: aum}
  aum_per_core: {zh: 户均AUM, en: AUM per head, value: aum_total / core_customers}
checks:
  odd_wages:
    zh: 工资异常
    en: Odd wages
    purpose: service
    condition: wages_30d > 100万元 and aum < 100
    severity: high
triggers:
  large_inflow:
    zh: 大额入账
    en: Large inflow
    on: transactions
    condition: direction == "in" and amount >= 10万元 and tier == "core"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ours.yaml"


def read(file: Path, text: str | bytes, **options: str) -> dict[str, Definition]:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return {d.name: d for d in read_definitions(file, CATALOGUE, **options)}


def one(lines: str, section: str = "tags", name: str = "x") -> str:
    body = "".join(f"    {line}\n" for line in lines.splitlines())
    return f"{section}:\n  {name}:\n    zh: 甲\n    en: A\n{body}"


def test_a_file_is_what_python_would_declare(file: Path) -> None:
    got = read(file, FILE)
    wages = total(tx.amount).where((tx.direction == "in") & (tx.kind == "salary")).within(days(30))
    accounts, balances = facts.accounts, facts.balances
    expected = {
        "wages_30d": wages,
        "well_paid": (got["wages_30d"] >= yuan(20_000)) & (tier != "online"),
        "aum_band": band(aum, [50_000, 200_000, 1_000_000], ["大众", "核心", "财富", "私行"]),
        "wages_share": got["wages_30d"] / aum_90d,
        "maturing": count(accounts).where(accounts.category == "term").within(next_days(30, by="matures_on")),
        "deposits_90d": daily_mean(balances.balance)
        .where(balances.category.one_of("demand", "term"))
        .within(days(90)),
        "metal": some(facts.holdings.category == "metal"),
        "core_customers": count(customers).where((tier == "core") & (customers.city == "深圳")),
        "aum_total": total(aum),
        "aum_per_core": got["aum_total"] / got["core_customers"],
        "odd_wages": (got["wages_30d"] > yuan(1_000_000)) & (aum < 100),
        "large_inflow": (tx.direction == "in") & (tx.amount >= yuan(100_000)) & (tier == "core"),
    }
    assert {name: d.expression for name, d in got.items()} == {n: v.node for n, v in expected.items()}
    assert list(got) == re.findall(r"^  (\w+):", FILE, re.MULTILINE)
    assert Catalogue([*CATALOGUE.values(), *got.values()])["maturing"].purpose is Purpose.MARKETING


def test_what_else_a_definition_carries(file: Path) -> None:
    got = read(file, FILE)
    kinds = {Tag: 7, Metric: 3, Check: 1, Trigger: 1}
    assert {kind: sum(type(d) is kind for d in got.values()) for kind in kinds} == kinds
    check = got["odd_wages"]
    assert isinstance(check, Check) and check.severity == "high" and check.purpose is Purpose.SERVICE
    assert got["metal"].owner == "零售部" and got["metal"].where == f"{file}:41"
    assert (got["well_paid"].title_zh, got["well_paid"].title_en) == ("高代发", "Well paid")
    assert got["deposits_90d"].sensitivity is Sensitivity.C2


def test_amounts_of_another_home(file: Path) -> None:
    assert read(file, one("condition: aum > 50_000"), currency="CZK")["x"].expression == (aum > 50_000).node
    with pytest.raises(DefinitionError, match="amounts are in CZK here"):
        read(file, one("condition: aum > 5万元"), currency="CZK")


FAULTS = {
    "tagz: {}": (1, "no section 'tagz'; did you mean `tags`"),
    "tags: [1]": (1, "a section holds definitions"),
    "tags:\n  x: 1": (2, "a definition has keys of its own"),
    "tags:\n  x: {}\n  x: {}": (3, "stands twice, first in line 2"),
    "tags:\n  x:\n\tzh: a": (3, "this is not YAML"),
    "a: &x [1]\nb: *x": (1, "anchors"),
    "tags: !!python/object/apply:os.system ['true']": (1, "YAML tags"),
    "tags: {}\n---\ntags: {}": (2, "one document"),
    "tags: {}\n# \x07": (2, "a character cannot stand"),
    "": (1, "holds sections"),
    "[" * 50: (1, "at most 6 levels deep"),
    one("condition: aum >"): (5, "`condition`, column 6: the text ends too early"),
    one("condition: aum"): (5, "yes or no, this is money"),
    one("value: credit"): (5, "no tag or field of this name"),
    one("condition: aum > 5\nvalue: aum"): (6, "it has condition and value"),
    one("valeu: aum"): (5, "did you mean `value`"),
    one("unit: yuan"): (2, "it has none"),
    one("value: aum\nwithin: 30 days"): (6, "'within' is not understood beside `value`"),
    one("value:"): (5, "nothing stands after `value`"),
    one("value: [aum]"): (5, "`value` takes one text"),
    one("total: transactions.amont"): (5, "transactions has no field of this name; did you mean `amount`"),
    one("total: transactions.kind"): (5, "adds integers, money or rates"),
    one("total: 5"): (5, "reads one table, not none"),
    one('total: transactions.amount\nwhere: kind == "salry"'): (6, "it never has this value"),
    one("total: transactions.amount\nwhere: aum > 5"): (6, "cannot read aum"),
    one("total: transactions.amount\nwhere: amount"): (6, "takes a condition"),
    one("total: transactions.amount\nwithin: 30 dayz"): (6, "a window is written"),
    one("total: transactions.amount\nwithin: 5000 days"): (6, "is not between"),
    one("total: transactions.amount\nwithin: 30 days by kind"): (6, "has no date field"),
    one("count: transaction"): (5, "did you mean `transactions`"),
    one("daily_mean: transactions.amount"): (5, "takes facts.balances.balance"),
    one("band: aum\nedges: 5"): (6, "takes a list"),
    one("band: aum"): (2, "`edges` takes a list"),
    one("band: aum\nedges: [5, 3]"): (5, "must ascend"),
    one("band: aum\nedges: [aum_90d]"): (6, "no tag or field"),
    one("band: aum\nedges: [5, 6]\nlabels: [a]"): (5, "2 edges make 3 bands"),
    one("ratio: aum"): (5, "a ratio has a `to`"),
    one("ratio: aum\nto: transfers"): (5, "divides money by money"),
    one("value: aum\npurpose: selling"): (6, "`purpose` is one of"),
    "purpose: selling\n" + one("value: aum"): (1, "`purpose` is one of"),
    one("value: credit_score"): (2, "may be read for"),
    one("value: aum\nclass: C9"): (6, "`class` is one of"),
    one("value: x + 1"): (2, "circular: x -> x"),
    one("value: aum", name="aum"): (2, "already defined at"),
    one("value: aum", name="1x"): (2, "lower_snake_case"),
    one("value: aum", "metrics"): (5, "`aum` is a tag"),
    one("value: aum", "checks"): (5, "one of condition says what it is"),
    one("condition: aum > 5\nseverity: bad", "checks"): (2, "severity is info, review or high"),
    one("condition: amount > 5", "triggers"): (5, "no tag or field of this name"),
    one("on: tx\ncondition: amount > 5", "triggers"): (5, "`on` names the table"),
    one("on: transactions\ncondition: amount > 5\nwithin: 7 days", "triggers"): (7, "goes with `unless`"),
    one("on: cards\ncondition: kind == 'debit'\nunless: amount > 5\nwithin: 7 days", "triggers"): (
        7,
        "no tag or field of this name",
    ),
    one(
        "on: cards\ncondition: closed_on is null\nunless_on: transactions\n"
        "unless: amount > 5\nwithin: last month",
        "triggers",
    ): (2, "so many natural days"),
    one(
        "on: cards\ncondition: closed_on is null\nunless_on: transactions\n"
        "unless: amount > 5\nwithin: 48 hours",
        "triggers",
    ): (2, "no field `at`"),
    one("on: transactions\ncondition: amuont > 5", "triggers"): (6, "did you mean `amount`"),
    "tags:\n  x:\n    zh: 甲\n    value: aum": (2, "a title in Chinese and in English"),
    "tags:\n  a: {zh: 一, en: a, value: b}\n  b: {zh: 二, en: b, value: 一}": (3, "circular: a -> b -> a"),
    "tags:\n  a: {zh: 一, en: a, value: aum}\nmetrics:\n  a: {zh: 一, en: a, total: aum}": (4, "in line 2"),
}


@pytest.mark.parametrize(("text", "fault"), FAULTS.items(), ids=lambda v: ascii(v)[-40:])
def test_a_fault_names_its_line(file: Path, text: str, fault: tuple[int, str]) -> None:
    line, reason = fault
    with pytest.raises(DefinitionError) as caught:
        read(file, text)
    assert caught.value.where == f"{file}:{line}", str(caught.value)
    assert reason in caught.value.reason


@pytest.mark.parametrize(
    "raw",
    [
        b"x" * (LARGEST_FILE + 1),
        b"\xff\xfe",
        "标签: 甲".encode("gb18030"),
        b"[" * 200_000,
        b"- " * 100_000,
        b"-\n" * 100_000,
        b"? " * 100_000,
        b"a: 1\n" * 50_000,
        b"k: |\n" + b"  x\n" * 50_000,
        b"'" * 200_001,
        b'a: "' + b"x\n" * 100_000,
        b"#" * 200_000,
        b"!" * 200_000,
    ],
    ids=lambda raw: f"{raw[:8]!r}",
)
def test_a_hostile_file_is_refused_soon(file: Path, raw: bytes) -> None:
    begun = time.perf_counter()
    with pytest.raises(DefinitionError):
        read(file, raw)
    assert time.perf_counter() - begun < 10


def test_a_missing_file_is_a_clear_error(tmp_path: Path) -> None:
    for reader in (read_definitions, load_python):
        with pytest.raises(DefinitionError, match="cannot be read"):
            reader(tmp_path / "absent")


def test_a_long_chain_needs_no_order(file: Path) -> None:
    lines = [
        f"  a{i}: {{zh: 一{i}, en: a, value: {'aum' if i == 399 else f'一{i + 1}'}}}" for i in range(400)
    ]
    assert len(read(file, "tags:\n" + "\n".join(lines))) == 400


WINDOWS = {
    "30 days": days(30),
    "last 30  days": days(30),
    "近30天": days(30),
    "30 days, 90 days ago": days(30, ago=90),
    "last month": months(1),
    "上月": months(1),
    "last 3 months": months(3),
    "近3个整月": months(3),
    "3 months, 2 months ago": months(3, ago=2),
    "this month so far": month_to_date(),
    "本月至今": month_to_date(),
    "next 7 days by matures_on": next_days(7, by="matures_on"),
    "未来7天 by matures_on": next_days(7, by="matures_on"),
}


@pytest.mark.parametrize(("words", "window"), WINDOWS.items())
def test_windows_in_words(words: str, window: Window) -> None:
    assert window_of(words) == window


def test_python_definitions_of_a_bank(tmp_path: Path) -> None:
    path = tmp_path / "ours.py"
    path.write_text(
        "from quanke.language import Tag, count, days, facts\n"
        "from tests.spec.audience_catalogue import aum\n"
        "def made(n):\n"
        "    window = days(n)\n"
        "    value = count(facts.transactions).within(window)\n"
        "    return Tag(name=f'n_{n}', title_zh='笔数', title_en='n', value=value)\n"
        "first = made(7)\n"
        "again = first\n"
        "second = made(30)\n"
        "third = Tag(name='twice', title_zh='两倍', title_en='Twice', value=aum * 2)\n",
        encoding="utf-8",
    )
    got = load_python(path)
    assert [d.name for d in got] == ["n_7", "n_30", "twice"]
    assert got[2].where == f"{path}:10"


@pytest.mark.parametrize(
    ("source", "line", "reason"),
    [
        ("x = 1\ny = (", 2, "not Python"),
        ("x = 1\n1 / 0", 2, "ZeroDivisionError"),
        ("import sys\n\nsys.exit(1)", 3, "SystemExit"),
        ("from quanke.language import *\nfrom quanke.language import Tag\n\nTag(name='X')", 4, "TypeError"),
        (
            "from quanke.language import Tag, facts\nt = Tag(name='x', title_zh='x', title_en='x',\n"
            "  value=facts.transactions.amuont)",
            3,
            "has no field",
        ),
    ],
)
def test_a_fault_in_python_names_its_line(tmp_path: Path, source: str, line: int, reason: str) -> None:
    path = tmp_path / "ours.py"
    path.write_text(source, encoding="utf-8")
    with pytest.raises(DefinitionError) as caught:
        load_python(path)
    assert caught.value.where == f"{path}:{line}", str(caught.value)
    assert reason in caught.value.reason


PAGES = [ROOT / "docs" / "how-to" / name for name in ("write-a-tag.md", "write-a-tag.zh-CN.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_the_page_shows_can_be_copied(page: Path, tmp_path: Path) -> None:
    from quanke.night.catalogue import standard_catalogue

    blocks = re.findall(
        r"^```(python|yaml)\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert {kind for kind, _ in blocks} == {"python", "yaml"}
    catalogue = standard_catalogue()
    for number, text in enumerate(text for kind, text in blocks if kind == "yaml"):
        (tmp_path / f"{number}.yaml").write_text(text, encoding="utf-8")
        catalogue = catalogue.with_more(read_definitions(tmp_path / f"{number}.yaml", catalogue))
    (tmp_path / "ours.py").write_text("".join(t for kind, t in blocks if kind == "python"), encoding="utf-8")
    catalogue.with_more(load_python(tmp_path / "ours.py"))


def test_triggers_on_a_day_and_on_what_does_not_come(file: Path) -> None:
    got = read(
        file,
        """
triggers:
  soon: {zh: 将到期, en: Soon, condition: birth_date == working_day(3)}
  unused:
    zh: 新卡未用
    en: Unused
    on: cards
    condition: kind == "debit"
    unless_on: transactions
    unless: kind == "card_payment"
    within: 7 days
  no_answer:
    zh: 未回应
    en: No answer
    on: contacts
    condition: means == "call"
    unless: outcome == "accepted"
    within: 48 hours
""",
    )
    soon, unused, no_answer = got["soon"], got["unused"], got["no_answer"]
    assert isinstance(soon, Trigger) and isinstance(unused, Trigger) and isinstance(no_answer, Trigger)
    assert [t.occasion for t in (soon, unused, no_answer)] == [
        Occasion.DAY,
        Occasion.ABSENCE,
        Occasion.ABSENCE,
    ]
    assert soon.expression == (customers.birth_date == working_day(3)).node
    assert unused.trees == ((facts.cards.kind == "debit").node, (tx.kind == "card_payment").node)
    assert (unused.table, unused.unless_table, unused.within) == ("cards", "transactions", days(7))
    assert (no_answer.unless_table, no_answer.hours) == ("contacts", 48)
    assert unused.words.endswith('unless transactions.kind == "card_payment" within 7 days')
