"""Commands about who is who: the review queue, decisions, a customer's history, records of any source."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
from rich.console import Console

from quanke.bank.home import Home
from quanke.cli.main import home_option, json_option, print_json
from quanke.cli.progress import listener
from quanke.cli.who import plain_table, shown_record, sure, told
from quanke.kernel.errors import InputError
from quanke.night import open_home, parse_day

_HELP = {"help_option_names": ["-h", "--help"]}
WAITS = "waits for a person"
OUTCOMES = ("variant", "conflict", "review", "probable", "contradiction")


@click.group(context_settings=_HELP)
def identity() -> None:
    """Who is who: one customer out of the records of many systems.

    \b
    Example:
      quanke identity update --on 2026-06-30
      quanke identity queue --outcome conflict
      quanke identity decide Q2597-47481 --same --by S0042 --reason 'passport seen'
    """


@identity.command(context_settings=_HELP)
@click.option("--on", required=True, metavar="DATE", help="The day that dates merges and splits, YYYY-MM-DD.")
@home_option
@json_option
def update(on: str, home: Path, as_json: bool) -> None:
    """Look at new and changed records and at decisions, without running a night (a night does it first).

    \b
    Example:
      quanke identity update --on 2026-06-30
    """
    from quanke.customers.register import update_register

    register = update_register(Home.open(home), parse_day(on), listener())
    absorbed = register.absorbed.num_rows
    found = {
        "records": len(register.loaded),
        "customers": register.count - absorbed,
        "absorbed": absorbed,
        "questions": register.queue.num_rows,
        "events": register.events.num_rows,
    }
    if as_json:
        print_json(found)
        return
    click.echo(
        f"{found['records']:,} records are {found['customers']:,} customers; {absorbed:,} numbers were taken "
        f"into others; {found['questions']:,} questions wait for a person"
    )


@identity.command(context_settings=_HELP)
@click.option("--customer", metavar="CUSTOMER", help="Only questions about this customer.")
@click.option("--outcome", multiple=True, type=click.Choice(OUTCOMES), help="Only these (may be repeated).")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many rows.")
@home_option
@json_option
def queue(customer: str | None, outcome: tuple[str, ...], limit: int, home: Path, as_json: bool) -> None:
    """The review queue: pairs of records that may be one customer and that a person has to look at.

    Nothing in it is merged before somebody decides. Numbers of records are masked; --json gives them whole.

    \b
    Example:
      quanke identity queue --outcome variant --limit 10
    """
    rows, total = open_home(home).questions(customer, outcome, limit)
    if as_json:
        print_json({"questions": total, "shown": rows})
        return
    title = f"待认定 questions: {total:,}, {len(rows):,} shown"
    heads = ("question", "since", "outcome", "records", "why it is asked")
    table = plain_table(title, *heads, wide="why it is asked")
    for row in rows:
        names = (shown_record(row[f"{s}_source"], row[f"{s}_party_id"]) for s in ("one", "other"))
        why = row["reason"] if row["why"] == WAITS else f"{row['reason']}; {row['why']}"
        kind = sure(row["outcome"], row["probability"])
        table.add_row(row["question"], str(row["since"]), kind, "\n".join(names), why)
    Console().print(table)


def _record(text: str) -> tuple[str, str]:
    source, colon, party_id = text.partition(":")
    if not colon or not source or not party_id:
        raise InputError("a record is named source:party_id, as core:P0000001")
    return source, party_id


@identity.command(context_settings=_HELP)
@click.argument("one")
@click.argument("other", required=False)
@click.option("--same/--different", default=None, help="One customer, or two.")
@click.option("--by", required=True, metavar="WHO", help="Who decides: a member of staff or a post.")
@click.option("--reason", default="", help="Why, in words; kept with the decision.")
@home_option
@json_option
def decide(one: str, other: str, same: bool | None, by: str, reason: str, home: Path, as_json: bool) -> None:
    """Decide whether two records are one customer; the next night obeys.

    ONE and OTHER are records (source:party_id), or ONE alone is the number of a question of the queue.
    Deciding again, otherwise, undoes it: a merge is taken back by --different.

    \b
    Example:
      quanke identity decide Q2597-47481 --same --by S0042 --reason 'passport seen'
      quanke identity decide core:C0001 cards:K0001 --same --by S0042 --reason 'passport seen'
    """
    from quanke.customers.register.deciding import decide as take_down
    from quanke.customers.register.deciding import records_of_question

    if same is None:
        raise click.UsageError("say --same or --different")
    at = dt.datetime.now(ZoneInfo("Asia/Shanghai"))
    opened = Home.open(home)
    pair = records_of_question(opened, one) if other is None else (_record(one), _record(other))
    number = take_down(opened, *pair, same=same, by=by, reason=reason, at=at)
    if as_json:
        print_json({"decision_id": number, "decision": "same" if same else "different"})
        return
    click.echo(f"decision {number} is recorded; the next night obeys it")


@identity.command(context_settings=_HELP)
@click.argument("customer")
@home_option
@json_option
def history(customer: str, home: Path, as_json: bool) -> None:
    """What happened to a customer: merges, splits, and records that went from one customer to another.

    \b
    Example:
      quanke identity history 1234
    """
    found = open_home(home).happenings(customer)
    if as_json:
        print_json([asdict(event) for event in found])
        return
    if not found:
        click.echo(f"nothing has happened to customer {customer}")
    for event in found:
        click.echo(told(event))


@identity.command(context_settings=_HELP)
@click.argument("records", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@json_option
def resolve(records: Path, target: Path, as_json: bool) -> None:
    """Resolve the records of any file (.csv or .parquet) to customers, without a home.

    RECORDS has a column record_id and any of source, id_type, id_number, name, birth_date, phone, address;
    TARGET gets record_id, customer, outcome, probability and reason, one row per record.

    \b
    Example:
      quanke identity resolve partner-list.csv who.parquet
    """
    from quanke.customers import resolve as resolve_records
    from quanke.customers.record_files import read_records, write_records

    found = resolve_records(read_records(records))
    write_records(found, target)
    summary: dict[str, Any] = {
        "records": found.num_rows,
        "customers": len(set(found["customer"].to_pylist())),
    }
    for pair in found["outcome"].value_counts().to_pylist():
        summary[pair["values"]] = pair["counts"]
    if as_json:
        print_json({**summary, "file": str(target)})
        return
    click.echo(", ".join(f"{count:,} {name}" for name, count in summary.items()) + f" -> {target}")
