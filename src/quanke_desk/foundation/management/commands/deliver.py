"""`quanke-desk deliver`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from quanke.kernel.errors import QuankeError
from quanke_desk.foundation.delivery import deliver, refused_counts, replay


class Command(BaseCommand):
    """Hands what the desk recorded over to the library's tables; before a night, so that it knows it."""

    help = "Delivers what the desk recorded to the home's tables. Example: quanke-desk deliver --json"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--replay", action="store_true", help="send rows that were refused again")
        parser.add_argument("--json", action="store_true", help="print as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = replay() if options["replay"] else None
            # after a replay: who was unknown then goes out with a batch of now
            delivered = deliver()
        except QuankeError as error:
            raise CommandError(error.message) from None
        if done is not None:
            delivered.taken += done.taken
            delivered.refused += done.refused
        told = {**asdict(delivered), "waiting_to_be_mended": refused_counts()}
        if options["json"]:
            self.stdout.write(json.dumps(told))
        else:
            self.stdout.write(f"{delivered.taken:,} rows taken, {delivered.refused:,} refused")
            for what, count in refused_counts().items():
                self.stdout.write(f"  {count:,} x {what}: to be mended, then deliver --replay")
        if delivered.waits:
            raise CommandError(f"not all: {delivered.waits}")
