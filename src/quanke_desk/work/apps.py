"""Django's name for this room."""

from django.apps import AppConfig


class WorkConfig(AppConfig):
    """Work: mornings, contacts, lobby, call-backs."""

    name = "quanke_desk.work"
    label = "work"

    def ready(self) -> None:
        """Hears that a customer's deletion was decided and who moves; makes the room's rounds known."""
        from quanke_desk.books.laying import on_transfer
        from quanke_desk.customers.actions import restricted
        from quanke_desk.work import calls, closing, dropping, escalating  # noqa: F401
        from quanke_desk.work.following import go_along
        from quanke_desk.work.notes import forget_notes

        restricted.connect(forget_notes, dispatch_uid="work.notes")
        if go_along not in on_transfer:
            on_transfer.append(go_along)
