"""`quanke-desk follow_events`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from quanke.kernel.errors import QuankeError
from quanke_desk.foundation.followed import follow


class Command(BaseCommand):
    """Reads the desk's events from a broker into a file, each once, whatever is killed."""

    help = (
        "Reads the desk's events from a broker into lines of a file, each once. "
        "Example: quanke-desk follow_events 'nats://nats.example:4222/DESK?subject=desk' --to events.jsonl"
    )
    requires_system_checks: list[str] = []  # noqa: RUF012  # it needs no database

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("where", help="address of the broker, as in QUANKE_DESK_EVENTS")
        parser.add_argument("--to", required=True, type=Path, help="file of the events")
        parser.add_argument("--once", action="store_true", help="end when there is nothing more")

    def handle(self, *args: Any, **options: Any) -> None:
        count = 0
        try:
            for new in follow(options["where"], options["to"]):
                count += new
                if not new and options["once"]:
                    break
                if not new:
                    time.sleep(1)
        except QuankeError as error:
            raise CommandError(error.message) from None
        except KeyboardInterrupt:
            pass
        self.stdout.write(f"{count:,} events")
