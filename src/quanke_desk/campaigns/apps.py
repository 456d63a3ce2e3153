"""Django's name for this room."""

from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    """Campaigns: audiences, journeys, contact policy, channels, templates, effects."""

    name = "quanke_desk.campaigns"
    label = "campaigns"

    def ready(self) -> None:
        """Makes the room's approvals known."""
        from quanke_desk.campaigns import joint_contracts, template_actions  # noqa: F401
