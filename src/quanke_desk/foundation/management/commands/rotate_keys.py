"""`quanke-desk rotate_keys`."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from quanke_desk.foundation import vault
from quanke_desk.foundation.jobs import begin
from quanke_desk.foundation.rotation import keys_told


class Command(BaseCommand):
    """Begins the long job that encrypts everything anew; or wraps the data keys with a new key at once."""

    help = "Changes the vault's keys. Example: quanke-desk rotate_keys; quanke-desk work --once"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--wrapping", action="store_true", help="the key that wraps the keys, at once")
        parser.add_argument("--list", action="store_true", help="only list the keys, as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["list"]:
            self.stdout.write(json.dumps(keys_told(), indent=1))
        elif options["wrapping"]:
            self.stdout.write(f"wrapped with key {vault.rewrap(by=None)}")
        else:
            self.stdout.write(f"job {begin('vault.rotate', by=None).pk} waits for a worker")
