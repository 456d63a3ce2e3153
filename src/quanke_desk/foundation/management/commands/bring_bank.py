"""`quanke-desk bring_bank`."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from quanke.kernel.errors import QuankeError
from quanke_desk.foundation.brought import bring_bank


class Command(BaseCommand):
    """Brings branches, posts, staff and who sits where from the home level with the desk."""

    help = "Brings branches, posts, staff and seats from the home. Example: quanke-desk bring_bank --json"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            counts = bring_bank()
        except QuankeError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(counts))
        else:
            self.stdout.write(", ".join(f"{count:,} x {name}" for name, count in counts.items()))
