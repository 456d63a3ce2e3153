"""`quanke-desk check_audit`."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from quanke_desk.foundation.audit import first_broken
from quanke_desk.foundation.models import AuditEntry


class Command(BaseCommand):
    """Works the chain of the audit out again; what it prints last is worth keeping elsewhere."""

    help = "Checks the chain of the audit. Example: quanke-desk check_audit --json"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        broken = first_broken()
        if broken is not None:
            raise CommandError(f"the audit is broken at entry {broken}")
        last = AuditEntry.objects.order_by("-id").first()
        told = {"entries": AuditEntry.objects.count(), "last": last.digest if last else None}
        plain = f"{told['entries']:,} entries, whole; last digest {told['last']}"
        self.stdout.write(json.dumps(told) if options["json"] else plain)
