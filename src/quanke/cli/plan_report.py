"""The plan in the report of a night: what is suggested, to how many, and what is scarce."""

from __future__ import annotations

import json
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from quanke.engines.store import Night
from quanke.kernel.money import format_amount
from quanke.night.plan import FOLDER

SHOWN = 6
"""Actions shown, the most valuable first."""


def plan_part(night: Night) -> RenderableType | None:
    """What the night planned; None where it has no plan."""
    path = night.path / FOLDER / "plan.json"
    if not path.exists():
        return None
    sheet = json.loads(path.read_text(encoding="utf-8"))
    table = Table(
        title="下一步行动 Next best actions", title_justify="left", title_style="bold", header_style="dim",
        box=None, pad_edge=False,
    )  # fmt: skip
    for number, head in enumerate(("行动 action", "适用 eligible", "选中 chosen", "价值 worth 元")):
        table.add_column(head, justify="left" if number == 0 else "right")
    for each in sorted(sheet["actions"], key=lambda a: (-a["value"], a["name"]))[:SHOWN]:
        table.add_row(
            escape(f"{each['title_zh']} {each['title_en']}"),
            f"{each['eligible_customers']:,}",
            f"{each['chosen']:,}",
            format_amount(each["value"]),
        )
    told = Text.assemble(
        ("人人有方案 A plan for everybody  ", "bold"),
        f"{sheet['customers']:,} 位客户有行动 customers have an action, ",
        f"价值 worth {format_amount(sheet['value'])} 元; ",
        f"距最优不超过 within {max(0.0, sheet['gap']):.3%} of the best",
        scarce(night, sheet),
        withheld(sheet),
    )
    gave = [
        Text(f"限额矛盾，已让步 limits contradict and gave way: {note}", "red") for note in sheet["relaxed"]
    ]
    return Group(table, told, *gave)


def withheld(sheet: dict[str, Any]) -> str:
    """How many are kept as controls, in words."""
    kept = sheet.get("withheld", {})
    if not kept.get("customers"):
        return ""
    return f"; 对照留空 kept as control: {kept['customers']:,} 位 customers"


def scarce(night: Night, sheet: dict[str, Any]) -> str:
    """Which limits bind, in words."""
    prices = pq.read_table(night.path / FOLDER / "prices.parquet")
    binding = pc.value_counts(prices.filter(pc.greater(prices["price"], 0))["limit"]).to_pylist()
    titles = {each["name"]: each["title_zh"] for each in sheet["limits"]}
    if not binding:
        return "; 无稀缺资源 nothing is scarce"
    names = "、".join(titles[each["values"]] for each in binding)
    return f"; 稀缺 scarce: {names}"
