"""`quanke effects learn`: uplift from campaigns with control groups."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from quanke.bank.home import Home
from quanke.cli.main import home_option, json_option, print_json
from quanke.cli.progress import listener

_HELP = {"help_option_names": ["-h", "--help"]}


@click.command("learn", context_settings=_HELP)
@click.argument("campaigns", nargs=-1, metavar="[CAMPAIGN]...")
@click.option("--offer", default="", metavar="OFFER", help="What they offered, e.g. fund, tier_lift.")
@click.option(
    "--feature",
    "features",
    multiple=True,
    metavar="TAG",
    help="Learn from this tag (may be repeated; default: all fit).",
)
@click.option(
    "--sample", type=click.IntRange(1_000), default=1_000_000, show_default=True, help="Customers to look at."
)
@click.option("--keep", is_flag=True, help="Publish the versions, but go on using those in use.")
@home_option
@json_option
def learn(
    campaigns: tuple[str, ...],
    offer: str,
    features: tuple[str, ...],
    sample: int,
    keep: bool,
    home: Path,
    as_json: bool,
) -> None:
    """Learn from past campaigns whom contacting changes, for the plan of the next night.

    Without CAMPAIGN: every campaign whose design names its offer. Features are as of the day before a
    campaign's first push; customers who were held out tell what would have come anyway. Where it is not borne
    out that customers differ, the average is said of everybody; a campaign that did harm gives nothing above
    zero, and the plan no longer chooses it.

    \b
    Example:
      quanke effects learn tier_edge_autumn_2025 --offer tier_lift
      quanke effects learn
    """
    from quanke.night.uplift_training import learn_uplift

    made = learn_uplift(
        Home.open(home),
        campaigns,
        offer=offer,
        features=features,
        sample=sample,
        use=not keep,
        progress=listener(),
    )
    if as_json:
        print_json(made.to_json())
        return
    table = Table(title="联系增量 uplift", title_justify="left", header_style="bold")
    for head in ("score", "version", "结论 kind", "平均 average", "Qini"):
        table.add_column(head, overflow="fold")
    for score, version in made.versions.items():
        card = version.card
        effect, held = card["effect"], card["held_out_qini"]
        shown = f"{effect['effect']:.2%} ({effect['low']:.2%} - {effect['high']:.2%})"
        qini = "-" if held is None else f"{held['value']:.3f} ({held['low']:.3f} - {held['high']:.3f})"
        table.add_row(score, version.name, card["kind"], shown, qini)
    Console().print(table)
    for score, version in made.versions.items():
        click.echo(f"{score}: {version.card['says_zh']} {version.card['says_en']}")
    for score, reason in made.skipped.items():
        click.echo(f"未学得 nothing learned of {score}: {reason}")
