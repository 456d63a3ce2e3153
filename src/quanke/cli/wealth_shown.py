"""Advice on a terminal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console
from rich.markup import escape

from quanke.cli.who import plain_table
from quanke.kernel.money import format_amount
from quanke.night.advised import CustomerAdvice
from quanke.wealth.advisable import ADVICE_STOPS, AdviceStop
from quanke.wealth.suitability import Decision

PPM = 1_000_000
STATUS = {
    "proposed": "建议调整 proposed",
    "inside": "已在区间内 within the band",
    "stays": "维持现状 stays as he is",
    "withheld": "对照组 control group",
}
_SIDES = {"buy": "买入 buy", "sell": "赎回 sell"}


def stop_json(stop: AdviceStop) -> dict[str, str]:
    """A rule that stops advice, as plain data."""
    return {
        "rule": stop.id,
        "verdict": str(stop.verdict),
        "message_zh": stop.reason.zh,
        "message_en": stop.reason.en,
    }


def advice_json(found: CustomerAdvice, name: str) -> dict[str, Any]:
    """A customer's advice as plain data."""
    words = found.words
    return {
        "customer": found.customer,
        "name": name,
        "night": found.day,
        "now": found.now,
        "model": found.model,
        "stopped": None if found.stop is None else stop_json(found.stop),
        "proposal": None if found.proposal is None else dict(found.proposal),
        "trades": [dict(each) for each in found.trades],
        "held": [
            {"asset_class": h.asset_class, "value": h.value, "share_ppm": h.share, "model_ppm": h.model}
            for h in found.held
        ],
        "notes": [{"rule": n.id, "zh": n.zh, "en": n.en} for n in found.notes],
        "words_zh": words.zh if words else None,
        "words_en": words.en if words else None,
        "deposit_zh": words.deposit_zh if words else None,
        "deposit_en": words.deposit_en if words else None,
        "education": dict(words.education) if words and words.education else None,
    }


def decision_json(decision: Decision) -> dict[str, Any]:
    """A decision without what it was decided on: a customer's values stay where they are."""
    record = dict(decision.record())
    record.pop("inputs", None)
    return {"allowed": decision.allowed, **record}


def share(ppm: int) -> str:
    """A share of a million in per cent."""
    return f"{ppm / 10_000:.1f}%"


def show_advice(console: Console, found: CustomerAdvice, name: str, products: pa.Table) -> None:
    """A customer's proposal: words first, then what he holds beside the model, then the trades."""
    console.print(f"[bold]{escape(name)}[/bold] 客户 customer {found.customer}, {found.day}", highlight=False)
    if found.stop is not None:
        console.print(f"不提供配置建议 no proposal: {found.stop.id}", highlight=False)
        console.print(f"  {escape(found.stop.reason.zh)}\n  {escape(found.stop.reason.en)}", highlight=False)
        return
    row = found.proposal or {}
    if found.words is not None:
        console.print(escape(found.words.zh), highlight=False)
        console.print(escape(found.words.en), highlight=False)
    table = plain_table(
        "持有与模型 held and model", "asset class", "元", "share", "model", wide="asset class"
    )
    for held in found.held:
        if held.value or held.model:
            table.add_row(held.asset_class, format_amount(held.value), share(held.share), share(held.model))
    console.print(table)
    if found.words is not None and found.words.deposit_zh:
        # beside deposits only (INT-3)
        console.print(f"存款 deposits: {found.words.deposit_zh} {found.words.deposit_en}", highlight=False)
    if found.trades:
        _show_trades(console, found.trades, products, found.day)
    for note in found.notes:
        console.print(f"注意 note: {note.id} {escape(note.zh)} {escape(note.en)}", highlight=False)
    console.print(
        f"{STATUS[row['status']]}; 离模型最远 farthest from the model {share(row['worst_before'])} -> "
        f"{share(row['worst_after'])}; 区间外 outside the band {format_amount(row['outside_before'])} -> "
        f"{format_amount(row['outside_after'])} 元; 费用 fees {format_amount(row['fees'])} 元",
        highlight=False,
    )
    if row["outside_after"]:
        from quanke.wealth.trades import Remains

        why = Remains[row["remains"].upper()]
        console.print(f"为何未完全到位 why not all the way: {why.zh} {why.en}", highlight=False)
    if found.words is not None and found.words.education:
        item = found.words.education
        console.print(f"投教 education {item['id']} ({item['approval']}): {escape(item['title_zh'])}")
        console.print(f"  {escape(item['text_zh'])}\n  {escape(item['text_en'])}", highlight=False)
    console.print(f"模型 model {found.model}; 由人决定 a person decides on every trade", highlight=False)


def _show_trades(
    console: Console, trades: Sequence[Mapping[str, Any]], products: pa.Table, day: dt.date
) -> None:
    from quanke.wealth.trades import TradeReason

    rows = {each["product"]: each for each in products.to_pylist()}
    heads = ("", "product", "R", "元", "fee 元", "产品与原因 name, why")
    table = plain_table("建议交易 trades", *heads, wide=heads[-1])
    for each in trades:
        product, why = rows[each["product"]], TradeReason[each["reason"].upper()]
        later = f"，{each['on']} 到账后 when its money is there" if each["on"] > day else ""
        table.add_row(
            _SIDES[each["side"]],
            each["product"],
            f"R{product['rating']}" if product["rating"] else "?",
            format_amount(each["amount"]),
            format_amount(each["fee"]),
            escape(f"{product['name']}：{why.zh} {why.en}{later}"),
        )
    console.print(table)


def show_sheet(console: Console, day: dt.date, sheet: Mapping[str, Any]) -> None:
    """The sheet of a night."""
    model = sheet["model"]
    console.print(
        f"[bold]配置建议 advice of {day}[/bold]: {sheet['advised']:,} 位客户 customers looked at, "
        f"{sheet['trades']:,} 笔交易 trades; 买入 bought {format_amount(sheet['bought'])}, 赎回 sold "
        f"{format_amount(sheet['sold'])}, 费用 fees {format_amount(sheet['fees'])} 元",
        highlight=False,
    )
    console.print(
        f"在区间内 within the band: {sheet['within_band_before']:,} -> {sheet['within_band_after']:,}; "
        f"模型 model {model['version']} ({model['source']})",
        highlight=False,
    )
    table = plain_table("结果 what was found", "status", "customers", wide="status")
    for status, count in sorted(sheet["status"].items()):
        table.add_row(STATUS[status], f"{count:,}")
    console.print(table)
    table = plain_table("未建议的原因 why not", "rule", "原因 why", "customers", wide="原因 why")
    for stop in ADVICE_STOPS:
        if count := sheet["stopped"].get(stop.id):
            table.add_row(stop.id, f"{stop.reason.zh} {stop.reason.en}", f"{count:,}")
    console.print(table)
    if sheet["told"]:
        console.print(
            f"须告知产品评级上调 to tell of a higher rating: {sheet['told']:,} (quanke wealth told)"
        )
    for each in model.get("fallbacks", []):
        console.print(f"退回 fallback: {each['tried']}: {each['because']}; {each['used']}", highlight=False)
    for note in sheet["notes"]:
        console.print(f"注意 note: {note}", highlight=False)


def show_worklist(
    console: Console, day: dt.date, post: str | None, count: int, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Customers with a proposal."""
    title = f"{post or '全部岗位 all posts'}, {day}: {count:,} 份建议 proposals"
    heads = ("customer", "客户", "class", "trades", "outside 元", "after 元", "fee 元", "post")
    table = plain_table(title, *heads, wide="post")
    for row in rows:
        table.add_row(
            str(row["customer"]),
            escape(row["name"]),
            f"C{row['risk_class']}",
            str(row["trades"]),
            format_amount(row["outside_before"]),
            format_amount(row["outside_after"]),
            format_amount(row["fees"]),
            row["post"] or "-",
        )
    console.print(table)


def show_record(console: Console, day: dt.date, table: pa.Table, most: int) -> None:
    """The record: how many in which state by arm, plain figures after 90 days, and the last rows."""
    states = table.group_by(["arm", "state"]).aggregate([("customer", "count"), ("executed", "sum")])
    told = plain_table(
        f"建议留痕 record of proposals, {day}", "arm", "state", "proposals", "元", wide="state"
    )
    for row in sorted(states.to_pylist(), key=lambda r: (r["arm"], r["state"])):
        told.add_row(
            row["arm"], row["state"], f"{row['customer_count']:,}", format_amount(row["executed_sum"] or 0)
        )
    console.print(told)
    after = table.filter(pc.is_valid(table["effect_on"]))
    for arm in ("shown", "withheld"):
        mine = after.filter(pc.equal(after["arm"], arm))
        if mine.num_rows:
            then, now = (pc.mean(mine[name]).as_py() for name in ("worst_then", "worst_after"))
            console.print(
                f"满90日 after 90 days, {arm}: {mine.num_rows:,}; 离模型 from the model "
                f"{share(round(then))} -> {share(round(now))} (非因果 no claim of cause)",
                highlight=False,
            )
    heads = ("customer", "proposed", "last", "state", "answer", "executed 元")
    rows = plain_table("最近 latest", *heads, wide="state")
    latest = table.sort_by([("proposed_on", "descending"), ("customer", "ascending")])
    for row in latest.slice(0, most).to_pylist():
        rows.add_row(
            str(row["customer"]),
            str(row["proposed_on"]),
            str(row["last_on"]),
            row["state"],
            row["answer"] or "-",
            format_amount(row["executed"]) if row["executed"] else "-",
        )
    console.print(rows)


def show_told(console: Console, day: dt.date, count: int, rows: Sequence[Mapping[str, Any]]) -> None:
    """Whom to tell of a higher rating."""
    title = f"产品评级上调须告知 to tell of a higher rating, {day}: {count:,}"
    heads = ("customer", "客户", "product", "rating", "class", "元", "since", "post")
    table = plain_table(title, *heads, wide="rating")
    for row in rows:
        mark = " 不再适当 no longer suitable" if row["unsuitable"] else ""
        table.add_row(
            str(row["customer"]),
            escape(row["name"]),
            row["product"],
            f"R{row['before']} -> R{row['rating']}{mark}",
            f"C{row['risk_class']}" if row["risk_class"] else "?",
            format_amount(row["value"]),
            str(row["since"]),
            row["post"] or "-",
        )
    console.print(table)


def show_suitable(
    console: Console, customer: int, name: str, found: Sequence[tuple[Mapping[str, Any], Decision]]
) -> None:
    """Every product with its decision."""
    title = f"{escape(name)} 客户 customer {customer}: 适当性 suitability"
    table = plain_table(title, "product", "产品", "R", "", "why 原因", wide="why 原因")
    for row, decision in found:
        rating = f"R{row['rating']}" if row["rating"] else "?"
        told = f"{decision.zh} {decision.en} ({decision.rule.id})"
        table.add_row(row["product"], escape(row["name"]), rating, str(decision.verdict), told)
    console.print(table)


def show_decision(console: Console, product: str, decision: Decision) -> None:
    """One decision."""
    console.print(f"{product}: {decision.verdict} ({decision.rule.id}, {decision.rule.law_ref})")
    console.print(f"  {escape(decision.zh)}\n  {escape(decision.en)}", highlight=False)
