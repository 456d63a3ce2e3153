"""`quanke-desk work`."""

from __future__ import annotations

import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from quanke_desk.foundation.working import Worker


class Command(BaseCommand):
    """Carries out long jobs and makes the rounds (delivery). As many workers as wanted may run at once."""

    help = "Carries out long jobs and deliveries. Example: quanke-desk work --once"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="end when nothing is due")
        parser.add_argument(
            "--parent", type=int, default=0, help="end when this process, which began it, is gone"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        worker = Worker(parent=options["parent"])
        signal.signal(signal.SIGTERM, worker.stop)
        signal.signal(signal.SIGINT, worker.stop)
        if options["once"]:
            self.stdout.write(f"{worker.once()} jobs")
        else:
            worker.forever()
