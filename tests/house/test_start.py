"""What the command line loads before it has anything to do."""

from __future__ import annotations

import subprocess
import sys

import click

from quanke.cli import main
from quanke.cli.main import COMMANDS

HEAVY = ("sklearn", "pandas", "scipy", "numba", "splink", "pyspark")
"""Half a second to three seconds each: imported where they are used, in functions."""


def loaded(*arguments: str) -> set[str]:
    """Modules a fresh interpreter holds after a command."""
    code = (
        "import sys\n"
        "from quanke.cli import main\n"
        "status = main(sys.argv[1:], standalone_mode=False)\n"
        "print('\\n'.join(sys.modules))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    return set(ran.stdout.split())


def test_help_waits_for_no_engine() -> None:
    assert not loaded("--help") & {*HEAVY, "numpy", "pyarrow", "duckdb", "rich", "lark"}


def test_help_of_a_command_waits_for_no_model() -> None:
    """One command after the other in one fresh interpreter; whoever brings a model first is told."""
    code = (
        "import sys\n"
        "from quanke.cli import main\n"
        f"for command in {sorted(COMMANDS)}:\n"
        "    main([command, '--help'], standalone_mode=False)\n"
        f"    heavy = [name for name in {HEAVY} if name in sys.modules]\n"
        "    if heavy:\n"
        "        sys.exit(f'{command} loads {heavy}')"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr


def test_commands_are_what_the_list_says() -> None:
    context = click.Context(main)
    assert main.list_commands(context) == sorted(COMMANDS)
    for name, (_, told) in COMMANDS.items():
        command = main.get_command(context, name)
        assert command is not None and command.name == name and command.help is not None
        assert " ".join(command.help.split("\n\n")[0].split()) == told
