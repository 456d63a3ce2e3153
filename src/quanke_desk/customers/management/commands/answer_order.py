"""`quanke-desk answer_order`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from quanke_desk.customers.models import SourceOrder
from quanke_desk.customers.ordering import answer
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.people import NotAllowed


class Command(BaseCommand):
    """Notes what a source system did of a correction or a deletion, where it does not say so itself."""

    help = (
        "Notes what a source system did of a correction or deletion. "
        "Example: quanke-desk answer_order 17 --proof CHG-2026-88 --by wang"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("order", type=int, help="number of the order, on the page of the request")
        parser.add_argument("--proof", required=True, help="its number in the source system")
        parser.add_argument("--not-done", action="store_true", help="the source could not do it")
        parser.add_argument("--by", required=True, help="user name of who decides such requests")

    def handle(self, *args: Any, **options: Any) -> None:
        person = Person.objects.filter(username=options["by"]).first()
        if person is None:
            raise CommandError("nobody has that user name")
        try:
            one = answer(options["order"], not options["not_done"], options["proof"], by=person)
        except SourceOrder.DoesNotExist:
            raise CommandError("no such order") from None
        except NotAllowed as error:
            raise CommandError(str(error)) from None
        left = one.request.orders.filter(answered_at=None).count()
        self.stdout.write(f"noted; {left} sources of request {one.request_id} have not answered")
