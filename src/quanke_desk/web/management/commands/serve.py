"""`quanke-desk serve`."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    """Serves the desk with granian, as WSGI."""

    help = "Serves the desk. Example: QUANKE_HOME=home quanke-desk serve --port 8321 --processes 2"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--host", default="127.0.0.1", help="address to listen on (default: this machine only)"
        )
        parser.add_argument("--port", type=int, default=8321)
        parser.add_argument("--processes", type=int, default=2)
        parser.add_argument("--threads", type=int, default=4, help="threads of each process")

    def handle(self, *args: Any, **options: Any) -> None:
        from granian import Granian
        from granian.constants import Interfaces

        call_command("migrate", verbosity=0, interactive=False)
        self.stdout.write(f"http://{options['host']}:{options['port']}/  (Ctrl-C ends it)")
        Granian(
            "quanke_desk.web.wsgi:application",
            address=options["host"],
            port=options["port"],
            interface=Interfaces.WSGI,
            workers=options["processes"],
            blocking_threads=options["threads"],
        ).serve()
