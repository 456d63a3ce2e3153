"""The page docs/reference/contracts.md: every table a bank hands over, from quanke.bank.contracts."""

from __future__ import annotations

from quanke.bank.contracts import CONTRACTS, Contract, Field, FieldType, Purpose, TableKind

PATH = "reference/contracts.md"

HEAD = """\
# Contracts: what a bank hands over 数据契约：银行交付的表

<!-- Written by docs/generate.py from quanke.bank.contracts. Do not edit. -->

`quanke load DIR` reads a folder with any of the tables below; [Load your bank](../how-to/load-your-bank.md)
says how files are named and what happens to a row that breaks a rule. A table you do not have may be
left out, and so may a column that is not required.

`quanke load DIR` 读取一个文件夹，其中可含下列任意表；没有的表可以不给，非必填的列也可以不给。
文件如何命名、不合规的行如何处理，见 [Load your bank](../how-to/load-your-bank.md)。

## How to read the tables 读表说明

**Type 类型**

| type | what it holds | 含义 |
|---|---|---|
"""

TYPES = {
    FieldType.TEXT: ("text", "文本"),
    FieldType.CODE: (
        "short text out of a list; where the list is closed, it is given under *rules*",
        "代码；取值封闭时列于“规则”",
    ),
    FieldType.INTEGER: ("whole number", "整数"),
    FieldType.MONEY: (
        "amount in the row's currency: decimal major units (`1234.56`), or whole minor units in a "
        "column named with `_fen` at the end; floating-point columns are refused",
        "金额：以元为单位的十进制数，或列名加 `_fen` 的整数分；拒收浮点列",
    ),
    FieldType.RATE: ("decimal with up to six places (`0.0275` is 2.75 %)", "比率，至多六位小数"),
    FieldType.BOOLEAN: ("yes or no", "是／否"),
    FieldType.DATE: ("natural day, `YYYY-MM-DD` or `YYYYMMDD`", "日期"),
    FieldType.INSTANT: (
        "moment, `YYYY-MM-DD HH:MM:SS`, in Asia/Shanghai time unless it bears an offset",
        "时刻；不带时区偏移时按北京时间",
    ),
}

KINDS = {
    TableKind.SNAPSHOT: (
        "snapshot: one row per key; a later delivery of the same key replaces the earlier one",
        "快照：每个主键一行，后到的替换先到的",
    ),
    TableKind.EVENT: (
        "events: rows add up; a key that was taken before is a duplicate",
        "流水：逐条累加，主键重复即为重复行",
    ),
    TableKind.LEVEL: (
        "levels: the state at the end of a day, on the days it changed (or on every day: days without "
        "change are thinned away)",
        "余额类：日终状态，只需给有变动的日期；逐日全量也可，无变动的日期会被略去",
    ),
}

CHECKS = {
    "id_number": ("by the rules of its `id_type` ✓", "按证件类型校验"),
    "uscc": ("unified social credit code, GB 32100 ✓", "统一社会信用代码"),
    "mobile": ("mobile number ✓", "手机号"),
    "card_number": ("13 to 19 digits with a check digit ✓", "13–19 位，含校验位"),
    "currency": ("ISO 4217 code", "ISO 4217 币种代码"),
    "not_negative": ("not negative", "不为负"),
    "positive": ("above zero", "大于零"),
}

CLASSES = """
**Class 分级** (JR/T 0171-2020): C1 is internal 内部信息, C2 identifies a person together with finance
可识别个人及其金融状况. C3 (passwords, card tracks, biometrics) is never accepted 鉴别信息一律不收.

**✓**: checked, but a value that fails does not stop the row; it is taken as it is.
只校验，不拦截：未通过的值照原样入库.

**Key 主键**: the columns marked 🔑 together name one row 合起来唯一确定一行.

"""


def rules(field: Field, contract: Contract) -> str:
    """What a value has to satisfy, in both languages, as one table cell."""
    said: list[str] = []
    if field.values:
        said.append(" ".join(f"`{value}`" for value in field.values))
    if field.check:
        english, chinese = CHECKS[field.check]
        said.append(f"{english} {chinese}")
    if field.references:
        said.append(f"in 见 `{field.references}`")
    if field.purposes != frozenset(Purpose):
        walls = ", ".join(sorted(purpose.value for purpose in field.purposes))
        said.append(f"only for 仅用于 {walls}")
    if field.required_where[0]:
        other, codes = field.required_where
        listed = " ".join(f"`{code}`" for code in codes)
        said.append(f"required where `{other}` is one of {listed} `{other}` 为上述值时必填")
    if field.name == contract.date:
        said.append("dates the row 业务日期")
    if field.since > 1:
        said.append(f"since version 自第 {field.since} 版")
    return "; ".join(said)


def table(contract: Contract) -> str:
    """One contract as a section."""
    english, chinese = KINDS[contract.kind]
    lines = [
        f"## {contract.name} {contract.title_zh}",
        "",
        f"{contract.title_en}. One row per {contract.row}.",
        "",
        f"*{english}* — {chinese}. Version 版本 {contract.version}.",
        "",
        "| field | 中文 | meaning | type | required | class | rules |",
        "|---|---|---|---|---|---|---|",
    ]
    for field in contract:
        key = " 🔑" if field.name in contract.key else ""
        required = "yes 必填" if field.required else ""
        cells = (
            f"`{field.name}`{key}",
            field.title_zh,
            field.title_en,
            field.type.value,
            required,
            field.sensitivity.value,
            rules(field, contract),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def page() -> str:
    """The whole page."""
    types = "".join(f"| {t.value} | {TYPES[t][0]} | {TYPES[t][1]} |\n" for t in FieldType)
    index = "".join(
        f"| [`{c.name}`](#{c.name}-{anchor(c.title_zh)}) | {c.title_zh} | {c.title_en} | {c.kind.value} |\n"
        for c in CONTRACTS.values()
    )
    return (
        HEAD
        + types
        + CLASSES
        + "## The tables 表目录\n\nIn the order of loading 按装载顺序.\n\n"
        + "| table | 中文 | what | kind |\n|---|---|---|---|\n"
        + index
        + "\n"
        + "\n".join(table(contract) for contract in CONTRACTS.values())
    )


def anchor(title: str) -> str:
    """A heading's address as GitHub makes it: signs away, spaces to hyphens."""
    kept = "".join(sign for sign in title.lower() if sign.isalnum() or sign in " -_")
    return kept.replace(" ", "-")
