"""Commands that bring files in: sample, adapt, load, and the demo that strings all together."""

from __future__ import annotations

import datetime as dt
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from quanke.bank.home import Home
from quanke.bank.readers.database import DatabaseSource
from quanke.bank.readers.handover import read_bank_sheet
from quanke.cli.main import home_option, json_option, print_json
from quanke.cli.progress import listener
from quanke.kernel.errors import InputError, QuankeError
from quanke.kernel.progress import Progress
from quanke.night import night as run_night
from quanke.night import open_home

LAST_DAY = dt.date(2026, 6, 30)
DEMO_SAMPLE = 30_000
DEMO_CAMPAIGNS = {
    "tier_edge_autumn_2025": "tier_lift",
    "new_year_deposits_2026": "term",
    "fund_spring_2026": "fund",
    "card_activation_2025": "card_activation",
    "win_back_calls_2026": "win_back",
}
"""Campaigns of the sample bank that kept control groups, and what they offered."""
"""Customers the demo's scores are learned from: enough to see what they are, in some twenty seconds."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("target", type=click.Path(path_type=Path, file_okay=False))
@click.option("--customers", type=click.IntRange(500, 30_000_000), default=200_000, show_default=True)
@click.option("--seed", type=int, default=20_260_630, show_default=True, help="Equal seeds give equal bytes.")
@click.option(
    "--days", type=click.IntRange(90, 1500), default=365, show_default=True, help="Days of movements."
)
@click.option(
    "--last-day", type=click.DateTime(["%Y-%m-%d"]), default=LAST_DAY.isoformat(), show_default=True
)
@json_option
def sample(target: Path, customers: int, seed: int, days: int, last_day: dt.datetime, as_json: bool) -> None:
    """Write the files of a believable city branch to TARGET, with known truth in TARGET/truth.

    \b
    Example:
      quanke sample bank-files --customers 200000
    """
    from quanke.bank.sample import write_sample

    report = write_sample(
        target, customers=customers, seed=seed, last_day=last_day.date(), days=days, progress=listener()
    )
    print_json(report.to_json()) if as_json else click.echo("\n".join(report.lines()))


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("kind", type=click.Choice(["berka"]))
@click.argument("source", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.argument("target", type=click.Path(path_type=Path, file_okay=False))
@json_option
def adapt(kind: str, source: Path, target: Path, as_json: bool) -> None:
    """Turn real data in another form at SOURCE into hand-over files at TARGET.

    KIND berka: the PKDD'99 files of a Czech bank. The report says how far end-of-day balances
    reconcile with the ledger.

    \b
    Example:
      quanke adapt berka ../shared/data/berka berka-files
    """
    from quanke.bank.adapters.berka import adapt as adapt_berka

    report = adapt_berka(source, target, listener())
    print_json(report.to_json()) if as_json else click.echo("\n".join(report.lines()))


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("source", type=click.Path(path_type=Path), required=False)
@click.option(
    "--replay",
    type=click.Path(path_type=Path, exists=True),
    help="Mended quarantine rows: a file or a folder.",
)
@click.option("--database", help="Read tables from a PostgreSQL database instead: a connection string.")
@click.option("--only", multiple=True, metavar="TABLE", help="Only this table (may be repeated).")
@home_option
@json_option
@click.pass_context
def load(
    context: click.Context,
    source: Path | None,
    replay: Path | None,
    database: str | None,
    only: tuple[str, ...],
    home: Path,
    as_json: bool,
) -> None:
    """Check the files of a bank at SOURCE and take them into the home.

    Rows that break a rule go to quarantine with file, row, field and rule; what was taken before is
    skipped; a broken file stops its table alone.

    \b
    Example:
      quanke load bank-files --home home
      quanke load --replay mended/ --home home
    """
    from quanke.bank.load import load as load_files
    from quanke.bank.load import replay as replay_rows

    if sum(x is not None for x in (source, replay, database)) != 1:
        raise click.UsageError("say what to load: a folder, --database, or --replay")
    target = open_or_create(home, source)
    if replay is not None:
        report = replay_rows(target, files=replay, progress=listener())
    elif database is not None:
        report = load_files(target, postgres(database), progress=listener(), only=only)
    else:
        assert source is not None
        if not source.is_dir():
            raise InputError("there is no such folder", file=str(source))
        report = load_files(target, source, progress=listener(), only=only)
    print_json(report.to_json()) if as_json else click.echo("\n".join(report.lines()))
    failed = [name for name, table in report.tables.items() if table.errors]
    if failed:
        for name in failed:
            for error in report.tables[name].errors:
                click.echo(f"quanke: {name}: {error}", err=True)
        context.exit(1)


def open_or_create(home: Path, source: Path | None) -> Home:
    """The home at a path; a new one takes the currency that the hand-over states."""
    if (home / "home.json").exists():
        return Home.open(home)
    stated = read_bank_sheet(source).currency if source is not None and source.is_dir() else ""
    return Home.create(home, currency=stated or "CNY")


def postgres(conninfo: str) -> DatabaseSource:
    """Tables of a PostgreSQL database as a source; needs the extra `quanke[postgres]`."""
    try:
        import psycopg
    except ImportError:
        raise QuankeError("reading a database needs `pip install quanke[postgres]`") from None

    def connect() -> Any:
        try:
            return psycopg.connect(conninfo)
        except psycopg.OperationalError:
            raise QuankeError("the database does not answer at the address given") from None

    return DatabaseSource(connect)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--customers", type=click.IntRange(500, 30_000_000), default=200_000, show_default=True)
@home_option
@json_option
def demo(customers: int, home: Path, as_json: bool) -> None:
    """Make a sample bank, load it, run two nights, and show what a branch head would want to see.

    \b
    Example:
      quanke demo --home demo-home
    """
    from quanke.bank.load import load as load_files
    from quanke.bank.sample import write_sample
    from quanke.cli.report import night_report
    from quanke.night.training import train as train_scores

    console = Console()
    progress = listener()
    nights = (LAST_DAY.replace(day=1) - dt.timedelta(days=1), LAST_DAY)
    if not (home / "home.json").exists() or not open_home(home).nights:
        home.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home.parent, prefix=".sample-") as folder:
            files = Path(folder) / "files"
            console.print(f"1/5  writing a sample bank of {customers:,} customers")
            write_sample(files, customers=customers, last_day=LAST_DAY, progress=progress)
            console.print("2/5  loading its files")
            bank = open_or_create(home, files)
            report = load_files(bank, files, progress=progress)
            for line in report.lines():
                console.print("     " + line, highlight=False)
    console.print("3/5  nights: " + " and ".join(n.isoformat() for n in nights))
    bank = Home.open(home)
    for day in nights:
        try:
            outcome = run_night(bank, day, progress=progress)
            if outcome.computed and day == nights[0]:
                console.print("4/5  scores and uplift are learned; the next night applies them")
                train_scores(bank, day, sample=DEMO_SAMPLE, progress=progress)
                _learn_from_campaigns(bank, progress)
        except QuankeError:
            # a demo home that was loaded further keeps its published nights
            continue
    opened = open_home(home)
    report_of = night_report(opened, opened.night(nights[-1]))
    if as_json:
        print_json(outcome.to_json())
    else:
        report_of.show(console)
        _show_campaigns(bank, console, progress)


def _learn_from_campaigns(bank: Home, progress: Progress) -> None:
    """Uplift of each offer of the sample's campaigns, where enough converted."""
    from quanke.night.uplift_training import learn_uplift

    # two of them: a demo is not to be waited for
    for campaign, offer in list(DEMO_CAMPAIGNS.items())[::2][:2]:
        with suppress(QuankeError):
            learn_uplift(bank, (campaign,), offer=offer, sample=DEMO_SAMPLE, progress=progress)


def _show_campaigns(bank: Home, console: Console, progress: Progress) -> None:
    """What each campaign of the sample bank changed: a sentence in each language."""
    from quanke.night.effects import measure

    console.print("5/5  what campaigns really changed 活动真正改变了什么")
    for campaign in DEMO_CAMPAIGNS:
        try:
            found = measure(bank, campaign, progress=progress)
        except QuankeError as error:
            console.print(f"     {campaign}: {error}", highlight=False)
            continue
        console.print(f"     [bold]{campaign}[/]", highlight=False)
        converted = [each.estimate for each in found.outcomes if each.name == "converted"]
        for estimate in (found.headline, *converted):
            console.print(f"       {estimate.sentence_zh} {estimate.sentence}", highlight=False)
    console.print("     more: quanke effects CAMPAIGN; quanke wealth show; quanke wealth list")
