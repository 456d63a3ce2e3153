"""`quanke-desk`: Django's commands with the desk's settings, and `serve`."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Runs one command: `quanke-desk migrate`, `bring_bank`, `demo_people`, `serve`, `check --deploy`, ..."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quanke_desk.web.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
