"""The command that finds a customer."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console

from quanke.cli.main import home_option, json_option, print_json
from quanke.cli.reading import on_option
from quanke.cli.who import plain_table
from quanke.customers.finding import SEARCH_KINDS
from quanke.night import open_home

_HELP = {"help_option_names": ["-h", "--help"]}


@click.command(context_settings=_HELP)
@click.argument("text")
@click.option(
    "--kind", multiple=True, type=click.Choice(SEARCH_KINDS), help="Only found by this (may be repeated)."
)
@click.option(
    "--limit", type=click.IntRange(1, 1_000), default=20, show_default=True, help="At most so many."
)
@on_option
@home_option
@json_option
def find(text: str, kind: tuple[str, ...], limit: int, on: str | None, home: Path, as_json: bool) -> None:
    """Find a customer by number, name, phone, document, account or card; names are shown masked.

    TEXT is a whole number of any kind, source:party_id, a name or its beginning, its pinyin or initials, a
    part of an organisation's name, or a name and the last four digits of a phone or card; - reads it from
    standard input, so that it stands in no history of commands.

    \b
    Example:
      quanke find 13800138000
      quanke find '张 8000' --kind phone
      quanke find zhangjian --json
      quanke find -
    """
    bank = open_home(home)
    night = bank.night(on)
    result = bank.search(sys.stdin.readline() if text == "-" else text, kinds=kind, limit=limit, on=night.day)
    names = bank.masked_names([found.customer for found in result.found])
    rows = list(zip(result.found, names, strict=True))
    if as_json:
        found = [{"customer": f.customer, "name": name, "kind": f.kind, "how": f.how} for f, name in rows]
        ways = [{"kind": k, "how": how, "count": count} for k, how, count in result.ways]
        print_json({"night": night.day, "count": result.count, "found": found, "ways": ways})
        return
    title = f"{night.day}  客户 customers found: {result.count:,}, {len(rows):,} shown"
    click.echo(title)
    table = plain_table("", "customer", "name", "kind", "how", wide="how")
    for each, name in rows:
        table.add_row(str(each.customer), name, each.kind, each.how)
    Console().print(table)
