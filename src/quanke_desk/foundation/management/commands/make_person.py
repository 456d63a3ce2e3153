"""`quanke-desk make_person`."""

from __future__ import annotations

import getpass
import sys
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.urls import reverse

from quanke_desk.foundation.models import Person
from quanke_desk.foundation.passwords import make_link
from quanke_desk.foundation.people import NotAllowed, make_person
from quanke_desk.foundation.roles import Role


class Command(BaseCommand):
    """Makes a person who may log in, the first administrator above all. With --link it prints the path of a
    page where he sets his password himself, once; else the password is asked for, or read from the first
    line of standard input where that is no terminal."""

    help = "Makes a person. Example: quanke-desk make_person wang --name 王敏 --role administrator"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", required=True)
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument("--link", action="store_true", help="print a link to set the password")

    def handle(self, *args: Any, **options: Any) -> None:
        username, name, role = options["username"], options["name"], options["role"]
        given = ""
        if not options["link"]:
            given = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
            try:
                validate_password(given, Person(username=username, name=name, role=role))
            except ValidationError as error:
                raise CommandError(" ".join(error.messages)) from error
        try:
            with transaction.atomic():
                person = make_person(username, name, role, by=None)
                if not options["link"]:
                    person.set_password(given)
                    person.save(update_fields=["password", "password_at"])
                    return
                token = make_link(person, by=None)
        except NotAllowed as error:
            raise CommandError(str(error)) from error
        self.stdout.write(reverse("password_link", args=[token]))
