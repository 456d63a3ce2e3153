"""Django's name for this room."""

from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    """Campaigns: audiences, journeys, contact policy, channels, templates, effects."""

    name = "quanke_desk.campaigns"
    label = "campaigns"

    def ready(self) -> None:
        """Makes the room's approvals known, who must be left alone, and what tasks are about; tells customers
        who go to another manager."""
        from quanke_desk.books import laying, telling
        from quanke_desk.campaigns import (
            joint_contracts,  # noqa: F401
            leaving_alone,
            manager_notices,
            task_words,
            template_actions,  # noqa: F401
        )
        from quanke_desk.campaigns.held_of_customer import held_of
        from quanke_desk.customers.held_here import rooms

        if held_of not in rooms:
            rooms.append(held_of)
        leaving_alone.make_known()
        if manager_notices.tell_customers not in laying.on_transfer:
            laying.on_transfer.append(manager_notices.tell_customers)
            telling.sources.append(manager_notices.told)
        task_words.make_known()
