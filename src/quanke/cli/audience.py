"""The command over groups of customers: audience."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from quanke.bank.contracts import Purpose
from quanke.cli.main import home_option, json_option, print_json
from quanke.cli.reading import on_option
from quanke.engines.store import Night
from quanke.kernel.errors import QuankeError
from quanke.kernel.money import format_amount
from quanke.language import Expression
from quanke.language.types import RATE_PLACES, Kind
from quanke.night import Bank, open_home
from quanke.night.audience import (
    Overlap,
    break_down,
    compile_audience,
    count_audience,
    export_audience,
    overlap,
    sample_audience,
)
from quanke.night.saved import expanded, save_audience, saved_audiences
from quanke.segments.index.hiding import shown

HIDE_BELOW = 10
"""What --hide-below takes without a number."""


@dataclass(frozen=True)
class Asked:
    """An audience in a night, as a command was given it."""

    bank: Bank
    night: Night
    text: str
    purpose: Purpose | None
    hide_below: int
    as_json: bool

    def compiled(self, text: str) -> Expression:
        """A text as a condition, allowed for the purpose."""
        return compile_audience(
            text, self.bank.catalogue, self.night, self.bank.home, self.purpose or Purpose.SERVICE
        )

    @property
    def expression(self) -> Expression:
        """The audience."""
        return self.compiled(self.text)

    def size(self, count: int | None) -> str:
        """A size for a person."""
        return f"< {self.hide_below}" if count is None else f"{count:,}"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("expression", required=False)
@click.option(
    "--count", "counting", is_flag=True, help="How many (what is shown when nothing else is asked)."
)
@click.option("--sample", type=click.IntRange(1), metavar="N", help="Customer numbers of N of them, drawn.")
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Draws of --sample: one seed, one sample."
)
@click.option("--by", metavar="TAG", help="How many by each value of a tag.")
@click.option("--also", multiple=True, metavar="EXPR", help="Of these, how many also ... (may be repeated).")
@click.option("--with", "beside", metavar="EXPR", help="Overlap with a second audience.")
@click.option(
    "--export", type=click.Path(path_type=Path, dir_okay=False), help="Write to a .csv or .parquet file."
)
@click.option("--columns", default="", help="Tags to write beside the customer number, with commas.")
@click.option(
    "--purpose", type=click.Choice([p.value for p in Purpose]), help="What for; recorded with an export."
)
@click.option(
    "--hide-below", type=click.IntRange(0), is_flag=False, flag_value=HIDE_BELOW, default=0, metavar="[N]",
    help=f"Hide sizes below N (without a number: {HIDE_BELOW}) and what would tell them by subtraction.",
)  # fmt: skip
@click.option("--save", metavar="NAME", help="Save the text; @NAME stands for it in other audiences.")
@click.option("--saved", is_flag=True, help="List saved audiences.")
@on_option
@home_option
@json_option
def audience(
    expression: str | None, counting: bool, sample: int | None, seed: int, by: str | None,
    also: tuple[str, ...], beside: str | None, export: Path | None, columns: str, purpose: str | None,
    hide_below: int, save: str | None, saved: bool, on: str | None, home: Path, as_json: bool,
) -> None:  # fmt: skip
    """Cut a group of customers out of a night: count it, draw from it, break it down, compare it, export it.

    Audiences are joined with and, or, not; @NAME is a saved one.

    \b
    Example:
      quanke audience 'tier == "core" and aum_90d >= 50_000元 and not holds("fund")' --count
      quanke audience 'tier == "core"' --save core
      quanke audience '@core and not holds("fund")' --by city --hide-below
      quanke audience @core --also 'holds("fund")' --also 'aum_90d >= 100万'
      quanke audience @core --with 'holds("wealth")' --json
    """
    bank = open_home(home)
    if saved:
        _list_saved(bank, as_json)
        return
    if expression is None:
        raise click.UsageError("say which audience, or --saved to list those that are saved")
    ways = [counting, sample is not None, by is not None, bool(also), beside is not None, export is not None]
    if sum(ways) > 1:
        raise click.UsageError("ask one thing at a time: --count, --sample, --by, --also, --with or --export")
    why = Purpose(purpose) if purpose else None
    asked = Asked(bank, bank.night(on), expression, why, hide_below, as_json)
    if save is not None:
        _ = asked.expression  # what cannot be understood is not saved
        save_audience(bank.home, save, expression)
    if sample is not None:
        _sample(asked, sample, seed)
    elif by is not None:
        _by(asked, by)
    elif also:
        _also(asked, also)
    elif beside is not None:
        _with(asked, beside)
    elif export is not None:
        _export(asked, export, [c.strip() for c in columns.split(",") if c.strip()])
    elif counting or save is None:
        count = shown(count_audience(asked.expression, asked.night), hide_below)
        print_json({"count": count}) if as_json else click.echo(asked.size(count))


def _list_saved(bank: Bank, as_json: bool) -> None:
    found = saved_audiences(bank.home)
    if as_json:
        print_json([{"name": s.name, "text": s.text, "by": s.by, "at": s.at} for s in found])
        return
    table = Table(title=f"{len(found)} saved audiences", title_justify="left", header_style="bold")
    for head in ("name", "text", "by", "at"):
        table.add_column(head, overflow="fold")
    for s in found:
        table.add_row(f"@{s.name}", s.text, s.by, s.at)
    Console().print(table, markup=False)


def _sample(asked: Asked, size: int, seed: int) -> None:
    if asked.hide_below:
        raise click.UsageError("--sample tells who they are: it cannot be asked with --hide-below")
    numbers = sample_audience(asked.expression, asked.night, size, seed)
    if asked.as_json:
        print_json({"seed": seed, "customers": numbers})
        return
    for number in numbers:
        click.echo(number)


def _by(asked: Asked, tag: str) -> None:
    asked.compiled(f"`{tag}` is null")  # a tag behind a wall is refused
    found = break_down(asked.expression, asked.night, tag, asked.hide_below)
    kind = asked.bank.catalogue[tag].result.kind
    if asked.as_json:
        cells = [{"value": _plain(value, kind), "count": count} for value, count in found.cells]
        print_json({"tag": tag, "count": found.size, "cells": cells})
        return
    table = Table(title=f"{asked.size(found.size)} customers", title_justify="left", header_style="bold")
    table.add_column(tag, overflow="fold")
    table.add_column("customers", justify="right")
    table.add_column("share", justify="right")
    for value, count in found.cells:
        share = f"{count / found.size:.1%}" if count is not None and found.size else ""
        shown_value = "-" if value is None else str(_plain(value, kind))
        table.add_row(shown_value, "hidden" if count is None else f"{count:,}", share)
    Console().print(table, markup=False)


def _plain(value: Any, kind: Kind) -> Any:
    """A value as people write it: amounts in major units, rates with their decimals."""
    if value is None or isinstance(value, bool):
        return value
    if kind is Kind.MONEY:
        return format_amount(value, thousands=False)
    if kind is Kind.RATE:
        return f"{value / 10**RATE_PLACES:.6f}"
    return value if isinstance(value, (int, float, str)) else value.isoformat()


def _also(asked: Asked, others: tuple[str, ...]) -> None:
    found = [overlap(asked.expression, asked.compiled(o), asked.night, asked.hide_below) for o in others]
    if asked.as_json:
        print_json(
            {
                "count": found[0].first,
                "also": [
                    {"audience": text, "count": one.both, "share": _rounded(one.share)}
                    for text, one in zip(others, found, strict=True)
                ],
            }
        )
        return
    table = Table(
        title=f"of {asked.size(found[0].first)} customers", title_justify="left", header_style="bold"
    )
    for head in ("also", "customers", "share"):
        table.add_column(head, overflow="fold", justify="left" if head == "also" else "right")
    for text, one in zip(others, found, strict=True):
        table.add_row(text, "hidden" if one.both is None else f"{one.both:,}", _percent(one.share))
    Console().print(table, markup=False)


def _with(asked: Asked, other: str) -> None:
    found: Overlap = overlap(asked.expression, asked.compiled(other), asked.night, asked.hide_below)
    if asked.as_json:
        print_json(found.to_json())
        return
    table = Table(title="two audiences", title_justify="left", header_style="bold", show_header=False)
    table.add_column("figure")
    table.add_column("value", justify="right")
    for title, count in (("first", found.first), ("second", found.second), ("both", found.both)):
        table.add_row(title, "hidden" if count is None else f"{count:,}")
    table.add_row("of the first", _percent(found.share))
    table.add_row("both of either (Jaccard)", _percent(found.jaccard))
    table.add_row("lift", "" if found.lift is None else f"{found.lift:.2f}")
    Console().print(table, markup=False)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _export(asked: Asked, target: Path, columns: list[str]) -> None:
    if asked.hide_below:
        raise QuankeError("an export tells who they are: it cannot be asked with --hide-below")
    found = export_audience(
        expanded(asked.bank.home, asked.text), asked.expression, asked.night, asked.bank.home,
        asked.bank.catalogue, target, columns=columns, purpose=asked.purpose,
    )  # fmt: skip
    if asked.as_json:
        print_json({"count": found.customers, "left_out": found.left_out, "file": str(target)})
        return
    click.echo(f"{found.customers:,} customers -> {target}")
    if found.left_out:
        click.echo(f"{found.left_out:,} more are controls or held out by the bank: no marketing reaches them")
