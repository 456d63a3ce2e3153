"""Django's name for this room."""

from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    """Campaigns: audiences, journeys, contact policy, channels, templates, effects."""

    name = "quanke_desk.campaigns"
    label = "campaigns"

    def ready(self) -> None:
        """Makes the room's approvals known, who must be left alone, and what tasks are about."""
        from quanke_desk.campaigns import joint_contracts, leaving_alone, task_words, template_actions  # noqa: F401

        leaving_alone.make_known()
        task_words.make_known()
