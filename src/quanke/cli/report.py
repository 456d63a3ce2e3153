"""The night as a branch head reads it: how many, where they stand, who moved, whom to look at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from quanke.cli.plan_report import plan_part
from quanke.cli.wealth_report import advice_part
from quanke.customers.stages import STAGES
from quanke.engines.store import Night
from quanke.kernel.money import format_wan
from quanke.language import Catalogue
from quanke.night import Bank
from quanke.night.scores import FILE as SCORES_FILE
from quanke.night.scores import column_of, scores_of
from quanke.segments import DEFAULT_SCHEME

KEY_FIGURES = (
    "aum_total",
    "aum_net_increase",
    "aum_daily_total",
    "customers_in_scope",
    "effective_rate",
    "mau_rate",
    "products_per_customer",
    "coverage_rate",
    "contact_standard_rate",
    "upgrade_rate",
    "downgrade_rate",
    "attrition_rate",
    "conversion_lift",
)
BAR = 28


@dataclass(frozen=True)
class NightReport:
    """What is shown, in order."""

    title: str
    parts: tuple[RenderableType, ...] = field(default=())

    def show(self, console: Console) -> None:
        """Print it."""
        console.print()
        console.rule(self.title)
        for part in self.parts:
            console.print(part)
            console.print()


def night_report(bank: Bank, night: Night, seconds: Mapping[str, float] | None = None) -> NightReport:
    """The report of a published night."""
    manifest = night.manifest
    figures = _figures(night)
    parts: list[RenderableType] = [_headline(bank, night, figures)]
    if "who_is_who" in manifest:
        parts.append(_who(manifest["who_is_who"], bank))
    if "tier" in night.columns:
        parts.append(_tiers(night, figures))
    if "key_group" in night.columns:
        parts.append(_groups(night, figures))
    if "stage" in night.columns:
        parts.append(_stages(night))
    clusters = _clusters(night)
    if clusters is not None:
        parts.append(clusters)
    if (night.path / SCORES_FILE).exists():
        parts.append(_scores(bank, night))
    parts += [_key_figures(bank.catalogue, figures), _findings(bank.catalogue, night)]
    parts += [part for part in (plan_part(night), advice_part(night)) if part is not None]
    parts.append(_where(bank, night, seconds))
    return NightReport(f"全客 Quanke · {manifest['on']}", tuple(parts))


def _figures(night: Night) -> dict[tuple[str, str, str], Any]:
    found = {}
    for row in night.table("metrics").to_pylist():
        value = row["value"]
        if value is not None and row["kind"] in ("money", "integer"):
            value = int(value)
        elif value is not None and row["kind"] == "rate":
            value = Decimal(value)
        found[row["metric"], row["dimension"], row["member"]] = value
    return found


def _headline(bank: Bank, night: Night, figures: Mapping[tuple[str, str, str], Any]) -> RenderableType:
    total = figures.get(("aum_total", "", ""))
    words = Text.assemble(
        (f"{night.customers:,}", "bold"),
        " 位客户 customers",
        ("   ·   ", "dim"),
        (f"{format_wan(total)} 万" if total is not None else "-", "bold"),
        f"{'元' if bank.home.currency == 'CNY' else bank.home.currency} 管理资产 AUM",
        ("   ·   ", "dim"),
        (f"{len(night.manifest['tags'])}", "bold"),
        " 个标签 tags",
    )
    return Panel(words, expand=False)


def _who(counts: Mapping[str, int], bank: Bank) -> RenderableType:
    """How many records are how many customers, and what waits for a person."""
    return Text.assemble(
        ("谁是谁 Who is who  ", "bold"),
        f"{counts['records']:,} 条来源记录 records → {counts['customers']:,} 位客户 customers; "
        f"{counts['questions']:,} 个问题待认定 questions wait: ",
        (f"quanke identity queue --home {bank.home.path}", "cyan"),
    )


def _table(title: str, *heads: str) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold", header_style="dim", box=None, pad_edge=False
    )
    for number, head in enumerate(heads):
        table.add_column(head, justify="left" if number == 0 else "right")
    return table


def _bar(share: float) -> str:
    return "█" * max(1 if share > 0 else 0, round(share * BAR))


def _tiers(night: Night, figures: Mapping[tuple[str, str, str], Any]) -> RenderableType:
    sizes = night.sizes("tier")
    moves = night.table("migration").to_pylist()
    rows = [m for m in moves if m["tag"] == "tier"]
    titles = {tier.name: tier.title_zh for tier in DEFAULT_SCHEME.tiers}
    order = list(titles)
    rank = {name: i for i, name in enumerate(order)}

    def moved(to: str, up: bool) -> int:
        return sum(
            m["customers"]
            for m in rows
            if m["to"] == to and m["from"] in rank and (rank[m["from"]] < rank[to]) is up and m["from"] != to
        )

    since = night.manifest["earlier"]
    table = _table(
        "资产分层 Tiers" + (f"（较 {since} 的变动 moves since {since}）" if since else ""),
        "层级 tier", "客户 customers", "AUM 万元", "升入 moved up", "降入 moved down", "",
    )  # fmt: skip
    for name in order:
        count = sizes.get(name, 0)
        total = figures.get(("aum_total", "tier", name))
        up, down = (f"{moved(name, up):,}" if since else "-" for up in (True, False))
        share = count / max(night.customers, 1)
        table.add_row(
            f"{titles[name]} {name}",
            f"{count:,}",
            format_wan(total) if total is not None else "-",
            up,
            down,
            f"{share:6.2%} {_bar(share)}",
        )
    table.columns[-1].justify = "left"
    return table


def _groups(night: Night, figures: Mapping[tuple[str, str, str], Any]) -> RenderableType:
    sizes = night.sizes("key_group")
    table = _table(
        "四大重点客群与线上客群 The four key groups, and the online base",
        "客群 group",
        "客户 customers",
        "占比 share",
    )
    for group in DEFAULT_SCHEME.key_groups:
        count = sizes.get(group.name, 0)
        table.add_row(
            f"{group.title_zh} {group.title_en}", f"{count:,}", f"{count / max(night.customers, 1):.2%}"
        )
    return table


def _stages(night: Night) -> RenderableType:
    sizes = night.sizes("stage")
    table = _table("生命周期 Life-cycle stages", "阶段 stage", "客户 customers", "")
    for name, (zh, en) in STAGES.items():
        share = sizes.get(name, 0) / max(night.customers, 1)
        table.add_row(f"{zh} {en}", f"{sizes.get(name, 0):,}", f"{share:6.2%} {_bar(share)}")
    table.columns[-1].justify = "left"
    return table


def _clusters(night: Night) -> RenderableType | None:
    path = night.path / "clusters.json"
    if "cluster" not in night.columns or not path.exists():
        return None
    model = json.loads(path.read_text(encoding="utf-8"))
    names = {f"k{c['label']}": (c["name_zh"], c["name_en"]) for c in model["clusters"]}
    table = _table("客群聚类 Clusters", "类 cluster", "客户 customers", "最显著的标签 most telling tags")
    for name, count in sorted(night.sizes("cluster").items(), key=lambda x: -x[1]):
        zh, en = names.get(name, ("", ""))
        table.add_row(name, f"{count:,}", f"{zh}  {en}")
    table.columns[-1].justify = "left"
    return table


def _key_figures(catalogue: Catalogue, figures: Mapping[tuple[str, str, str], Any]) -> RenderableType:
    table = _table("关键指标 Key figures", "指标 figure", "值 value")
    shown = [n for n in KEY_FIGURES if (n, "", "") in figures]
    for name in shown or sorted({m for m, d, _ in figures if d == ""})[:9]:
        metric = catalogue[name]
        table.add_row(
            f"{metric.title_zh} {metric.title_en}", _shown(figures[name, "", ""], str(metric.result.kind))
        )
    return table


def _shown(value: Any, kind: str) -> str:
    if value is None:
        return "-"
    if kind == "money":
        return f"{format_wan(value)} 万"
    if kind == "rate":
        return f"{value:.2%}" if abs(value) <= 1 else f"{value:,.2f}"
    return f"{value:,}"


def _scores(bank: Bank, night: Night) -> RenderableType:
    """What the models in use said of the base, and whether it still looks like what they learned from."""
    told = scores_of(night.path)
    table = _table(
        f"模型评分 Scores（{told['scored']:,} 位客户 customers）",
        "评分 score",
        "平均 mean",
        "漂移 PSI",
        "状态 state",
    )
    for score, drift in told["drift"].items():
        column = column_of(score)
        held = night.read([column])[column].drop_null().to_pylist()
        whole = float(sum(held)) / len(held) if held else 0.0
        mean = "-" if not held else f"{whole:.2%}" if column == score else f"{whole:.2f}"
        psi = "-" if drift["said"]["psi"] is None else f"{drift['said']['psi']:.3f}"
        table.add_row(f"{bank.catalogue[column].title_zh} {score}", mean, psi, drift["said"]["state"])
    for score, reason in told["not_applied"].items():
        table.add_row(score, "-", "-", reason)
    return table


def _findings(catalogue: Catalogue, night: Night) -> RenderableType:
    found = night.table("findings")
    counts = found.group_by(["check", "severity"]).aggregate([("customer", "count")]).to_pylist()
    worst = {"high": 0, "review": 1, "info": 2}
    counts.sort(key=lambda r: (worst[r["severity"]], -r["customer_count"]))
    table = _table("重点发现 Top findings", "检查 check", "级别 severity", "客户 customers")
    for row in counts[:8]:
        check = catalogue[row["check"]]
        table.add_row(f"{check.title_zh} {check.title_en}", row["severity"], f"{row['customer_count']:,}")
    if not counts:
        table.add_row("无 none", "", "")
    return table


def _where(bank: Bank, night: Night, seconds: Mapping[str, float] | None) -> RenderableType:
    home = bank.home.path
    lines = [
        Text.assemble(("结果 results   ", "dim"), str(night.path)),
        Text.assemble(
            ("档案 profile   ", "dim"), f"quanke.open({str(home)!r}).night({night.day.isoformat()!r}).profile"
        ),
        Text.assemble(
            ("再问 ask       ", "dim"), f"quanke audience 'edge == \"rising\"' --count --home {home}"
        ),
        Text.assemble(("为何 why       ", "dim"), f"quanke explain 0 --tag tier --tag stage --home {home}"),
        Text.assemble(("方案 plan      ", "dim"), f"quanke plan limits --home {home}"),
    ]
    if seconds:
        total = sum(seconds.values())
        lines.append(
            Text.assemble(
                ("用时 seconds   ", "dim"),
                f"{total:.1f}  " + ", ".join(f"{k} {v:.1f}" for k, v in seconds.items()),
            )
        )
    return Group(*lines)
