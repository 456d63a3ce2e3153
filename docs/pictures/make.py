"""Pictures of the README: the terminal report of a published night, as SVG.

python3 run.py quanke demo --home demo-home
.venv/bin/python docs/pictures/make.py demo-home
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from rich.console import Console

from quanke.cli.report import night_report
from quanke.night import open_home

WIDTH = 112


def main(home: str) -> None:
    """Write `night.svg` beside this file."""
    bank = open_home(home)
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    night_report(bank, bank.night()).show(console)
    target = Path(__file__).with_name("night.svg")
    target.write_text(console.export_svg(title="python3 run.py demo"), encoding="utf-8")
    print(target)


if __name__ == "__main__":
    main(sys.argv[1])
