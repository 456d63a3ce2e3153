"""`quanke-desk read_mail`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from quanke.kernel.errors import NightError
from quanke_desk.campaigns.channels.mailbox import MOST_BYTES, MailboxDown
from quanke_desk.campaigns.mails import Heard, hear, read_mailbox

LATER = 75
"""How a program tells a mail server to try again later (EX_TEMPFAIL)."""


class Command(BaseCommand):
    """Hears what customers and mail servers answered to e-mail."""

    help = (
        "Reads the mailbox of the sender (QUANKE_DESK_IMAP), or one mail from standard input, as a mail "
        "server pipes it: a customer's no is heard, and what bounced is noted. "
        "Example: quanke-desk read_mail --json"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--stdin", action="store_true", help="one mail, from standard input")
        parser.add_argument("--json", action="store_true", help="print as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        heard = Heard()
        try:
            if options["stdin"]:
                hear(sys.stdin.buffer.read(MOST_BYTES), heard)
            elif not read_mailbox(heard):
                raise CommandError("no mailbox is set (QUANKE_DESK_IMAP)")
        except MailboxDown as down:
            raise CommandError(str(down), returncode=LATER) from None
        except NightError:
            raise CommandError("no night is published yet", returncode=LATER) from None
        told = asdict(heard)
        text = ", ".join(f"{count} {name}" for name, count in told.items())
        self.stdout.write(json.dumps(told) if options["json"] else text)
