"""The page docs/reference/audience.md: what an audience can say, from the specification tests."""
# ruff: noqa: E501

from __future__ import annotations

from tests.spec.audience_catalogue import CATALOGUE
from tests.spec.cases.audience import REFUSED, UNDERSTOOD, Refused, Understood

from quanke.kernel.errors import AudienceError
from quanke.language.audience import DEEPEST, MOST_VALUES, parse_audience
from quanke.language.audience_text import say_audience
from quanke.language.audience_tokens import DEEPEST_BRACKETS, LONGEST_TEXT, MOST_DIGITS
from quanke.language.operations import OPERATIONS

PATH = "reference/audience.md"

HEAD = f"""\
# Audience text 客群表达式

<!-- Written by docs/generate.py from tests/spec/cases/audience.py. Do not edit. -->

An audience is a condition on a customer. It is written for `quanke audience`, and the same way under `condition`,
`value`, `where` and the like in an analyst's [YAML file](../how-to/write-a-tag.md). Every example below is tested.

客群是对客户的一个条件，用于 `quanke audience`；分析人员的 [YAML 文件](../how-to/write-a-tag.zh-CN.md)中
`condition`、`value`、`where` 等处写法相同。以下示例全部经过测试。

| from loose to tight 由松到紧 | |
|---|---|
| `a or b` | true where one is 任一成立 |
| `a and b` | true where both are 同时成立 |
| `not a` | |
| `a == b`, `!=`, `<`, `<=`, `>`, `>=`, `low <= a < high`, `a in (x, y)`, `a is null` | |
| `a + b`, `a - b` | |
| `a * b`, `a / b`, `a // b`, `a % b` | |
| `-a` | |
| names, `operation(a, b)`, `(a)` | names are tags, checks, fields of the customer table, or their Chinese titles 名称可为标签、检查、客户表字段或其中文名称 |

`between` is not there: it does not say which end belongs. 没有 `between`：它不说明边界归属。

At most {LONGEST_TEXT:,} characters, {DEEPEST_BRACKETS} brackets deep, {MOST_VALUES:,} values in a list, {MOST_DIGITS}
digits in a number; no part may stand more than {DEEPEST} levels deep. Unknown is neither true nor false: a customer for
whom a condition is unknown is not in the audience.

最长 {LONGEST_TEXT:,} 个字符，括号最多 {DEEPEST_BRACKETS} 层，列表最多 {MOST_VALUES:,} 个值，数字最多 {MOST_DIGITS} 位，
表达式最多 {DEEPEST} 层。未知既非真也非假：条件未知的客户不在客群内。
"""
LONGEST_SHOWN = 80


def code(text: str) -> str:
    """A text as inline code of a table cell."""
    fence = "``" if "`" in text else "`"
    pad = " " if "`" in text else ""
    return f"{fence}{pad}{text.replace('|', chr(92) + '|')}{pad}{fence}"


def understood(examples: tuple[Understood, ...]) -> list[str]:
    """The table of one group: as it may be written, as it is said again."""
    rows = ["| written 写法 | read as 读作 | |", "|---|---|---|"]
    for example in examples:
        said = say_audience(example.means.node, names=CATALOGUE)
        again = "" if said == example.text else code(said)
        rows.append(f"| {code(example.text)} | {again} | {example.note} |")
    return rows


def refused(examples: tuple[Refused, ...]) -> list[str]:
    """The table of one group of texts that are refused."""
    rows = ["| written 写法 | column 列 | because 原因 |", "|---|---|---|"]
    shown = [e for e in examples if e.text.isprintable() and 0 < len(e.text) <= LONGEST_SHOWN]
    rows += [f"| {code(e.text)} | {e.column} | {reason(e.text)} |" for e in shown]
    return rows


def reason(text: str) -> str:
    """What is said about a text that is refused."""
    try:
        parse_audience(text, CATALOGUE)
    except AudienceError as error:
        return error.reason
    raise AssertionError(f"{text} is no longer refused")


def page() -> str:
    """The whole page."""
    lines = [HEAD]
    for title, examples in UNDERSTOOD.items():
        lines += [f"## {title}", "", *understood(examples), ""]
    by_name = [name for name, operation in OPERATIONS.items() if not operation.symbol]
    lines += [
        "## Operations by name 具名运算",
        "",
        "Each is explained in [the language](language.md). 详见[语言手册](language.md)。",
        "",
        ", ".join(f"`{name}({OPERATIONS[name].takes})`" for name in by_name),
        "",
        'And `holds("fund")` for the tag `has_fund`, `date("2026-06-30")` for the day, `nothing("money")` for an unknown'
        " value of a kind; in YAML also `earlier(tier)`, the value of the comparison night.",
        "",
        '另有 `holds("fund")`（即标签 `has_fund`）、`date("2026-06-30")`（日期）、`nothing("money")`（某类未知值）；'
        "在 YAML 中还有 `earlier(tier)`（对比夜的值）。",
        "",
        "## What is refused 会被拒绝的写法",
        "",
    ]
    for title, bad in REFUSED.items():
        lines += [f"### {title}", "", *refused(bad), ""]
    return "\n".join(lines).rstrip() + "\n"
