"""The root command: home, errors, exit status.

Exit status: 0 done; 1 refused or failed, with one sentence on stderr; 2 wrong use.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from quanke import __version__
from quanke.kernel.errors import QuankeError

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

home_option = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("home"),
    envvar="QUANKE_HOME",
    show_default=True,
    show_envvar=True,
    help="Folder that holds the bank's tables and nights.",
)
COMMANDS = {
    "adapt": ("files", "Turn real data in another form at SOURCE into hand-over files at TARGET."),
    "audience": (
        "audience",
        "Cut a group of customers out of a night: count it, draw from it, break it down, compare it, "
        "export it.",
    ),
    "books": (
        "books",
        "Who looks after whom: propose books for everybody, look, change, approve, apply, take back.",
    ),
    "demo": (
        "files",
        "Make a sample bank, load it, run two nights, and show what a branch head would want to see.",
    ),
    "effects": (
        "effects",
        "What a campaign really changed, against customers who got nothing; and who gets nothing, "
        "beforehand.",
    ),
    "explain": (
        "reading",
        "Why a customer is what the night says: which records are this customer and why they are one; tags, "
        "tier and stage, each with its reason and lineage.",
    ),
    "find": (
        "find",
        "Find a customer by number, name, phone, document, account or card; names are shown masked.",
    ),
    "graph": (
        "graph",
        "Ask the graph of a night who belongs to whom: bodies, employers, households, referrals.",
    ),
    "identity": ("identity", "Who is who: one customer out of the records of many systems."),
    "joint": (
        "joint",
        "A partner's side of joint operations: answer a bank's question without giving one's list away.",
    ),
    "live": ("live", "Take events as they come, and decide all triggers within a second."),
    "load": ("files", "Check the files of a bank at SOURCE and take them into the home."),
    "night": (
        "reading",
        "Compute and publish the night of a day: tags, tiers, stages, clusters, figures, findings.",
    ),
    "plan": (
        "plan",
        "What to do next for everybody: why it was chosen, what is scarce, what if, and a post's morning.",
    ),
    "sample": (
        "files",
        "Write the files of a believable city branch to TARGET, with known truth in TARGET/truth.",
    ),
    "scores": (
        "scores",
        "Learn who is likely to act or to leave: train models, read their cards, explain a customer's score.",
    ),
    "tags": (
        "reading",
        "List the catalogue: every tag, metric, trigger and check with its title, unit, class, purpose.",
    ),
    "wealth": (
        "wealth",
        "Advice on investments: what to hold, the few trades that lead there, and what became of them.",
    ),
}
"""Each command, the module of this package it stands in, and the first sentence of its help: a module is
imported when its command is used, so that `quanke --help` waits for no engine."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def print_json(value: Any) -> None:
    """One JSON value on stdout."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


class Root(click.Group):
    """Turns errors users can mend into one sentence and status 1; loads a command when it is used."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, from its module."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"quanke.cli.{COMMANDS[cmd_name][0]}")
        found: click.Command = getattr(module, cmd_name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """All commands with what they do, without loading them."""
        click.Group(commands=self.commands).format_commands(ctx, formatter)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except QuankeError as error:
            click.echo(f"quanke: {error}", err=True)
            pointer = getattr(error, "pointer", None)
            if pointer is not None:
                click.echo(pointer(), err=True)
            ctx.exit(1)
        except BrokenPipeError:
            sys.stderr.close()
            ctx.exit(1)


@click.group(cls=Root, context_settings=CONTEXT)
@click.version_option(__version__, prog_name="quanke")
def main() -> None:
    """Quanke (全客): run a retail bank's whole customer base.

    \b
    Example:
      quanke sample bank-files --customers 200000
      quanke load bank-files
      quanke night --on 2026-06-30
      quanke audience 'tier == "core" and aum_90d >= 8万元' --count
    """


for _name, (_, _told) in COMMANDS.items():
    main.add_command(click.Command(_name, help=_told))
