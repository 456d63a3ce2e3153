"""Django's name for this room."""

from django.apps import AppConfig


class WorkConfig(AppConfig):
    """Work: mornings, contacts, lobby, call-backs."""

    name = "quanke_desk.work"
    label = "work"

    def ready(self) -> None:
        """Hears of deletions, of who moves and who leaves; makes the room's rounds known."""
        from quanke_desk.books.laying import on_transfer
        from quanke_desk.customers.actions import restricted
        from quanke_desk.customers.held_here import rooms
        from quanke_desk.foundation.people import left
        from quanke_desk.work import calls, closing, dropping, escalating, handing_on  # noqa: F401
        from quanke_desk.work.following import go_along
        from quanke_desk.work.held_of_customer import held_of
        from quanke_desk.work.notes import forget_notes

        # heard after the books' own, who have their stand-ins by then
        left.connect(handing_on.on_left, dispatch_uid="work.left")
        restricted.connect(forget_notes, dispatch_uid="work.notes")
        restricted.connect(dropping.forget_tasks, dispatch_uid="work.tasks")
        if held_of not in rooms:
            rooms.append(held_of)
        if go_along not in on_transfer:
            on_transfer.append(go_along)
