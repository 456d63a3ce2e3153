"""The page docs/reference/language.md: every operation and aggregate with its specification tests.

The tables are the cases of tests/spec, which run on every engine; the SQL is what the engines lower to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tests.spec.cases.facts import FactCase, every_fact_case
from tests.spec.cases.scalars import RESULT, Case, every_scalar_case
from tests.spec.conftest import AS_OF
from tests.spec.tables import NAMES, Table, shown

from quanke.engines.duckdb import lowering as duckdb_lowering
from quanke.engines.spark import lowering as spark_lowering
from quanke.language import say
from quanke.language.nodes import AsOf, Call, Grain, Literal
from quanke.language.operations import OPERATIONS, SYMBOLS, Operation
from quanke.language.types import Type

PATH = "reference/language.md"

HEAD = """\
# The language 语言参考

<!-- Written by docs/generate.py from quanke.language and the cases of tests/spec. Do not edit. -->

Every operation of the language, with the small tables that prove it: each is run on the plain-Python
judge, DuckDB, NumPy and Spark whenever the tests run, and must give the result shown in its last column.
*error* in a table means that the row is refused.

语言中的每个操作，以及证明其含义的小表：每次测试时，这些表都在纯 Python 判定器、DuckDB、NumPy 和 Spark
上运行，最后一列就是必须得到的结果。表中的 *error* 表示该行被拒绝。

How to write a definition 怎样写定义: [Write a tag](../how-to/write-a-tag.md),
[写一个标签](../how-to/write-a-tag.zh-CN.md).

## Laws for all operations 通则

{laws}

## Types 类型

| type 类型 | holds 内容 | DuckDB | Spark | NumPy |
|---|---|---|---|---|
{types}
"""
LAWS = (
    ("An operation with an unknown argument is unknown, unless its meaning says otherwise.",
     "参数未知则结果未知，另有说明者除外。"),
    ("Rounding happens once and is half away from zero.", "只舍入一次，四舍五入（负数远离零）。"),
    ("Money is whole minor units; a bare number beside money is in major units.",
     "金额是整数分；金额旁的裸数字以元计。"),
    ("A rate has six places; one of a trillion or more, either sign, is unknown.",
     "比率六位小数；绝对值达一万亿者为未知。"),
    ("A whole-number result outside 64 bits is an error, never a wrap.",
     "整数结果超出 64 位即报错，绝不回绕。"),
    ("A floating-point number that is not finite is unknown; so is a day outside the years 1 to 9999.",
     "非有限的浮点数、公元 1 年至 9999 年之外的日期均为未知。"),
    ("Floating-point results are IEEE doubles, the same everywhere but for the last digit of"
     " `logarithm` and `exponential`.",
     "浮点结果为 IEEE 双精度，各引擎一致，仅 `logarithm` 与 `exponential` 的末位可能不同。"),
    ("Division by zero is unknown.", "除以零为未知。"),
    ("Text is compared and counted by code points.", "文本按码点比较和计数。"),
    (f"The as-of day of the examples is {AS_OF}, unless another is given.",
     f"示例的数据日期为 {AS_OF}，另有说明者除外。"),
)  # fmt: skip
KINDS = {
    "boolean": ("yes or no 是／否", "bool"),
    "integer": ("whole number, 64 bits; may count days, months, times 整数，可带单位", "int64"),
    "money": ("minor units of the home currency 本币最小单位（分）", "int64"),
    "rate": ("decimal of six places 六位小数", "int64, millionths"),
    "number": ("floating point, for models only 浮点数，仅供模型", "float64"),
    "text": ("Unicode text 文本", "object (str)"),
    "date": ("natural day 自然日", "datetime64[D]"),
    "instant": ("moment, Asia/Shanghai wall clock 北京时间的时刻", "datetime64[us]"),
}
GROUPS = {
    "arithmetic": "Arithmetic 算术",
    "comparison": "Comparison 比较",
    "logic": "Logic and choice 逻辑与选择",
    "dates": "Dates 日期",
    "text": "Text 文本",
    "numbers": "Numbers of models 模型用数",
}
ZH = {
    "add": "求和。日期加天数得日期。",
    "subtract": "求差。日期减日期得天数，日期减天数得日期。",
    "multiply": "求积。金额乘比率舍入到分，比率乘比率舍入到六位。",
    "divide": "求商，除数为零则未知。金额除金额、整数除整数得六位比率；金额除以整数或比率得金额，舍入到分。",
    "floor_divide": "不大于 a / b 的最大整数；除数为零则未知。",
    "modulo": "向下整除的余数：a - b * (a // b)，符号同除数；除数为零则未知。",
    "negate": "相反数。",
    "absolute": "绝对值。",
    "sign": "符号：-1、0 或 1。",
    "least": "已知参数中最小者；全部未知则未知。",
    "greatest": "已知参数中最大者；全部未知则未知。",
    "equal": "是否相同。",
    "not_equal": "是否不同。",
    "less": "a 是否小于 b。",
    "at_most": "a 是否不大于 b。",
    "greater": "a 是否大于 b。",
    "at_least": "a 是否不小于 b。",
    "one_of": "a 是否等于所列常量之一。",
    "both": "且：三值逻辑。",
    "either": "或：三值逻辑。",
    "opposite": "非：未知仍为未知。",
    "is_null": "是否未知；其结果从不未知。",
    "coalesce": "第一个已知的参数；全部未知则未知。",
    "case": "第一个成立的条件所对应的值（条件未知视为不成立），否则为最后一个参数。",
    "band": "不大于 a 的边界个数：低于第一个边界为 0；边界值归入上档。",
    "year": "公历年。",
    "month": "月份，1 至 12。",
    "day_of_month": "日，1 至 31。",
    "iso_weekday": "ISO 星期：周一为 1，周日为 7。",
    "hour": "北京时间的小时，0 至 23。",
    "date_of": "北京时间的自然日。",
    "days_between": "从前一日到后一日的天数；后者在前则为负。",
    "months_between": "经过的整月数：到达同日即满一月，当月无此日者以月末为满；反向取负。",
    "years_between": "经过的整年数（周岁）：整月数除以十二，向零取整。",
    "add_months": "若干月后的对应日，无对应日则为当月最后一日（民法典第 202 条）。",
    "month_start": "当月第一日。",
    "month_end": "当月最后一日。",
    "length": "码点个数。",
    "concat": "两段文本相接。",
    "starts_with": "a 是否以 b 开头，逐字比较。",
    "ends_with": "a 是否以 b 结尾，逐字比较。",
    "contains": "a 中是否含有 b，逐字比较。",
    "part": "从第 `start` 个码点起至多 `length` 个码点（1 为第一个；两者均为常量）。",
    "to_number": "供模型使用的浮点数：金额为分除以一百，比率为百万分数除以一百万。",
    "to_rate": "整数或浮点数化为比率；浮点数先乘一百万，再四舍五入。",
    "square_root": "平方根；负数则未知。",
    "logarithm": "自然对数；不大于零则未知。",
    "exponential": "e 的 a 次方；a 大于 700 则未知。",
}
TOPICS = {
    "sum": ("total(value) 合计", "The sum; 0 where no row fits. 合计，无行则为 0。"),
    "count": ("count(table) 计数", "How many rows. 行数。"),
    "min": ("smallest(value) 最小", "The smallest known value. 最小的已知值。"),
    "max": ("largest(value) 最大", "The largest known value. 最大的已知值。"),
    "mean": ("mean(value) 平均", "The mean of the known values, rounded once. 已知值的平均，只舍入一次。"),
    "last": ("latest(value) 最近", "The known value of the last row by day. 按日期最后一行的已知值。"),
    "any": ("some(condition) 存在", "Whether the condition is true for any row. 是否有任一行满足条件。"),
    "distinct": ("distinct(value) 去重计数", "How many different known values. 不同的已知值个数。"),
    "distinct_days": (
        "distinct_days(table) 天数",
        "On how many different days there is a row. 有记录的天数。",
    ),
    "level": (
        "level(balance) 时点余额",
        "The balance at the end of the window's last day. 窗口最后一日的日终余额。",
    ),
    "daily_mean": (
        "daily_mean(balance) 日均",
        "End-of-day balances over the natural days of the window, divided by their number. "
        "窗口内各自然日日终余额之和除以天数（积数法）。",
    ),
    "window": (
        "Windows 时间窗口",
        "Which days an aggregate looks at; nothing after the as-of day is ever seen. "
        "汇总所看的日期；数据日期之后的行一律不可见。",
    ),
    "rank": (
        "rank, portion 名次与等分",
        "Place of a customer among all, or within a group; ties by customer number. "
        "客户在全体或组内的名次，并列时按客户号。",
    ),
    "customers": (
        "Fields of customers 客户字段",
        "The golden customer, what models found, and what the graph gives. 客户主数据、模型结果与关系图谱。",
    ),
    "reference": (
        "Other definitions 引用其他定义",
        "A definition can stand on others. 定义可以引用其他定义。",
    ),
    "earlier": (
        "earlier(definition) 对比期的值",
        "Its value in the earlier night; unknown where there was none. 前一期的值；没有则未知。",
    ),
    "metric": (
        "Metrics 指标",
        "Aggregates over customers, for everybody and for each group. 对客户汇总：全体与各组。",
    ),
}


def page() -> str:
    """The whole page."""
    laws = "\n".join(f"- {en} {zh}" for en, zh in LAWS)
    parts = [HEAD.format(laws=laws, types="\n".join(_type_rows()))]
    cases: dict[str, list[Case]] = {}
    for case in every_scalar_case():
        cases.setdefault(case.operation, []).append(case)
    for group, title in GROUPS.items():
        parts.append(f"## {title}\n")
        parts += [_operation(o, cases[o.name]) for o in OPERATIONS.values() if o.group == group]
    parts.append("## Aggregates over the tables of a bank 对业务表的汇总\n")
    topics: dict[str, list[FactCase]] = {}
    for fact_case in every_fact_case():
        topics.setdefault(fact_case.topic, []).append(fact_case)
    for topic, (title, meaning) in TOPICS.items():
        parts.append(f"### {title}\n\n{meaning}\n")
        parts += [_fact_case(c) for c in topics.pop(topic)]
    if topics or ZH.keys() != OPERATIONS.keys():
        raise ValueError(f"no words for {sorted(topics)} {sorted(ZH.keys() ^ OPERATIONS.keys())}")
    return "\n".join(parts)


def _type_rows() -> Iterable[str]:
    for of, name in NAMES.items():
        if name in KINDS:
            holds, numpy = KINDS[name]
            sql = f"{duckdb_lowering.sql_type(of)} | {spark_lowering.sql_type(of)}"
            yield f"| `{name}` | {holds} | {sql} | {numpy} |"


def _operation(operation: Operation, cases: Sequence[Case]) -> str:
    symbol = f" `{SYMBOLS[operation.name]}`" if operation.name in SYMBOLS else ""
    lines = [f"### {operation.name}{symbol}\n", f"`{operation.name}({operation.takes})`\n"]
    lines += [operation.meaning + "\n", ZH[operation.name] + "\n"]
    for case in cases:
        lines += [f"**{case.title}**: {_code(_said(case))}\n", _table(case.whole, case.whole.types), ""]
    lines += ["<details><summary>In SQL</summary>\n", "```sql"]
    seen: set[str] = set()
    for case in cases:
        for line in _lowered(case):
            if line not in seen:
                seen.add(line)
                lines.append(line)
    return "\n".join([*lines, "```\n", "</details>\n"])


def _said(case: Case) -> str:
    return say(case.node).replace("models.", "")


def _lowered(case: Case) -> Iterable[str]:
    call = case.node
    assert isinstance(call, Call)
    kinds = ", ".join(str(a.type.kind) for a in call.arguments if not isinstance(a, AsOf))
    for engine, module in (("DuckDB", duckdb_lowering), ("Spark", spark_lowering)):
        arguments = []
        for name, argument in zip("abcdefgh", call.arguments, strict=False):
            constant = isinstance(argument, Literal)
            arguments.append(module.literal(argument, AS_OF) if constant else name)
        yield f"-- {engine}, {kinds}\n{module.lower(call, arguments)}"


def _fact_case(case: FactCase) -> str:
    day = "" if case.on == AS_OF else f" (as of {case.on.isoformat()})"
    lines = [f"**{case.title}**{day}\n"]
    for definition in case.definitions:
        kind = "metric " if definition.grain is Grain.POPULATION else ""
        said = say(definition.expression).replace("models.", "")
        lines.append(f"- {kind}{_code(definition.name)} = {_code(said)}")
    lines.append("")
    for name in case.tables:
        table = case.given[name]
        lines += [f"`{name}`\n", _table(table, table.types), ""]
    if case.before is not None:
        lines += ["the earlier night 前一期\n", _table(case.before, case.before.types), ""]
    group = f", by `{case.by}`" if case.by else ""
    lines += [f"result 结果{group}\n", _table(case.wanted, case.wanted.types), ""]
    return "\n".join(lines)


def _table(table: Table, types: dict[str, Type]) -> str:
    heads = [_head(name, of) for name, of in types.items()]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for row in zip(*table.columns.values(), strict=True):
        cells = [_cell(v, name, of) for v, (name, of) in zip(row, types.items(), strict=True)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _head(name: str, of: Type) -> str:
    kind = NAMES.get(of, str(of))
    return f"{'**result**' if name == RESULT else name} *{kind}*" if name != "customer" else "customer"


def _cell(value: Any, name: str, of: Type) -> str:
    if name == "customer":
        return str(value)
    known = of if of in NAMES else Type(of.kind)
    text = shown(value, known).replace("|", "\\|")
    return _code(text) if isinstance(value, str) else text


def _code(text: str) -> str:
    """Inline code, whatever is in it."""
    text = text.replace("\n", "\\n")
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}"
