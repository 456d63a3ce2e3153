"""`quanke-desk machine_key`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from quanke_desk.foundation.models import Branch, Person
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.work.machines import end_key, keys_of, make_key
from quanke_desk.work.models import MachineUse


class Command(BaseCommand):
    """Makes the key of a machine and prints it once; lists keys; ends one."""

    help = (
        "Makes a machine's key; it is printed once and not kept. "
        "Example: quanke-desk machine_key --name 'Ticket machine 1' --branch 400000035 --by admin; "
        "quanke-desk machine_key --list --by admin; quanke-desk machine_key --end 7 --by admin"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        asked = parser.add_mutually_exclusive_group(required=True)
        asked.add_argument("--name", help="what the machine is called: makes its key")
        asked.add_argument("--list", action="store_true", help="keys that hold, with their numbers")
        asked.add_argument("--end", type=int, metavar="NUMBER", help="ends a key at once")
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
        if options["list"] or options["end"] is not None:
            self._kept(person, options["end"])
            return
        if options["branch"] and branch is None:
            raise CommandError("no branch has that number")
        try:
            _, key = make_key(options["name"], options["use"], branch, by=person, source=options["source"])
        except NotAllowed as error:
            raise CommandError(str(error)) from None
        self.stdout.write(key)

    def _kept(self, person: Person, end: int | None) -> None:
        held = keys_of(person)
        if end is None:
            for row in held:
                at = row.branch.branch_id if row.branch else "-"
                self.stdout.write(f"{row.pk}\t{row.use}\t{at}\t{row.name}")
            return
        machine = next((row for row in held if row.pk == end), None)
        if machine is None:
            raise CommandError("no key that holds has that number")
        end_key(machine, by=person)
        self.stdout.write(f"ended {machine.pk}")
