"""Django's name for this room."""

from django.apps import AppConfig


class BooksConfig(AppConfig):
    """Books: who looks after whom, as of any day."""

    name = "quanke_desk.books"
    label = "books"

    def ready(self) -> None:
        """Makes the room's approvals and jobs known, and listens for who leaves and who is deleted."""
        from quanke_desk.books import actions, jobs, leaving, proposing  # noqa: F401
        from quanke_desk.books.held_of_customer import held_of
        from quanke_desk.customers.actions import restricted
        from quanke_desk.customers.held_here import rooms
        from quanke_desk.foundation.people import left

        if held_of not in rooms:
            rooms.append(held_of)
        left.connect(leaving.on_left, dispatch_uid="books")
        restricted.connect(leaving.forget, dispatch_uid="books.left")
