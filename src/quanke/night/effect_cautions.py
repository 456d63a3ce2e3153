"""What may have spoiled a comparison of arms, in words of both languages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from quanke.effects.estimates import BalanceRow
from quanke.effects.estimates.said import Said, chinese_of
from quanke.effects.outcomes import contacted
from quanke.effects.report import MeasuredOutcome
from quanke.night.effect_facts import Floats, Participants

MEANS_ZH = {
    "call": "电话", "sms": "短信", "wecom": "企业微信", "push": "推送", "email": "邮件", "app": "应用内消息",
    "visit": "面访",
}  # fmt: skip

NO_CONTROLS = Said(
    "The pushes hold no controls: conversions cannot be compared.", "推送中没有对照客户：转化无法比较。"
)
NO_GRAPH = Said(
    "The last night holds no graph: what moved inside the family or the branch is not taken off.",
    "最近一夜没有关系图：家庭或机构内部转移的资金未扣除。",
)
NO_DESIGN = Said(
    "No design is registered: the planned shares are unknown and not checked.",
    "没有登记设计：计划的分组比例未知，未作核对。",
)
NEW_YEAR = Said(
    "The window goes over New Year: controls are drawn anew then, and some were contacted since.",
    "观察期跨年：对照客户届时重新抽取，其中有的此后已被接触。",
)
_STRATA_ZH = {
    "as dealt out": "与分组时相同", "tier, branch": "层级、机构", "tier": "层级",
    "none, all are thin": "无，各层人数都太少",
}  # fmt: skip


def not_ended(days: int, whole: int) -> Said:
    """That the window runs."""
    return Said(
        f"The window has not ended: {days} of {whole} days; intervals hold at every look.",
        f"观察期尚未结束：共 {whole} 天，已过 {days} 天；区间在每次查看时都成立。",
    )


def method_of(kernel: str, strata: str) -> Said:
    """How it was measured, in a line: as the kernel says, over strata of a name."""
    strata_zh = _STRATA_ZH.get(strata, strata)
    return Said(f"{kernel}; strata: {strata}", f"{chinese_of(kernel)}；分层：{strata_zh}")


def spoiled(campaign: str, who: Participants, window: int, after: Mapping[str, Floats]) -> Iterator[str]:
    """Customers in both arms, controls that were contacted, treated who never were."""
    control, treated = who.control, ~who.control
    if who.conflicts:
        yield Said(
            f"{who.conflicts:,} customers were in both arms and are left out.",
            f"{who.conflicts:,} 户同时在两组，已剔除。",
        )
    crossed = int((control & who.pushed).sum())
    if crossed:
        yield Said(
            f"{crossed:,} controls were pushed as if they were treated: the effect is diluted.",
            f"有 {crossed:,} 户对照客户被当作实验组推送：效果被冲淡。",
        )
    left = int((treated & ~who.pushed).sum())
    if left:
        yield Said(
            f"{left:,} treated customers were never pushed; they count as treated all the same.",
            f"实验组有 {left:,} 户从未推送，仍计入实验组。",
        )
    contacts, pushes = (tag.name for tag in contacted(campaign, window, who.means))
    means = " or ".join(who.means) or "a means of campaigns"
    means_zh = "或".join(MEANS_ZH.get(each, each) for each in who.means) or "活动所用方式"
    for name, what, what_zh in (
        (contacts, f"contacted by {means}", f"被以{means_zh}接触"),
        (pushes, "pushed by another campaign", "收到其他活动推送"),
    ):
        seen = np.nan_to_num(after[name]) > 0
        reached = int((control & seen).sum())
        if reached:
            all_, of_treated = int(control.sum()), (treated & seen).sum() / treated.sum()
            yield Said(
                f"{reached:,} of {all_:,} controls ({reached / all_:.1%}) were {what} in "
                f"the window, and {of_treated:.1%} of the treated.",
                f"窗口内 {all_:,} 户对照客户中有 {reached:,} 户（{reached / all_:.1%}）{what_zh}，"
                f"实验组为 {of_treated:.1%}。",
            )


def unlike(rows: Sequence[BalanceRow], titles_zh: Callable[[str], str]) -> Iterator[str]:
    """Where the arms lay apart before the first contact."""
    for row in rows:
        if row.alarm:
            apart = "" if row.smd is None else f" by {row.smd:+.2f} standard deviations"
            apart_zh = "" if row.smd is None else f" {row.smd:+.2f} 个标准差"
            yield Said(
                f"The arms were not alike before: {row.name} differs{apart}.",
                f"活动前两组就不相同：{titles_zh(row.name)}相差{apart_zh}。",
            )


def of_kernel(measured: Sequence[MeasuredOutcome]) -> Iterator[str]:
    """What the kernel has to say, each sentence once, with the metrics it is about."""
    about: dict[str, list[MeasuredOutcome]] = {}
    for each in measured:
        for warning in each.estimate.warnings:
            about.setdefault(warning, []).append(each)
    for warning, some in about.items():
        if len(some) == len(measured):
            yield warning
            continue
        names, titles = ", ".join(each.name for each in some), "、".join(each.title_zh for each in some)
        yield Said(f"{names}: {warning}", f"{titles}：{chinese_of(warning)}")
