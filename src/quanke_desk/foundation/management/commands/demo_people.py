"""`quanke-desk demo_people`."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from quanke_desk.foundation.demo import PASSWORD, demo_people


class Command(BaseCommand):
    """One person of each role to log in as; in a demo only."""

    help = "Makes a person of each role, for a demo. Example: QUANKE_DESK_DEMO=1 quanke-desk demo_people"

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.QUANKE_DEMO:
            raise CommandError("people with a known password are made in a demo only: QUANKE_DESK_DEMO=1")
        for person in demo_people():
            self.stdout.write(f"{person.username:20} {person.get_role_display()}")
        self.stdout.write(f"password of all: {PASSWORD}")
