"""Django's name for this room."""

from django.apps import AppConfig


class CustomersConfig(AppConfig):
    """Customers: search, the page of one customer, graph, consent."""

    name = "quanke_desk.customers"
    label = "customers"

    def ready(self) -> None:
        """Makes the room's rounds known."""
        from quanke_desk.customers import reminding  # noqa: F401
