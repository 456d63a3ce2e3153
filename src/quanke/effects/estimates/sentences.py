"""Estimates in words: the increment in yuan or people first, then its interval."""

from __future__ import annotations

from math import floor, isfinite, log10
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quanke.effects.estimates.answer import Estimate

UNITS = ("fen", "people", "rate", "")


def english(found: Estimate) -> str:
    """One or two sentences."""
    level = f"{found.level * 100:g} %"
    if found.se == 0:
        return _nothing_varies(found)
    if not found.significant:
        said = f"No measurable effect: {_span(found, level)} holds zero."
        if not found.low <= 0 <= found.high:
            said = (
                f"No measurable effect: {_span(found, level)} leaves out zero, but of {found.metrics} "
                f"metrics looked at together one may do so by chance (corrected p = {_p(found.p_adjusted)})."
            )
        return f"{said} An effect of {_each(found, found.detectable)} would probably have been seen."
    more = "more" if found.effect > 0 else "less"
    low, high = sorted((abs(found.low), abs(found.high)))
    if found.unit == "people":
        more = "more" if found.effect > 0 else "fewer"
        least, most = sorted((abs(found.total_low), abs(found.total_high)))
        return (
            f"About {_count(abs(found.total))} {more} people ({level}: {_count(least)} to {_count(most)}), "
            f"{_figure(abs(found.effect) * 100)} in 100 customers."
        )
    if found.unit == "rate":
        return (
            f"About {_figure(abs(found.effect) * 100)} percentage points {more} "
            f"({level}: {_figure(low * 100)} to {_figure(high * 100)})."
        )
    total = _amount(abs(found.total), found.unit)
    each = "on average" if found.ratio else "a customer"
    return (
        f"About {_bare(abs(found.effect), found.unit)} {more}{' yuan' if found.unit == 'fen' else ''} {each} "
        f"({level}: {_bare(low, found.unit)} to {_bare(high, found.unit)}), {total} in all."
    )


def chinese(found: Estimate) -> str:
    """一两句话。"""
    level = f"{found.level * 100:g}%"
    if found.se == 0:
        return _nothing_varies_zh(found)
    if not found.significant:
        said = f"没有可测得的效果：{_span_zh(found, level)}包含零。"
        if not found.low <= 0 <= found.high:
            said = (
                f"没有可测得的效果：{_span_zh(found, level)}虽不含零，但同时看 {found.metrics} 个指标，"
                f"其中一个可能出于偶然（校正后 p = {_p(found.p_adjusted)}）。"
            )
        return f"{said}若效果达到{_each_zh(found, found.detectable)}，大概率能测得。"
    more = "多" if found.effect > 0 else "少"
    low, high = sorted((abs(found.low), abs(found.high)))
    if found.unit == "people":
        least, most = sorted((abs(found.total_low), abs(found.total_high)))
        return (
            f"约{more} {_count(abs(found.total))} 人（{level} 区间：{_count(least)} 至 {_count(most)}），"
            f"每百户{more} {_figure(abs(found.effect) * 100)} 人。"
        )
    if found.unit == "rate":
        higher = "高" if found.effect > 0 else "低"
        return (
            f"约{higher} {_figure(abs(found.effect) * 100)} 个百分点"
            f"（{level} 区间：{_figure(low * 100)} 至 {_figure(high * 100)}）。"
        )
    each = "平均" if found.ratio else "户均"
    yuan = " 元" if found.unit == "fen" else ""
    return (
        f"{each}约{more} {_bare(abs(found.effect), found.unit)}{yuan}（{level} 区间：{_bare(low, found.unit)}"
        f" 至 {_bare(high, found.unit)}），合计{more} {_amount_zh(abs(found.total), found.unit)}。"
    )


def _nothing_varies(found: Estimate) -> str:
    if found.effect == 0:
        return "No measurable effect: the outcome is the same for everybody."
    return "Not measurable: the outcome does not vary within the arms, so there is no interval."


def _nothing_varies_zh(found: Estimate) -> str:
    if found.effect == 0:
        return "没有可测得的效果：所有客户的结果相同。"
    return "无法测得：各组内结果没有差异，给不出区间。"


def _span(found: Estimate, level: str) -> str:
    low, high = (_signed(value, found.unit) for value in (found.low, found.high))
    return f"{_signed(found.effect, found.unit)}{_per(found)}, and its {level} interval ({low} to {high})"


def _span_zh(found: Estimate, level: str) -> str:
    low, high = (_signed(value, found.unit) for value in (found.low, found.high))
    per = {"fen": "元", "people": "人/百户", "rate": "个百分点", "": ""}[found.unit]
    return f"估计 {_signed(found.effect, found.unit)} {per}".rstrip() + f"，{level} 区间（{low} 至 {high}）"


def _per(found: Estimate) -> str:
    each = "" if found.ratio else " a customer"
    return {"fen": f" yuan{each}", "people": " in 100 customers", "rate": " percentage points", "": each}[
        found.unit
    ]


def _each(found: Estimate, value: float) -> str:
    if found.unit == "fen":
        return f"{_bare(value, 'fen')} yuan" + ("" if found.ratio else " a customer")
    return f"{_figure(value * (100 if found.unit in ('people', 'rate') else 1))}{_per(found)}"


def _each_zh(found: Estimate, value: float) -> str:
    if found.unit == "fen":
        return f"{'平均' if found.ratio else '户均'} {_bare(value, 'fen')} 元"
    if found.unit == "people":
        return f"每百户 {_figure(value * 100)} 人"
    if found.unit == "rate":
        return f" {_figure(value * 100)} 个百分点"
    return f" {_figure(value)}"


def _signed(value: float, unit: str) -> str:
    text = _bare(abs(value), unit)
    return text if set(text) <= set("0.,") else f"{'-' if value < 0 else '+'}{text}"


def _bare(value: float, unit: str) -> str:
    """A figure without its unit: fen in yuan, shares in hundredths."""
    if unit == "fen":
        yuan = value / 100
        return f"{yuan:,.0f}" if yuan >= 100 else f"{yuan:,.2f}"
    return _figure(value * 100 if unit in ("people", "rate") else value)


def _count(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:,.1f}"


def _figure(value: float) -> str:
    """Three figures that count, and whole numbers in full."""
    if not isfinite(value) or value == 0:
        return f"{value:g}"
    places = max(0, 2 - floor(log10(value))) if value < 1_000 else 0
    text = f"{value:,.{min(places, 12)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _amount(value: float, unit: str) -> str:
    if unit != "fen":
        return _figure(value)
    yuan = value / 100
    for size, word in ((1e9, "billion"), (1e6, "million")):
        if yuan >= size:
            return f"{_figure(yuan / size)} {word} yuan"
    return f"{yuan:,.0f} yuan"


def _amount_zh(value: float, unit: str) -> str:
    if unit != "fen":
        return _figure(value)
    yuan = value / 100
    for size, word in ((1e8, "亿元"), (1e4, "万元")):
        if yuan >= size:
            return f"{_figure(yuan / size)} {word}"
    return f"{yuan:,.0f} 元"


def _p(value: float | None) -> str:
    return "?" if value is None else f"{value:.2g}"
