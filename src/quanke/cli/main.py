"""The root command: home, errors, exit status.

Exit status: 0 done; 1 refused or failed, with one sentence on stderr; 2 wrong use.
"""

from __future__ import annotations

import json
import sys
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
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def print_json(value: Any) -> None:
    """One JSON value on stdout."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


class Root(click.Group):
    """Turns errors users can mend into one sentence and status 1."""

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


def _register() -> None:
    from quanke.cli import audience, files, graph, identity, live, reading

    for command in (files.sample, files.adapt, files.load, files.demo):
        main.add_command(command)
    for command in (reading.night, reading.tags, audience.audience, reading.explain):
        main.add_command(command)
    main.add_command(identity.identity)
    main.add_command(graph.graph)
    main.add_command(live.live)


_register()
