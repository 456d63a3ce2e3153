"""Commands over advice on investments: a customer's proposal, the worklist, the record, suitability."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import click
import pyarrow.compute as pc
from rich.console import Console
from rich.markup import escape

from quanke.bank.contracts import CONTRACTS
from quanke.cli.main import home_option, json_option, print_json
from quanke.cli.reading import on_option
from quanke.cli.wealth_models import models
from quanke.cli.wealth_shown import (
    advice_json,
    decision_json,
    show_advice,
    show_decision,
    show_record,
    show_sheet,
    show_suitable,
    show_told,
    show_worklist,
)
from quanke.kernel.money import parse_amount
from quanke.night import open_home
from quanke.night.advised_suitability import CustomerSuitability, SaleAsked

_HELP = {"help_option_names": ["-h", "--help"]}
_CHANNELS = CONTRACTS["sales"].by_name["channel"].values

channel_option = click.option(
    "--channel", type=click.Choice(_CHANNELS), default="counter", show_default=True, help="Where it is sold."
)


@click.group(context_settings=_HELP)
def wealth() -> None:
    """Advice on investments: what to hold, the few trades that lead there, and what became of them.

    \b
    Example:
      quanke wealth propose 1234
      quanke wealth list --post P010015
      quanke wealth suitable 1234
    """


@wealth.command(context_settings=_HELP)
@click.argument("customer")
@click.option("--now", is_flag=True, help="Find it again on the night's columns, by today's rules and model.")
@on_option
@home_option
@json_option
def propose(customer: str, now: bool, on: str | None, home: Path, as_json: bool) -> None:
    """The trades a night proposes to a customer, in words with risks first, or the rule that stops them.

    CUSTOMER is the number of a customer, or source:party_id. Names are masked.

    \b
    Example:
      quanke wealth propose 1234
      quanke wealth propose core:C0000048271 --on 2026-06-30 --json
    """
    bank = open_home(home)
    number = bank.customer(customer, on)
    advice = bank.wealth(on)
    found = advice.propose_now(number) if now else advice.propose(number)
    name = bank.masked_name(number)
    if as_json:
        print_json(advice_json(found, name))
        return
    show_advice(Console(), found, name, advice.products.table)


@wealth.command(context_settings=_HELP)
@on_option
@home_option
@json_option
def show(on: str | None, home: Path, as_json: bool) -> None:
    """The advice of a night: to how many, why not to the others, by which model and rules.

    \b
    Example:
      quanke wealth show --on 2026-06-30
    """
    advice = open_home(home).wealth(on)
    if as_json:
        print_json({"night": advice.night.day, **advice.sheet})
        return
    show_sheet(Console(), advice.night.day, advice.sheet)


@wealth.command("list", context_settings=_HELP)
@click.option("--post", metavar="POST", help="Only customers this post looks after.")
@click.option("--limit", "most", type=click.IntRange(1), default=30, show_default=True, help="Rows shown.")
@on_option
@home_option
@json_option
def worklist(post: str | None, most: int, on: str | None, home: Path, as_json: bool) -> None:
    """Customers with a proposal, those farthest from their model first.

    \b
    Example:
      quanke wealth list --post P010015 --limit 10
    """
    bank = open_home(home)
    table = bank.wealth(on).worklist(post)
    rows = table.slice(0, most).to_pylist()
    for row in rows:
        row["name"] = bank.masked_name(row["customer"])
    if as_json:
        print_json({"night": bank.night(on).day, "post": post, "proposals": table.num_rows, "rows": rows})
        return
    show_worklist(Console(), bank.night(on).day, post, table.num_rows, rows)


@wealth.command(context_settings=_HELP)
@click.option("--customer", metavar="CUSTOMER", help="Only of one customer.")
@click.option("--limit", "most", type=click.IntRange(1), default=30, show_default=True, help="Rows shown.")
@on_option
@home_option
@json_option
def record(customer: str | None, most: int, on: str | None, home: Path, as_json: bool) -> None:
    """What became of proposals: seen, accepted, changed, declined, executed; and plain figures after 90 days.

    Those withheld are the control group. The two groups' figures stand beside each other; what advice is
    worth is for `quanke effects` to say.

    \b
    Example:
      quanke wealth record
      quanke wealth record --customer 1234
    """
    bank = open_home(home)
    table = bank.wealth(on).record
    if customer is not None:
        number = bank.customer(customer, on)
        table = table.filter(pc.equal(table["customer"], number))
    if as_json:
        print_json({"night": bank.night(on).day, "rows": table.slice(0, most).to_pylist()})
        return
    show_record(Console(), bank.night(on).day, table, most)


@wealth.command(context_settings=_HELP)
@click.option("--post", metavar="POST", help="Only customers this post looks after.")
@click.option("--limit", "most", type=click.IntRange(1), default=30, show_default=True, help="Rows shown.")
@on_option
@home_option
@json_option
def told(post: str | None, most: int, on: str | None, home: Path, as_json: bool) -> None:
    """Whom to tell that a product he holds was rated riskier, a service contact without any offer (SUI-1).

    \b
    Example:
      quanke wealth told --post P010015
    """
    bank = open_home(home)
    table = bank.wealth(on).told
    rows = [row for row in table.to_pylist() if post in (None, row["post"])]
    rows.sort(key=lambda row: (not row["unsuitable"], row["customer"], row["product"]))
    if as_json:
        print_json({"night": bank.night(on).day, "holders": len(rows), "rows": rows[:most]})
        return
    for row in rows[:most]:
        row["name"] = bank.masked_name(row["customer"])
    show_told(Console(), bank.night(on).day, len(rows), rows[:most])


@wealth.command(context_settings=_HELP)
@click.argument("customer")
@channel_option
@on_option
@home_option
@json_option
def suitable(customer: str, channel: str, on: str | None, home: Path, as_json: bool) -> None:
    """Every product for one customer: whether it may be sold to him there, and the rule that says so.

    \b
    Example:
      quanke wealth suitable 1234
      quanke wealth suitable 1234 --channel mobile
    """
    bank = open_home(home)
    number = bank.customer(customer, on)
    found = CustomerSuitability(bank.night(on), bank.home, number).each(SaleAsked(channel=channel))
    if as_json:
        rows = [{"product": row["product"], "name": row["name"], **decision_json(d)} for row, d in found]
        print_json({"customer": number, "night": bank.night(on).day, "products": rows})
        return
    show_suitable(Console(), number, bank.masked_name(number), found)


@wealth.command("check-sale", context_settings=_HELP)
@click.argument("customer")
@click.argument("product")
@click.option("--amount", metavar="YUAN", help="Amount to be bought, in yuan.")
@channel_option
@click.option("--recording", metavar="ID", help="Number of the recording in sound and picture (SUI-4).")
@click.option("--warned-at", type=click.DateTime(), help="When an elder was warned (SUI-3).")
@click.option("--at", type=click.DateTime(), help="When it is sold.")
@click.option("--called-back", is_flag=True, help="The elder has been called back.")
@click.option("--agreed", is_flag=True, help="Agreed in writing that it need not be at a branch.")
@on_option
@home_option
@json_option
def check_sale(
    customer: str,
    product: str,
    amount: str | None,
    channel: str,
    recording: str | None,
    warned_at: dt.datetime | None,
    at: dt.datetime | None,
    called_back: bool,
    agreed: bool,
    on: str | None,
    home: Path,
    as_json: bool,
) -> None:
    """Whether a sale would be accepted, and the rule where not. Status 1 where it would not.

    \b
    Example:
      quanke wealth check-sale 1234 F0004 --amount 20000 --channel counter --recording V0000000001
    """
    bank = open_home(home)
    number = bank.customer(customer, on)
    asked = SaleAsked(
        amount=None if amount is None else parse_amount(amount),
        channel=channel,
        recording_id=recording,
        warned_at=warned_at,
        at=at,
        called_back=called_back or None,
        agreed_in_writing=agreed,
    )
    found = CustomerSuitability(bank.night(on), bank.home, number).sale(product, asked)
    answer: dict[str, Any] = {"customer": number, "product": product, **decision_json(found)}
    if as_json:
        print_json(answer)
    else:
        show_decision(Console(), escape(product), found)
    if not found.allowed:
        raise click.exceptions.Exit(1)


wealth.add_command(models)
