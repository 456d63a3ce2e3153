"""`quanke-desk serve`."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    """Serves the desk with granian, as WSGI, with a worker beside it."""

    help = "Serves the desk. Example: QUANKE_HOME=home quanke-desk serve --port 8321 --processes 2"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--host", default="127.0.0.1", help="address to listen on (default: this machine only)"
        )
        parser.add_argument("--port", type=int, default=8321)
        parser.add_argument("--processes", type=int, default=2)
        parser.add_argument("--threads", type=int, default=4, help="threads of each process")
        parser.add_argument(
            "--no-worker",
            action="store_true",
            help="long jobs and deliveries run elsewhere: quanke-desk work",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        from granian import Granian
        from granian.constants import Interfaces

        call_command("migrate", verbosity=0, interactive=False)
        self.stdout.write(f"http://{options['host']}:{options['port']}/  (Ctrl-C ends it)")
        worker = None if options["no_worker"] else WorkerBeside()
        try:
            Granian(
                "quanke_desk.web.wsgi:application",
                address=options["host"],
                port=options["port"],
                interface=Interfaces.WSGI,
                workers=options["processes"],
                blocking_threads=options["threads"],
                workers_kill_timeout=10,  # a page that never ends keeps no desk from ending
                log_access=False,  # addresses and what was asked for stay out of logs (docs: keep-the-desk)
            ).serve()
        finally:
            if worker:
                worker.end()


class WorkerBeside:
    """A worker as a process of its own, begun again where it died."""

    def __init__(self) -> None:
        self._ending = threading.Event()
        self._process = self._begin()
        threading.Thread(target=self._watch, daemon=True).start()

    def _begin(self) -> subprocess.Popen[bytes]:
        words = [
            "-c",
            "from quanke_desk.web.command import main; main()",
            "work",
            "--parent",
            str(os.getpid()),
        ]
        return subprocess.Popen([sys.executable, *words], stdin=subprocess.DEVNULL)

    def _watch(self) -> None:
        while not self._ending.wait(2):
            if self._process.poll() is not None:
                self._process = self._begin()

    def end(self) -> None:
        """Lets it end its step, for ten seconds; what it was at is taken up by the next one."""
        self._ending.set()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
