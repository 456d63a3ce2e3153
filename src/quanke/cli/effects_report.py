"""The effect of a campaign on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from quanke.cli.who import plain_table
from quanke.effects.estimates import Estimate
from quanke.effects.report import CampaignEffect, Funnel, MeasuredOutcome, NaturalFlow
from quanke.kernel.money import format_amount
from quanke.night.campaign_size import CampaignSize

MOST_GROUPS = 12
"""Groups of a dimension that are shown; `--json` has all."""


def effect_report(found: CampaignEffect, console: Console) -> None:
    """The increment first, then the way to it, then whatever speaks against it."""
    console.print(Text(found.sentence_zh, "bold"))
    console.print(Text(found.sentence, "bold"))
    if found.advice is not None:
        console.print(f"建议 advice: {found.advice.sentence_zh} {found.advice.sentence}", highlight=False)
    named = found.outcomes[0]
    name = found.title_zh if found.title_zh == found.title_en else f"{found.title_zh} {found.title_en}"
    arm = f", {found.arm}" if found.arm else ""
    console.print(
        f"{escape(name)}{arm}: {named.title_zh} {named.title_en}, {found.first} - {found.last}, "
        f"known until {found.as_of}",
        highlight=False,
    )
    people = next((each for each in found.outcomes[1:] if each.name == "converted"), None)
    if people is not None:
        console.print(
            f"转化 converted: {people.estimate.sentence_zh} {people.estimate.sentence}", highlight=False
        )
    console.print()
    if found.flow is not None:
        console.print(_flow(found.flow))
        console.print()
    console.print(_funnel(found.funnel), highlight=False)
    console.print()
    console.print(_outcomes(found.outcomes))
    for part in _groups(found):
        console.print()
        console.print(part)
    console.print()
    if found.ratio is not None:
        console.print(f"{found.ratio.sentence_zh} {found.ratio.sentence}", highlight=False)
    for campaign, which, count in found.overlaps:
        console.print(f"同期活动 in the days of {escape(campaign)} ({which}): {count:,}", highlight=False)
    for warning in found.warnings:
        console.print(Text(f"注意 {warning}", "yellow"))
    console.print(Text(f"方法 method: {found.method}", "dim"))


def _flow(flow: NaturalFlow) -> Table:
    table = plain_table(
        f"自然流量 natural flow, all treated ({flow.metric})", "", "元 yuan", wide=""
    )  # fmt: skip
    rows = (
        ("实验组增长 the treated grew by", flow.gross),
        ("减：本来就会来 less: would have come anyway (as the controls)", -flow.anyway),
        ("减：家庭内转移 less: moved inside the family", -flow.family),
        ("减：本网点内转移 less: moved inside the branch", -flow.branch),
        ("减：事前差异 less: differences that were there before", -flow.chance),
        ("增量 increment", flow.increment),
    )
    for words, fen in rows:
        table.add_row(words, format_amount(round(fen)), style="bold" if fen is flow.increment else None)
    return table


def _funnel(funnel: Funnel) -> str:
    def of(part: int, whole: int) -> str:
        return f"{part:,} ({part / whole:.1%})" if whole else f"{part:,}"

    said = (
        f"漏斗 funnel: 目标 targeted {funnel.targeted:,}, 推送 pushed {of(funnel.pushed, funnel.targeted)}, "
        f"触达 reached {of(funnel.reached, funnel.targeted)}"
    )
    if funnel.converted is not None:
        said += f", 转化 converted {of(funnel.converted, funnel.targeted)}"
    said += f"; 对照 control {funnel.control:,}"
    if funnel.control_converted is None:
        return said
    return f"{said}, 转化 converted {of(funnel.control_converted, funnel.control)}"


def _outcomes(measured: Sequence[MeasuredOutcome]) -> Table:
    heads = ("指标", "effect", "interval", "all treated", "per reached", "p", "")
    table = plain_table("每户效果 effect a customer (* shown 显著)", *heads, wide="")
    for each in measured:
        found = each.estimate
        p = found.p_value if found.p_adjusted is None else found.p_adjusted
        table.add_row(
            each.title_zh,
            shown(found.effect, each.unit),
            f"{shown(found.low, each.unit)} .. {shown(found.high, each.unit)}",
            _total(found, each.unit),
            "-" if found.effect_reached is None else shown(found.effect_reached, each.unit),
            f"{p:.2g}",
            "*" if found.significant else "",
        )
    return table


def _total(found: Estimate, unit: str) -> str:
    if unit == "rate":
        return ""
    if unit == "people":
        return f"{found.total:+,.0f} 人"
    return shown(found.total, unit)


def shown(value: float, unit: str, sign: bool = True) -> str:
    """A figure as people read it: fen in yuan, shares in hundredths."""
    plus = "+" if sign else ""
    if unit == "fen":
        return f"{value / 100:{plus},.0f}"
    if unit in ("people", "rate"):
        return f"{value * 100:{plus}.2f} %"
    return f"{value:{plus},.4g}"


def _groups(found: CampaignEffect) -> list[Table]:
    unit, tables = found.outcomes[0].unit, []
    titles = {"tier": "按层级 by tier", "branch": "按网点 by branch", "arm": "按分组 by arm"}
    for dimension in dict.fromkeys(each.dimension for each in found.groups):
        mine = [each for each in found.groups if each.dimension == dimension]
        told = sorted(
            (each for each in mine if each.estimate is not None),
            key=lambda each: -(each.estimate.n_treated if each.estimate else 0),
        )
        title = f"{titles[dimension]}: {len(mine) - len(told):,} below {found.hidden_below} are not shown"
        table = plain_table(
            title, dimension, "treated", "control", "effect", "interval", "p", "", wide=dimension
        )
        for each in told[:MOST_GROUPS]:
            one = each.estimate
            assert one is not None
            p = one.p_value if one.p_adjusted is None else one.p_adjusted
            table.add_row(
                escape(each.member), f"{one.n_treated:,}", f"{one.n_control:,}", shown(one.effect, unit),
                f"{shown(one.low, unit)} .. {shown(one.high, unit)}", f"{p:.2g}",
                "*" if one.significant else "",
            )  # fmt: skip
        if told:
            tables.append(table)
    return tables


def size_report(found: Sequence[CampaignSize], console: Console) -> None:
    """What an audience could show."""
    count = found[0].customers if found else 0
    heads = ("指标 metric", "mean", "correlation", "can be shown 可测得", "needed 需要")
    table = plain_table(f"{count:,} customers 客户", *heads, wide="指标 metric")
    for each in found:
        table.add_row(
            f"{each.title_zh} {each.title_en} ({each.name})",
            shown(each.mean, each.unit, sign=False),
            f"{each.correlation:.2f}",
            "-" if each.detectable is None else shown(each.detectable, each.unit, sign=False),
            "-" if each.needed is None else f"{each.needed:,}",
        )
    console.print(table)
