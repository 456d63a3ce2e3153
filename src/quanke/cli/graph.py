"""Questions to the graph of a night: reach, around, portrait, household, chains, shared.

Names of organisations are shown; persons appear as customer numbers only.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table

from quanke.bank.contracts import Purpose
from quanke.cli.main import home_option, json_option, print_json
from quanke.cli.reading import on_option
from quanke.customers.graph import KINDS, Graph
from quanke.customers.graph.groups import GROUP_KINDS
from quanke.customers.graph.kinds import BY_NAME
from quanke.customers.graph.reach import STATES
from quanke.kernel.money import format_wan
from quanke.night import open_home

_HELP = {"help_option_names": ["-h", "--help"]}
_KINDS = [kind.name for kind in KINDS]
SHOWN = 20
STATE_TITLES = {
    "full": "完整客户 full customers",
    "partly": "部分开通 partly customers",
    "not_customer": "尚非客户 not customers yet",
}
PIECE_TITLES = {
    "account": "账户 open account",
    "card": "卡 open card",
    "wages": "代发工资 wages paid in",
    "mobile": "手机银行 mobile bank, 90 days",
    "wealth": "理财或基金 wealth product or fund",
}
Command = TypeVar("Command", bound=Callable[..., Any])

purpose_option = click.option(
    "--purpose",
    type=click.Choice([p.value for p in Purpose]),
    default=Purpose.SERVICE.value,
    show_default=True,
    help="What for: links a purpose may not see are not given.",
)
kind_option = click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(_KINDS), help="Only such links (may be repeated)."
)
limit_option = click.option(
    "--limit", type=click.IntRange(1), default=SHOWN, show_default=True, help="Rows to show."
)


@click.group(context_settings=_HELP)
def graph() -> None:
    """Ask the graph of a night who belongs to whom: bodies, employers, households, referrals.

    \b
    Example:
      quanke graph reach core:E000000000
      quanke graph around 1234 --depth 2
    """


def opened(home: Path, on: str | None, given: str) -> tuple[Graph, int]:
    """The graph of a night and the number of a customer."""
    bank = open_home(home)
    return bank.graph(on), bank.customer(given, on)


def table(title: str, *heads: str) -> Table:
    """An empty table."""
    made = Table(title=title, title_justify="left", header_style="bold")
    for head in heads:
        made.add_column(head, overflow="fold")
    return made


def named(asked: Graph, customer: int | None) -> str:
    """A customer's number, with the name where it is an organisation's."""
    if customer is None:
        return "-"
    name = asked.store.body(customer).get("name")
    return f"{customer} {name}" if name else str(customer)


def kind_titles(names: Iterable[str]) -> str:
    """Kinds of links in both languages."""
    return ", ".join(f"{BY_NAME[n].title_zh} {BY_NAME[n].title_en}" for n in names)


@graph.command(context_settings=_HELP)
@click.argument("org")
@kind_option
@click.option("--state", type=click.Choice(STATES), help="List only these people.")
@click.option("--offset", type=click.IntRange(0), default=0, help="Pass over so many people of the list.")
@limit_option
@purpose_option
@on_option
@home_option
@json_option
def reach(
    org: str,
    kinds: tuple[str, ...],
    state: str | None,
    offset: int,
    limit: int,
    purpose: str,
    on: str | None,
    home: Path,
    as_json: bool,
) -> None:
    """A body's people: full customers, partly customers, not customers yet.

    ORG is a customer number, or source:party_id. Who is no customer yet is a lead only; for marketing,
    leads without consent to sharing are not listed.

    \b
    Example:
      quanke graph reach core:E000000000 --state not_customer
    """
    asked, number = opened(home, on, org)
    found = asked.reach(number, kinds=kinds, purpose=Purpose(purpose))
    people = found.people(state or "", offset, limit)
    if as_json:
        print_json({**found.to_json(0), "people": people.to_pylist()})
        return
    console = Console(highlight=False)
    counts = table(f"触达 reach: {named(asked, number)}, {found.day}", "状态 state", "人数 people")
    for name in STATES:
        counts.add_row(STATE_TITLES[name], f"{found.states[name]:,}")
    counts.add_row("其中已同意共享 of the last, consent proved", f"{found.leads_with_consent:,}")
    counts.add_row("未掌握 headcount not known to us", "-" if found.unknown is None else f"{found.unknown:,}")
    console.print(counts)
    if not found.known:
        return
    by_kind = table("按关系 by kind of link", "关系 kind", *(STATE_TITLES[name] for name in STATES))
    for name, states in found.by_kind.items():
        by_kind.add_row(kind_titles([name]), *(f"{states[s]:,}" for s in STATES))
    console.print(by_kind)
    lacking = table("部分开通者缺 what partly customers lack", "缺 piece", "人数 people")
    for piece, count in found.missing.items():
        lacking.add_row(PIECE_TITLES[piece], f"{count:,}")
    console.print(lacking)
    listed = table("人员 people", "customer", "状态 state", "关系 links", "缺 missing", "consent")
    for row in people.to_pylist():
        consent = "yes" if row["consent_proved"] else "no"
        listed.add_row(
            str(row["customer"]), row["state"], ", ".join(row["kinds"]), ", ".join(row["missing"]), consent
        )
    console.print(listed)
    if found.withheld:
        console.print(f"{found.withheld:,} leads without consent to sharing are not listed (PI-2)")


@graph.command(context_settings=_HELP)
@click.argument("customer")
@click.option("--depth", type=click.IntRange(1, 4), default=2, show_default=True, help="Links to walk.")
@click.option(
    "--fan-out", type=click.IntRange(1), default=100, show_default=True, help="Links of each followed."
)
@kind_option
@limit_option
@purpose_option
@on_option
@home_option
@json_option
def around(
    customer: str,
    depth: int,
    fan_out: int,
    kinds: tuple[str, ...],
    limit: int,
    purpose: str,
    on: str | None,
    home: Path,
    as_json: bool,
) -> None:
    """Everybody within some links of a customer, strongest links first, and what was left out.

    CUSTOMER is a customer number, or source:party_id. --limit bounds the customers that are given.

    \b
    Example:
      quanke graph around 1234 --depth 2
    """
    asked, number = opened(home, on, customer)
    found = asked.around(
        number, depth, kinds=kinds, purpose=Purpose(purpose), fan_out=fan_out, limit=max(2, limit)
    )
    if as_json:
        print_json(found.to_json())
        return
    nodes = found.nodes.to_pylist()
    heads = ("从 from", "关系 link", "到 to", "自 since", "至 until", "强度 strength", "依据 evidence")
    listed = table(f"周边 around {named(asked, number)}, {len(nodes)} customers", *heads)
    for row in found.links.to_pylist():
        listed.add_row(
            named(asked, row["from_customer"]),
            kind_titles([row["kind"]]),
            named(asked, row["to_customer"]),
            str(row["from_date"]),
            "" if row["to_date"] is None else str(row["to_date"]),
            f"{row['strength']:.2f}",
            row["evidence"],
        )
    console = Console(highlight=False)
    console.print(listed)
    if found.left_out:
        console.print(f"{found.left_out:,} more links were not followed: raise --fan-out or --limit")


@graph.command(context_settings=_HELP)
@click.argument("org")
@purpose_option
@on_option
@home_option
@json_option
def portrait(org: str, purpose: str, on: str | None, home: Path, as_json: bool) -> None:
    """What the bank knows of a body: its people, wages, what they hold, its neighbours.

    \b
    Example:
      quanke graph portrait core:E000000000
    """
    asked, number = opened(home, on, org)
    found = asked.portrait(number, purpose=Purpose(purpose))
    if as_json:
        print_json(found.to_json())
        return
    shown = table(f"单位画像 portrait: {named(asked, number)}, {found.day}", "项目 item", "值 value")
    rows: Mapping[str, str] = {
        "类别 kind": found.kind,
        "员工人数 headcount": "-" if found.headcount is None else f"{found.headcount:,}",
        "已知人员 people known": f"{found.people_known:,}",
        "已知员工 employees known": f"{found.employees_known:,}",
        "行内代发 paid from an account here": f"{found.paid_here:,}",
        "月代发额 wages a month": f"{format_wan(found.wages_month)} 万",
        "人员资产 AUM of its people": f"{format_wan(found.people_aum)} 万",
        **{f"{PIECE_TITLES[p]}": _rate(found.pieces[p], found.penetration[p]) for p in found.pieces},
        "供应商 suppliers": _numbers(asked, found.suppliers),
        "客户 buyers": _numbers(asked, found.buyers),
        "法定代表人 legal representatives": _numbers(asked, found.legal_representatives),
        "股东 owners": _numbers(asked, found.owners),
        "监管方 supervised by": _numbers(asked, found.supervised_by),
        "监管机构数 bodies it supervises": f"{found.supervises:,}",
    }
    for name, value in rows.items():
        shown.add_row(name, value)
    Console(highlight=False).print(shown)


def _rate(count: int, share: Any) -> str:
    return f"{count:,}" + ("" if share is None else f"  {share:.2%}")


def _numbers(asked: Graph, numbers: list[int], most: int = 5) -> str:
    more = f" ... {len(numbers) - most} more" if len(numbers) > most else ""
    return ("\n".join(named(asked, n) for n in numbers[:most]) or "-") + more


@graph.command(context_settings=_HELP)
@click.argument("customer")
@purpose_option
@on_option
@home_option
@json_option
def household(customer: str, purpose: str, on: str | None, home: Path, as_json: bool) -> None:
    """The household of a person: members, head, assets counted once.

    \b
    Example:
      quanke graph household 1234
    """
    asked, number = opened(home, on, customer)
    found = asked.household(number, purpose=Purpose(purpose))
    if as_json:
        print_json(found.to_json())
        return
    shown = table(f"家庭 household {found.household}, {asked.day}", "项目 item", "值 value")
    shown.add_row("人数 persons", str(len(found.members)))
    shown.add_row("家庭代表 head", str(found.head))
    shown.add_row("家庭资产 assets", f"{format_wan(found.aum)} 万")
    shown.add_row("成员 members", ", ".join(map(str, found.members)))
    Console(highlight=False).print(shown)


@graph.command(context_settings=_HELP)
@click.argument("org")
@limit_option
@purpose_option
@on_option
@home_option
@json_option
def chains(org: str, limit: int, purpose: str, on: str | None, home: Path, as_json: bool) -> None:
    """Chains G -> B -> C through a body: people, leads, and customers each chain brought.

    \b
    Example:
      quanke graph chains core:E000000000
    """
    asked, number = opened(home, on, org)
    found = asked.chains(number, purpose=Purpose(purpose), limit=limit)
    if as_json:
        print_json(found.to_pylist())
        return
    titles = ("人员 people", "完整 full", "部分 partly", "线索 leads", "同意 agreed", "带来 brought")
    heads = ("G", "机构 B", "自 since", *titles)
    shown = table(f"链条 chains through {named(asked, number)}, {asked.day}", *heads)
    counts = ("people", "full", "partly", "leads", "leads_with_consent", "converted")
    for row in found.to_pylist():
        since = row["since"].isoformat() if isinstance(row["since"], dt.date) else ""
        above = "-" if row["government"] is None else str(row["government"])
        ends = (above, named(asked, row["body"]))
        shown.add_row(*ends, since, *(f"{row[name]:,}" for name in counts))
    Console(highlight=False).print(shown)


@graph.command(context_settings=_HELP)
@click.argument("customer")
@click.option(
    "--purpose", type=click.Choice([p.value for p in Purpose]), required=True, help="risk or compliance."
)
@on_option
@home_option
@json_option
def shared(customer: str, purpose: str, on: str | None, home: Path, as_json: bool) -> None:
    """Who shares a device, an address or a telephone with a person: for risk and compliance only.

    \b
    Example:
      quanke graph shared 1234 --purpose risk
    """
    asked, number = opened(home, on, customer)
    rows = asked.groups(number, purpose=Purpose(purpose)).to_pylist()
    if as_json:
        print_json(rows)
        return
    members: dict[tuple[str, int, int], list[int]] = {}
    for row in rows:
        members.setdefault((row["kind"], row["group"], row["size"]), []).append(row["customer"])
    shown = table(f"共用 shared by {number}, {asked.day}", "共用 shared", "人数 persons", "成员 members")
    for (kind, _, size), numbers in members.items():
        shown.add_row(" ".join(GROUP_KINDS[kind]), f"{size:,}", ", ".join(map(str, numbers)))
    Console(highlight=False).print(shown)
