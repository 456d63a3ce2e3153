"""The page docs/reference/golden.md: which value survives, from quanke.customers.survivorship."""

from __future__ import annotations

from collections.abc import Mapping

from quanke.bank.contracts import CONTRACTS
from quanke.bank.survivorship import Prefer, Preference, Survivorship
from quanke.customers.survivorship import SOURCE_PRIORITY, SURVIVORSHIP

PATH = "reference/golden.md"

HEAD = """\
# The golden record: which value survives 主记录：取值规则

<!-- Written by docs/generate.py from quanke.customers.survivorship. Do not edit. -->

A customer is known to several systems, and they do not always agree. The night makes one golden record of
each customer. For every field a rule below says which of his records gives it; fields that stand in one row
travel together, so that an address or a document is never put together from two records.

同一客户在多个系统中各有一条记录，内容未必一致。夜间批量为每位客户形成一条主记录：下表逐项写明取自哪条记录；
同一行的字段必取自同一条记录，地址、证件绝不拼接。

Only records that know at least one field of the row are asked. They are ordered by the steps in *order*,
from left to right; the first record gives all fields of the row, also those it does not know. Where the
steps leave a choice, the source decides: {sources}, then others by name; then
the smallest party number.

只比较至少已知该行一个字段的记录，按“顺序”自左至右排序，首条给出整行字段（其中未知的仍为未知）；
仍相同时按来源：{sources}，其余按名称；再按客户编号从小到大。

Of a customer who is a person and an organisation, what a person has is taken from the person.
既是个人又是机构的客户，个人具有的字段取自个人记录。

From Python, `quanke.customers.golden_record` gives the golden record of one customer with, for each field,
the record it comes from, the rule, and how many records say otherwise; `masked` hides what may not be seen.
在 Python 中，`quanke.customers.golden_record` 逐项给出一位客户的主记录、出处、规则及有几条记录与之不同；
`masked` 给出脱敏后的值。

"""

TITLES = {"parties": "Persons 个人客户", "organisations": "Organisations 机构客户"}
WORDS: Mapping[Prefer, str] = {
    Prefer.TRUE: "`{field}` true 为真",
    Prefer.GIVEN: "`{field}` known 已知",
    Prefer.LATEST: "latest 最晚 `{field}`",
    Prefer.EARLIEST: "earliest 最早 `{field}`",
    Prefer.SOURCES: "from 来自 {sources}",
    Prefer.DOCUMENT: "as inside the golden document's number 与主证件号码所示一致",
}


def step(preference: Preference) -> str:
    """One step of an order in both languages."""
    sources = ", ".join(f"`{source}`" for source in preference.sources)
    return WORDS[preference.by].format(field=preference.field, sources=sources)


def order(rule: Survivorship) -> str:
    """What decides, in order, as one table cell."""
    said = [step(preference) for preference in rule.order] or ["source 来源"]
    if rule.closes:
        sources = ", ".join(f"`{source}`" for source in rule.closes)
        said.insert(0, f"known in all records of {sources} (else in all) 其全部记录已知（没有则为全部记录）")
    return " → ".join(said)


def section(table: str) -> str:
    """The rules of one table."""
    lines = [
        f"## {TITLES[table]}",
        "",
        "| fields 字段 | rule | 规则 | order 顺序 |",
        "|---|---|---|---|",
    ]
    for rule in SURVIVORSHIP[table]:
        fields = ", ".join(f"`{name}` {CONTRACTS[table][name].title_zh}" for name in rule.fields)
        lines.append(f"| {fields} | {rule.title_en} | {rule.title_zh} | {order(rule)} |")
    return "\n".join(lines) + "\n"


def page() -> str:
    """The whole page."""
    sources = ", ".join(f"`{source}`" for source in SOURCE_PRIORITY)
    return HEAD.format(sources=sources) + "\n".join(section(table) for table in SURVIVORSHIP)
