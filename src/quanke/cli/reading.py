"""Commands over nights: night, tags, explain."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from quanke.bank.home import Home
from quanke.cli.main import home_option, json_option, print_json
from quanke.cli.progress import listener
from quanke.cli.who import records_table, show_who
from quanke.kernel.errors import QuankeError
from quanke.language import Catalogue
from quanke.night import Bank, catalogue_of, open_home, parse_day, standard_catalogue
from quanke.night import night as run_night
from quanke.night.on_spark import OnSpark
from quanke.night.on_tiles import OnTiles
from quanke.night.run import describe
from quanke.night.verify import SAMPLE

_HELP = {"help_option_names": ["-h", "--help"]}
on_option = click.option("--on", metavar="DATE", help="The as-of day, YYYY-MM-DD (default: the last night).")


@click.command(context_settings=_HELP)
@click.option("--on", required=True, metavar="DATE", help="The as-of day, YYYY-MM-DD.")
@click.option(
    "--memory",
    default="3GB",
    show_default=True,
    help="Memory of each of two workers (with Spark: of its process on this machine); the rest spills.",
)
@click.option(
    "--engine",
    type=click.Choice(["duckdb", "spark"]),
    default="duckdb",
    show_default=True,
    help="Where it is computed: on this machine, or on Spark. The results are the same.",
)
@click.option(
    "--master",
    metavar="URL",
    help="Spark's master: local[2], yarn, k8s://... (default: what Spark is configured to, else local[*]).",
)
@click.option("--full", is_flag=True, help="Compute everything from all rows, whatever the last night left.")
@click.option(
    "--verify",
    is_flag=True,
    help="Compute a sample of customers again from all rows and compare, before the night is published.",
)
@home_option
@json_option
def night(
    on: str,
    memory: str,
    engine: str,
    master: str | None,
    full: bool,
    verify: bool,
    home: Path,
    as_json: bool,
) -> None:
    """Compute and publish the night of a day: tags, tiers, stages, clusters, figures, findings.

    A killed night resumes; a published one never changes. Where the last night left its tiles, only the new
    day is read, and what it changes is computed; the values are those of all rows.

    \b
    Example:
      quanke night --on 2026-06-30
      quanke night --on 2026-07-01 --verify
      quanke night --on 2026-06-30 --engine spark --master local[2]
    """
    from quanke.cli.report import night_report

    if master is not None and engine != "spark":
        raise click.UsageError("--master is Spark's: add --engine spark")
    chosen = OnSpark(master or "", memory) if engine == "spark" else OnTiles(full=full)
    outcome = run_night(
        Home.open(home),
        parse_day(on),
        progress=listener(),
        memory=memory,
        engine=chosen,
        sample=SAMPLE if verify else 0,
    )
    if as_json:
        print_json(outcome.to_json())
        return
    if not outcome.computed:
        click.echo(f"the night of {on} was published before and stays as it is")
    bank = open_home(home)
    night_report(bank, outcome.night, outcome.seconds).show(Console())
    if outcome.verified:
        told = outcome.verified
        click.echo(
            f"verified: {told.customers:,} customers computed again from all rows, "
            f"{told.columns} columns equal"
        )


@click.command(context_settings=_HELP)
@click.option("--lineage", metavar="NAME", help="What one definition stands on, down to the bank's fields.")
@click.option("--kind", type=click.Choice(["tag", "metric", "trigger", "check"]), help="Only these.")
@home_option
@json_option
def tags(lineage: str | None, kind: str | None, home: Path, as_json: bool) -> None:
    """List the catalogue: every tag, metric, trigger and check with its title, unit, class, purpose.

    \b
    Example:
      quanke tags --lineage tier
    """
    catalogue = catalogue_of(Home.open(home)) if (home / "home.json").exists() else standard_catalogue()
    if lineage is not None:
        _lineage(catalogue, lineage, as_json)
        return
    rows = [row for row in describe(catalogue) if kind in (None, row["kind"])]
    if as_json:
        print_json(rows)
        return
    table = Table(title=f"{len(rows)} definitions", title_justify="left", header_style="bold")
    for head in ("name", "标题", "title", "kind", "unit", "class", "purpose"):
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*(row[k] for k in ("name", "title_zh", "title_en", "kind", "unit", "class", "purpose")))
    Console().print(table)


def _lineage(catalogue: Catalogue, name: str, as_json: bool) -> None:
    if name not in catalogue:
        raise QuankeError(f"nothing named {name!r} is defined; `quanke tags` lists what is")
    found = catalogue.lineage(name)
    definition = catalogue[name]
    if as_json:
        print_json(
            {
                "name": found.name,
                "title_zh": definition.title_zh,
                "title_en": definition.title_en,
                "expression": found.expression,
                "uses": list(found.uses),
                "fields": list(found.fields),
                "all_uses": list(found.all_uses),
                "all_fields": list(found.all_fields),
                "used_by": list(found.used_by),
                "where": definition.where,
            }
        )
        return
    console = Console(highlight=False)
    console.print(f"[bold]{name}[/bold]  {definition.title_zh} / {definition.title_en}")
    console.print(f"  = {found.expression}", markup=False)
    console.print(f"  declared at  {definition.where}", markup=False)
    for title, names in (
        ("uses", found.uses),
        ("stands on", found.all_uses),
        ("reads", found.all_fields),
        ("used by", found.used_by),
    ):
        console.print(f"  {title:<11}  {', '.join(names) or '-'}", markup=False)


@click.command(context_settings=_HELP)
@click.argument("customer")
@click.option("--tag", "only", multiple=True, help="Only this tag (may be repeated).")
@click.option(
    "--records", "who", is_flag=True, help="Only who the customer is: records, reasons, golden record."
)
@click.option("--nights", "past", is_flag=True, help="The values in every published night, oldest first.")
@on_option
@home_option
@json_option
def explain(
    customer: str,
    only: tuple[str, ...],
    who: bool,
    past: bool,
    on: str | None,
    home: Path,
    as_json: bool,
) -> None:
    """Why a customer is what the night says: which records are this customer and why they are one; tags,
    tier and stage, each with its reason and lineage.

    CUSTOMER is a customer number, or source:party_id. Numbers of records and personal data are masked.

    \b
    Example:
      quanke explain 1234 --tag tier --tag stage
      quanke explain core:C0000048271 --records
      quanke explain 1234 --tag aum_30d --tag tier --nights
    """
    bank = open_home(home)
    if who:
        show_who(bank, customer, as_json)
        return
    if past:
        _show_history(bank, customer, only, as_json)
        return
    number = bank.customer(customer, on)
    if customer.isascii() and customer.isdecimal() and number != int(customer):
        click.echo(f"quanke: customer {customer} was taken into customer {number}", err=True)
    found = bank.explain(customer, on)
    unknown = sorted(set(only) - {e.name for e in found})
    if unknown:
        raise QuankeError(f"the night holds no tag named {unknown[0]!r}")
    found = [e for e in found if not only or e.name in only]
    if as_json:
        print_json([e.to_json() for e in found])
        return
    if not only:
        Console().print(records_table(bank.records(customer), customer))
    table = Table(
        title=f"customer {customer}", title_justify="left", header_style="bold", show_lines=bool(only)
    )
    for head in ("tag", "标题 / title", "value", "because"):
        table.add_column(head, overflow="fold", ratio=2 if head == "because" else None)
    for e in found:
        values = ", ".join(f"{k} = {v}" for k, v in e.because.items())
        because = "\n".join(part for part in (values, e.reason) if part)
        if only:
            because += f"\nreads {', '.join(e.fields) or 'no field'}"
        table.add_row(e.name, f"{e.title_zh}\n{e.title_en}", e.shown, because)
    Console().print(table)


def _show_history(bank: Bank, customer: str, names: tuple[str, ...], as_json: bool) -> None:
    if not names:
        raise click.UsageError("say which tags: --tag NAME, as often as wanted")
    rows = bank.history(customer, names)
    if as_json:
        print_json(rows)
        return
    table = Table(title=f"customer {customer}", title_justify="left", header_style="bold")
    for head in ("night", *names):
        table.add_column(head)
    for row in rows:
        table.add_row(row["night"], *(row["shown"][name] for name in names))
    Console().print(table)
