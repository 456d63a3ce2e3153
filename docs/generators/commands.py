"""The page docs/reference/commands.md: what each command of the command line takes, from its own help."""

from __future__ import annotations

import click

from quanke.cli import main

PATH = "reference/commands.md"

HEAD = """\
# Commands 命令

<!-- Written by docs/generate.py from quanke.cli. Do not edit. -->

`quanke` is `.venv/bin/quanke`, or `python3 run.py quanke`. The home is
`--home DIR`, else the variable `QUANKE_HOME`, else `./home`.

`quanke` 即 `.venv/bin/quanke`，也可写作 `python3 run.py quanke`。
家目录依次取 `--home DIR`、环境变量 `QUANKE_HOME`、`./home`。

| exit status 退出码 | meaning | 含义 |
|---|---|---|
| 0 | done | 完成 |
| 1 | refused or failed; the reason is on stderr | 被拒绝或失败，原因在标准错误输出 |
| 2 | wrong use | 用法错误 |
"""
WIDTH = 100


def page() -> str:
    """The whole page."""
    root = click.Context(main, info_name="quanke", terminal_width=WIDTH, max_content_width=WIDTH)
    return "\n".join([HEAD, *sections(main, root, "quanke", "##")])


def sections(group: click.Group, above: click.Context, path: str, mark: str) -> list[str]:
    """A section for each command of a group; commands of a group within it stand below it."""
    found = []
    for name in group.list_commands(above):
        command = group.get_command(above, name)
        if command is None or command.hidden:
            continue
        context = click.Context(
            command, info_name=name, parent=above, terminal_width=WIDTH, max_content_width=WIDTH
        )
        found.append(f"{mark} {path} {name}\n\n```text\n{command.get_help(context).rstrip()}\n```\n")
        if isinstance(command, click.Group):
            found += sections(command, context, f"{path} {name}", mark + "#")
    return found
