"""`quanke-desk make_person`."""

from __future__ import annotations

import getpass
import sys
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from quanke_desk.foundation import audit
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.roles import Role


class Command(BaseCommand):
    """Makes a person who may log in, the first administrator above all; the password is asked for, or read
    from the first line of standard input where that is no terminal."""

    help = "Makes a person. Example: quanke-desk make_person wang --name 王敏 --role administrator"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", required=True)
        parser.add_argument("--role", required=True, choices=Role.values)

    def handle(self, *args: Any, **options: Any) -> None:
        username = options["username"]
        if Person.objects.filter(username__iexact=username).exists():
            raise CommandError("a person of this user name is there already")
        person = Person(username=username, name=options["name"], role=options["role"])
        given = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
        try:
            validate_password(given, person)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        person.set_password(given)
        with transaction.atomic():
            person.save()
            detail = {"role": person.role}
            audit.record(None, "people.made", f"person:{person.pk}", reason="command", detail=detail)
