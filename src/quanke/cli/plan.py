"""Commands over the plan of a night: what was chosen and why, limits, what if, a post's morning."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from quanke.bank.home import Home
from quanke.cli.main import home_option, json_option, print_json
from quanke.cli.reading import on_option
from quanke.cli.who import plain_table
from quanke.kernel.money import format_amount
from quanke.night import open_home
from quanke.night.plan_whatif import what_if
from quanke.night.planned import Considered, CustomerPlan, Planned, filled_in, fulfilment, history
from quanke.plans.budgets import Of

_HELP = {"help_option_names": ["-h", "--help"]}
_LEFT = {
    "no_post": "no post 无岗位",
    "not_now": "may not be contacted now 暂不可接触",
    "no_time": "no time 时间不足",
    "gave_way": "another limit 其他限额",
}
_UNITS = {Of.MINUTES: "minutes 分钟", Of.CONTACTS: "contacts 次", Of.COST: "yuan 元"}
LOOSE = 0.02
"""A bound further above the plan than this is told to be loose."""
_OPENS = dt.datetime(2000, 1, 1, 9, 0)
"""When a post's morning begins, as it is shown; minutes are counted from there."""


def _planned(home: Path, on: str | None) -> Planned:
    return open_home(home).plan(on)


def _yuan(fen: float | None) -> str:
    return "-" if fen is None else format_amount(round(fen))


@click.group(context_settings=_HELP)
def plan() -> None:
    """What to do next for everybody: why it was chosen, what is scarce, what if, and a post's morning.

    \b
    Example:
      quanke plan show
      quanke plan explain 1234
      quanke plan whatif sms_budget --capacity 5000
    """


@plan.command(context_settings=_HELP)
@on_option
@home_option
@json_option
def show(on: str | None, home: Path, as_json: bool) -> None:
    """The plan of a night: how many customers get which action, what it is worth, how good it is at least.

    \b
    Example:
      quanke plan show --on 2026-06-30
    """
    planned = _planned(home, on)
    sheet = planned.sheet
    if as_json:
        print_json(sheet)
        return
    heads = ("action", "行动", "by", "means", "eligible", "chosen", "worth 元")
    table = plain_table(f"行动 actions, {planned.night.day}", *heads, wide="行动")
    for each in sheet["actions"]:
        table.add_row(
            each["name"],
            escape(each["title_zh"]),
            each["by"],
            each["means"],
            f"{each['eligible_customers']:,}",
            f"{each['chosen']:,}",
            _yuan(each["value"]),
        )
    Console().print(table)
    click.echo(
        f"{sheet['customers']:,} customers have an action for {sheet['morning']}; together worth "
        f"{_yuan(sheet['value'])} yuan, and no plan under these limits is worth {_better(sheet)} more"
    )
    kept = sheet.get("withheld", {"customers": 0})
    if kept["customers"]:
        click.echo(
            f"{kept['customers']:,} more were chosen and are kept as controls (worth {_yuan(kept['value'])} "
            "yuan): what the actions really bring is measured against them"
        )
    if sheet["gap"] > LOOSE:
        click.echo("界偏松 the bound is loose: the plan may be better than it tells")
    for note in sheet["relaxed"]:
        click.echo(f"limits contradict each other and gave way: {note}")


def _better(sheet: dict[str, Any]) -> str:
    return "-" if sheet["at_most_better"] is None else f"{max(0.0, sheet['at_most_better']):.4%}"


@plan.command(context_settings=_HELP)
@click.argument("customer")
@on_option
@home_option
@json_option
def explain(customer: str, on: str | None, home: Path, as_json: bool) -> None:
    """Why a customer is suggested what he is: value, what it pays for what is scarce, and what came next.

    CUSTOMER is the number of a customer, or source:party_id.

    \b
    Example:
      quanke plan explain 1234
      quanke plan explain core:P0000001 --on 2026-06-30 --json
    """
    bank = open_home(home)
    found = bank.plan(on).explain(bank.customer(customer, on))
    if as_json:
        print_json(_as_json(found))
        return
    _show_customer(found)


def _as_json(found: CustomerPlan) -> dict[str, Any]:
    def one(each: Considered) -> dict[str, Any]:
        action = each.action
        return {
            "action": action.name,
            "title_zh": action.title_zh,
            "title_en": action.title_en,
            "by": str(action.by),
            "means": str(action.means),
            "chosen": each.chosen is not None,
            "value_fen": each.value,
            "chance": None if each.chance is None else str(each.chance),
            "gain_fen": each.gain,
            "pays": [{"limit": limit, "row": row, "fen": round(fen, 2)} for limit, row, fen in each.pays],
            "net_fen": None if each.net is None else round(each.net, 2),
            "why_not": None
            if each.why_not is None
            else dict(zip(("code", "zh", "en"), each.why_not, strict=True)),
            "because_zh": filled_in(action.because_zh, found.words),
            "because_en": filled_in(action.because_en, found.words),
            "script_zh": filled_in(action.script_zh, found.words),
            "script_en": filled_in(action.script_en, found.words),
            "due_on": each.chosen["due_on"] if each.chosen else None,
        }

    return {
        "customer": found.customer,
        "night": found.day,
        "actions": [one(each) for each in found.considered],
        "record": list(found.record),
    }


def _show_customer(found: CustomerPlan) -> None:
    for each in found.chosen:
        action, chosen = each.action, each.chosen or {}
        where = chosen.get("post") or str(action.by)
        click.echo(f"{action.title_zh} {action.title_en} ({action.name})")
        click.echo(f"  谁来做 who: {where}, by {action.means}, until {chosen['due_on']}")
        click.echo(f"  原因 because: {filled_in(action.because_zh, found.words)}")
        click.echo(f"               {filled_in(action.because_en, found.words)}")
        click.echo(f"  话术 script: {filled_in(action.script_zh, found.words)}")
        click.echo(f"               {filled_in(action.script_en, found.words)}")
        click.echo(f"  价值 worth: {_worth(each)}")
        if chosen.get("rhythm"):
            click.echo("  接触标准到期 a contact is due by the standard (BK-3)")
    if not found.chosen:
        click.echo("今日无行动 nothing is suggested today")
    second = found.runner_up
    if second is not None:
        full = "" if found.chosen else "; 限额已满 there was no room for it"
        click.echo(f"  次选 next in line: {second.action.name}, {_worth(second)}{full}")
    else:
        click.echo("  其余均不值得 nothing else is worth what it takes")
    table = plain_table("全部行动 all actions", "action", "worth 元", "pays 元", "net 元", "", wide="")
    for each in found.considered:
        pays = sum(fen for _, _, fen in each.pays)
        why = "chosen 选中" if each.chosen else f"{each.why_not[1]} {each.why_not[2]}" if each.why_not else ""
        table.add_row(each.action.name, _yuan(each.value), _yuan(pays) if pays else "", _yuan(each.net), why)
    Console().print(table)
    if found.record:
        _show_record("已建议 suggested before", list(found.record))


def _worth(each: Considered) -> str:
    chance = "" if each.chance is None else f"{each.chance:.2%} of "
    gain = "" if each.gain is None else f"{_yuan(each.gain)} yuan: "
    pays = "".join(f", pays {_yuan(fen)} for {limit} {row}".rstrip() for limit, row, fen in each.pays)
    return f"{chance}{gain}{_yuan(each.value)} yuan{pays}"


def _show_record(title: str, rows: list[dict[str, Any]] | list[Any]) -> None:
    table = plain_table(
        title, "suggested", "action", "state", "tried", "outcome", "post", "worth 元", wide="action"
    )
    for row in rows:
        table.add_row(
            str(row["suggested_on"]),
            row["action"],
            f"{row['state']} 对照 control" if row.get("arm") == "control" else row["state"],
            str(row["tried_on"] or "-"),
            row["outcome"] or "-",
            row["post"] or "-",
            _yuan(row["value"]),
        )
    Console().print(table)


@plan.command(context_settings=_HELP)
@click.option("--limit", "name", metavar="LIMIT", help="Only this limit, with all its rows.")
@click.option("--top", type=click.IntRange(1), default=5, show_default=True, help="Rows shown of each limit.")
@on_option
@home_option
@json_option
def limits(name: str | None, top: int, on: str | None, home: Path, as_json: bool) -> None:
    """What is scarce: each limit with its use and what one more unit of it would be worth.

    \b
    Example:
      quanke plan limits
      quanke plan limits --limit post_minutes --top 20
    """
    planned = _planned(home, on)
    known = {each["name"]: each for each in planned.sheet["limits"]}
    if name is not None and name not in known:
        raise click.UsageError(f"the plan has no limit {name}; it has {', '.join(known)}")
    rows = [row for row in planned.prices.to_pylist() if name in (None, row["limit"])]
    if as_json:
        heads = [each for each in known.values() if name in (None, each["name"])]
        print_json({"night": planned.night.day, "limits": heads, "rows": rows})
        return
    for limit in [each for each in known if name in (None, each)]:
        mine = sorted(
            (r for r in rows if r["limit"] == limit), key=lambda r: (-abs(r["price"] or 0.0), r["member"])
        )
        _show_limit(known[limit], mine, top)


def _show_limit(declared: dict[str, Any], rows: list[dict[str, Any]], top: int) -> None:
    of = Of(declared["of"])
    title = f"{declared['title_zh']} {declared['title_en']} ({declared['name']})"
    if of is Of.RHYTHM:
        left = ", ".join(f"{_LEFT[why]} {count:,}" for why, count in declared["not_asked"].items() if count)
        click.echo(
            f"{title}: {declared['due']:,} customers are due 到期应接触; not asked for 未安排: {left or 0}"
        )
        return
    scarce = sum(1 for row in rows if row["price"])
    money = of is Of.COST

    def shown(amount: float | None) -> str:
        return "-" if amount is None else _yuan(amount) if money else f"{amount:,.0f}"

    unit = _UNITS[of]
    worth = "one more hour is worth 元" if of is Of.MINUTES else "one more is worth 元"
    title = f"{title}: {unit}; scarce in {scarce:,} of {len(rows):,} rows"
    table = plain_table(escape(title), "row", "used", "at most", "at least", worth, wide=worth)
    for row in rows[:top]:
        price = (row["price"] or 0.0) * (60 if of is Of.MINUTES else 100 if money else 1)
        least = shown(row["at_least"])
        if row["asked"] != row["at_least"]:
            least += f" (asked {shown(row['asked'])})"
        cells = (shown(row["use"]), shown(row["capacity"]), least, _yuan(price))
        table.add_row(row["member"] or "all 全部", *cells)
    Console().print(table)
    if declared["clipped"]:
        click.echo(
            f"  至少一项达不到 minima were lowered by {declared['clipped']:,.0f}: not so many can be reached"
        )


@plan.command(context_settings=_HELP)
@click.argument("limit")
@click.option("--capacity", type=click.FloatRange(0), help="Another capacity.")
@click.option("--at-least", type=click.FloatRange(0), help="Another minimum.")
@click.option("--row", metavar="ROW", help="Only of this row (a post, a branch); else of all rows.")
@on_option
@home_option
@json_option
def whatif(
    limit: str,
    capacity: float | None,
    at_least: float | None,
    row: str | None,
    on: str | None,
    home: Path,
    as_json: bool,
) -> None:
    """The same night's plan under another capacity: what it would be worth, and what would change.

    Nothing is stored. Capacities are in the limit's own unit (minutes, contacts; fen for a cost).

    \b
    Example:
      quanke plan whatif post_minutes --row P010015 --capacity 360
      quanke plan whatif sms_budget --capacity 20000
    """
    if (capacity is None) == (at_least is None):
        raise click.UsageError("say --capacity or --at-least")
    found = what_if(open_home(home).plan(on), limit, capacity=capacity, at_least=at_least, member=row)
    if as_json:
        print_json(asdict(found))
        return
    was = "what they were" if found.before is None else f"{found.before:,.0f}"
    of = f" of {found.member}" if found.member else ""
    click.echo(f"{found.limit}{of}: {found.bound} {was} -> {found.after:,.0f} ({found.rows:,} rows)")
    more = found.value - found.value_before
    sign = "+" if more >= 0 else ""
    click.echo(
        f"价值 worth {_yuan(found.value_before)} -> {_yuan(found.value)} yuan ({sign}{_yuan(more)}), "
        f"within {Decimal(found.gap):.4%} of the best; {found.customers:,} customers get something else"
    )
    for action, before, after in found.by_action:
        click.echo(f"  {action}: {before:,} -> {after:,}")
    for note in found.relaxed:
        click.echo(f"限额矛盾，已让步 limits contradict each other and gave way: {note}")


@plan.command(context_settings=_HELP)
@click.argument("post")
@click.option(
    "--limit", "most", type=click.IntRange(1), default=30, show_default=True, help="At most so many rows."
)
@on_option
@home_option
@json_option
def book(post: str, most: int, on: str | None, home: Path, as_json: bool) -> None:
    """The morning of a post: whom to see, in order, why, until when, and what became of what was suggested.

    POST is the number of a post, or remote_team.

    \b
    Example:
      quanke plan book P010015
    """
    planned = _planned(home, on)
    rows = planned.book(post)
    state = [
        r
        for r in fulfilment(planned, planned.night.day - dt.timedelta(days=30)).to_pylist()
        if r["post"] == post
    ]
    if as_json:
        told = [{**row, **planned.words(row)} for row in rows]
        print_json({"night": planned.night.day, "post": post, "rows": told, "last_30_days": state})
        return
    minutes = sum(r["minutes"] for r in rows)
    title = f"{post}, {planned.sheet['morning']}: {len(rows):,} customers, {minutes} minutes"
    table = plain_table(title, "at", "customer", "action", "why 原因", "until", "worth 元", wide="why 原因")
    scripts = {}
    for row in rows[:most]:
        words = planned.words(row)
        scripts[words["title_zh"]] = words["script_zh"], words["script_en"]
        begins = row["begins"]
        table.add_row(
            "" if begins is None else f"{_OPENS + dt.timedelta(minutes=begins):%H:%M}",
            str(row["customer"]),
            escape(words["title_zh"]),
            escape(words["because_zh"]),
            str(row["due_on"]),
            _yuan(row["value"]),
        )
    Console().print(table)
    for title_zh, (zh, en) in scripts.items():
        click.echo(f"话术 {title_zh}: {zh} {en}")
    if state:
        lately = ", ".join(f"{r['state']} {r['suggestions']:,}" for r in state)
        click.echo(f"近30日建议 suggested in 30 days: {lately}")


@plan.command("history", context_settings=_HELP)
@click.argument("customer")
@home_option
@json_option
def told_before(customer: str, home: Path, as_json: bool) -> None:
    """Everything that was ever suggested to a customer, and what came of it.

    \b
    Example:
      quanke plan history 1234
    """
    rows = history(Home.open(home), open_home(home).customer(customer))
    if as_json:
        print_json(rows)
        return
    if not rows:
        click.echo(f"nothing was ever suggested to customer {customer}")
        return
    _show_record(f"客户 {customer} 的建议记录 what was suggested", rows)
