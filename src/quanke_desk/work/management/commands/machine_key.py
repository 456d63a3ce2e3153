"""`quanke-desk machine_key`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from quanke_desk.foundation.models import Branch, Person
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.work.machines import make_key
from quanke_desk.work.models import MachineUse


class Command(BaseCommand):
    """Makes the key of a machine and prints it once."""

    help = (
        "Makes a machine's key; it is printed once and not kept. "
        "Example: quanke-desk machine_key --name 'Ticket machine 1' --branch 400000035 --by admin"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", required=True, help="what the machine is called")
        parser.add_argument("--use", choices=MachineUse.values, default="arrivals")
        parser.add_argument("--source", default="", help="code of a source system in the bank's tables")
        parser.add_argument("--branch", default="", help="number of its branch (ticket machines)")
        parser.add_argument(
            "--by", required=True, help="user name of the administrator or head who asks for it"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        person = Person.objects.filter(username=options["by"]).first()
        branch = Branch.objects.filter(branch_id=options["branch"]).first()
        if person is None:
            raise CommandError("nobody has that user name")
        if options["branch"] and branch is None:
            raise CommandError("no branch has that number")
        try:
            _, key = make_key(options["name"], options["use"], branch, by=person, source=options["source"])
        except NotAllowed as error:
            raise CommandError(str(error)) from None
        self.stdout.write(key)
