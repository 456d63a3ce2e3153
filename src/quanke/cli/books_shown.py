"""Books on a terminal: proposals, moves, books before and after, one customer's standing."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console
from rich.table import Table
from rich.text import Text

from quanke.books.costs import TERMS
from quanke.books.ownership import KINDS
from quanke.books.proposal import Proposal
from quanke.books.reasons import REASONS
from quanke.books.store import StoredProposal
from quanke.cli.who import plain_table
from quanke.kernel.money import format_amount, format_wan

NEARLY_FULL = 90
"""Percent of its capacity from which a book is shown as nearly full (domain.md BK-2)."""


def yuan(fen: int | None) -> str:
    """An amount of fen in yuan, - for none."""
    return "-" if fen is None else f"{format_amount(fen)}元"


def counted(values: pa.ChunkedArray) -> dict[str, int]:
    """How often each text stands there."""
    rows = pc.value_counts(values.combine_chunks()).to_pylist()
    return {row["values"]: row["counts"] for row in sorted(rows, key=lambda row: -row["counts"])}


def summary(console: Console, name: str, proposal: Proposal) -> None:
    """The figures of a proposal, and why customers move."""
    told = proposal.summary
    gap = f"{told['gap']:.2%}" if told["gap"] is not None else "-"
    lines = [
        ("客户 customers", f"{told['customers']:,}"),
        ("有岗位 at a post", f"{told['at_posts']:,}"),
        ("变动 moves", f"{told['moves']:,}"),
        ("不变 stay", f"{told['kept']:,}"),
        ("无人管 uncovered", f"{told['uncovered']:,}"),
        ("代价 cost", f"{format_wan(told['cost_fen'])} 万元 (≥ {format_wan(told['bound_fen'])}, {gap})"),
        ("超限岗位 over capacity", f"{told['over_capacity_before']} → {told['over_capacity_after']}"),
        (
            "同岗潜力离散 spread of potential",
            f"{told['potential_spread_before']} → {told['potential_spread_after']}",
        ),
    ]
    console.print(Text(f"管户方案 {name} · {told['on']} · {told['scope']}", style="bold"))
    for title, value in lines:
        console.print(f"  {title:<28}{value}", highlight=False)
    table = plain_table(
        "变动原因 why customers move", "reason", "原因 / in words", "customers", wide="原因 / in words"
    )
    for code, number in told["by_reason"].items():
        table.add_row(code, f"{REASONS[code].zh}  {REASONS[code].en}", f"{number:,}")
    console.print(table)


def events(console: Console, stored: StoredProposal) -> None:
    """What happened to a proposal."""
    console.print(Text("经过 what happened", style="bold"))
    for event in stored.events:
        version = f" v{event['version']}" if "version" in event else ""
        more = f": {event['reason']}" if "reason" in event else ""
        console.print(Text(f"  {event['at']}  {event['kind']}{version} by {event['by']}{more}"))


def proposals(rows: list[dict[str, Any]]) -> Table:
    """All proposals."""
    table = plain_table(
        f"管户方案 proposals: {len(rows)}",
        "no.",
        "state",
        "version",
        "moves",
        "by",
        "approved",
        "from",
        wide="by",
    )
    for row in rows:
        who = ", ".join(row["authors"])
        table.add_row(
            row["proposal"], row["state"], str(row["version"]), f"{row['moves']:,}", who,
            row["approved_by"] or "-", row["effective"] or "-",
        )  # fmt: skip
    return table


def dearest(proposal: Proposal, count: int) -> list[dict[str, Any]]:
    """Customers who move, those whose relation costs most to break first."""
    order = [("cost", "descending"), ("customer", "ascending")]
    return proposal.moves.sort_by(order).slice(0, count).to_pylist()  # type: ignore[no-any-return]


def terms(row: dict[str, Any]) -> str:
    """The terms of a cost that are not zero."""
    parts = [f"{TERMS[n][0]} {yuan(row[f'cost_{n}'])}" for n in TERMS if row[f"cost_{n}"]]
    return ", ".join(parts) or "-"


def moves_table(proposal: Proposal, count: int) -> Table:
    """Some moves with their reasons and costs."""
    rows = dearest(proposal, count)
    title = f"变动 moves: {proposal.moves.num_rows:,}, {len(rows):,} shown"
    table = plain_table(title, "customer", "tier", "from", "to", "why", "cost", wide="cost")
    for row in rows:
        cost = f"{yuan(row['cost'])} ({terms(row)})" if row["cost"] is not None else "-"
        table.add_row(
            str(row["customer"]), row["tier"] or "-", row["from_post"] or "-", row["to_post"] or "-",
            REASONS[row["reason"]].zh, cost,
        )  # fmt: skip
    return table


def uncovered_table(proposal: Proposal, most: int = 50) -> Table:
    """Who stays without a post."""
    found = proposal.uncovered
    title = f"无人管 uncovered: {found.num_rows:,}"
    table = plain_table(title, "customer", "tier", "was at", "why", wide="why")
    for row in found.slice(0, most).to_pylist():
        reason = REASONS[row["reason"]]
        words = f"{reason.zh} {reason.en}"
        table.add_row(str(row["customer"]), row["tier"] or "-", row["from_post"] or "-", words)
    return table


def roles_table(proposal: Proposal) -> Table:
    """Books by role, before and after."""
    heads = ("role", "posts", "customers", "load of capacity", "AUM 万元", "full")
    table = plain_table("各岗位角色 by role, before → after", *heads, wide="load of capacity")
    names = ("customers_before", "customers_after", "load_before", "load_after", "capacity", "aum_before",
             "aum_after")  # fmt: skip
    nearly = pc.greater_equal(
        pc.multiply(proposal.books["load_after"], 100), pc.multiply(proposal.books["capacity"], NEARLY_FULL)
    )
    nearly = pc.and_(nearly, pc.greater(proposal.books["load_after"], 0))
    books = proposal.books.append_column("nearly", nearly.cast(pa.int64()))
    sums = [(name, "sum") for name in (*names, "nearly")]
    grouped = books.group_by("role").aggregate([*sums, ("post", "count")]).sort_by("role")
    for row in grouped.to_pylist():
        capacity = row["capacity_sum"] or 1
        table.add_row(
            row["role"],
            str(row["post_count"]),
            f"{row['customers_before_sum']:,} → {row['customers_after_sum']:,}",
            f"{row['load_before_sum'] / capacity:.0%} → {row['load_after_sum'] / capacity:.0%}",
            f"{format_wan(row['aum_before_sum'])} → {format_wan(row['aum_after_sum'])}",
            str(row["nearly_sum"]),
        )
    return table


def posts_table(proposal: Proposal) -> Table:
    """Every book, before and after."""
    heads = ("post", "role", "seat", "customers", "load", "AUM 万元", "potential 万元")
    table = plain_table("各岗位 every book, before → after", *heads, wide="potential 万元")
    for row in proposal.books.to_pylist():
        capacity = row["capacity"] or 1
        table.add_row(
            row["post"],
            row["role"],
            row["seat"],
            f"{row['customers_before']:,} → {row['customers_after']:,}",
            f"{row['load_before'] / capacity:.0%} → {row['load_after'] / capacity:.0%}",
            f"{format_wan(row['aum_before'])} → {format_wan(row['aum_after'])}",
            f"{format_wan(row['potential_before'])} → {format_wan(row['potential_after'])}",
        )
    return table


def explained(console: Console, told: dict[str, Any]) -> None:
    """One customer: standard, now, history, proposal, candidates."""
    standard = told["standard"]
    console.print(Text(f"客户 customer {told['customer']} · {told['on']}", style="bold"))
    role = standard["service_role"] or "-"
    console.print(
        f"  服务标准 standard   {standard['service_cell'] or '-'}: {standard['service_care'] or '-'}, "
        f"{role}, "
        f"每 {standard['service_contact_days'] or '-'} 天 days, {standard['service_channels'] or '-'}",
        highlight=False,
    )
    due = f"{standard['contact_due_on'] or '-'} ({standard['contact_due_for'] or '-'})"
    console.print(f"  应接触 due          {due}", highlight=False)
    for now in told["now"]:
        sits = now["sits_there"] or ("团队 a team" if now["seat"] == "team" else "无人 nobody")
        away = now["seat"] in ("stand_in", "away") and now["holder"]
        leave = f", 休假 on leave: {now['holder']}" if away else ""
        console.print(
            f"  现管户 now          {now['post']} ({now['role']}, {now['branch']}), 在岗 {sits}{leave}",
            highlight=False,
        )
    if not told["now"]:
        console.print("  现管户 now          无岗位 no post", highlight=False)
    proposed = told["proposed"]
    if proposed:
        parts = ", ".join(f"{TERMS[n][0]} {yuan(v)}" for n, v in proposed["terms_fen"].items())
        console.print(
            f"  方案 {proposed['proposal']} ({proposed['state']})  {proposed['from_post'] or '-'} → "
            f"{proposed['to_post'] or '-'}: {proposed['reason_zh']} {proposed['reason_en']}; "
            f"{yuan(proposed['cost_fen'])} ({parts or '-'}), 不动 to stay {yuan(proposed['stay_cost_fen'])}",
            highlight=False,
        )
    console.print(_history(told["history"]))
    if told["candidates"]:
        console.print(_candidates(told["candidates"]))


def _history(rows: list[dict[str, Any]]) -> Table:
    table = plain_table("管户历史 intervals", "from", "until", "post", "care", "why", wide="why")
    for row in rows:
        reason = row["reason"] or ""
        words = f"{REASONS[reason].zh} {REASONS[reason].en}" if reason in REASONS else reason
        name = f" ({row['proposal']})" if row["proposal"] else ""
        until = str(row["to_date"] or "-")
        table.add_row(str(row["from_date"]), until, row["post"], row["care"] or "-", words + name)
    return table


def _candidates(rows: list[dict[str, Any]]) -> Table:
    heads = ("post", "role", "branch", "seat", "cost", "scarcity", "terms")
    table = plain_table("候选岗位 posts he may go to, best first", *heads, wide="terms")
    for row in rows:
        parts = ", ".join(f"{TERMS[n][0]} {yuan(v)}" for n, v in row["terms_fen"].items())
        table.add_row(
            row["post"], row["role"], row["branch"], row["seat"], yuan(row["cost_fen"]),
            yuan(row["scarcity_fen"]) if row["scarcity_fen"] else "-", parts or "-",
        )  # fmt: skip
    return table


def checked(console: Console, findings: pa.Table, posts: pa.Table, limit: int) -> None:
    """Findings by kind, some of them, and books that are nearly full."""
    kinds = plain_table(
        f"管户规则 laws of books: {findings.num_rows:,} findings",
        "kind",
        "发现 / finding",
        "rows",
        wide="发现 / finding",
    )
    for kind, number in counted(findings["kind"]).items():
        kinds.add_row(kind, f"{KINDS[kind][0]} {KINDS[kind][1]}", f"{number:,}")
    console.print(kinds)
    if findings.num_rows:
        table = plain_table(
            f"前 {min(limit, findings.num_rows)} 条 the first",
            "customer", "kind", "post", "from", "until", "工作日", wide="kind",
        )  # fmt: skip
        for row in findings.slice(0, limit).to_pylist():
            values = (row["kind"], row["post"], row["from_date"], row["to_date"], row["workdays"])
            table.add_row(str(row["customer"]), *("-" if v is None else str(v) for v in values))
        console.print(table)
    full = [row for row in posts.to_pylist() if row["load"] * 100 > row["capacity"] * NEARLY_FULL]
    table = plain_table(
        f"接近或超过上限 nearly full or over: {len(full)}", "post", "role", "customers", "load", wide="load"
    )
    for row in full:
        table.add_row(
            row["post"], row["role"], f"{row['customers']:,}", f"{row['load']:,} / {row['capacity']:,}"
        )
    console.print(table)
