"""Django's name for this room."""

from django.apps import AppConfig


class FoundationConfig(AppConfig):
    """Foundation."""

    name = "quanke_desk.foundation"
    label = "foundation"
    default_auto_field = "django.db.models.BigAutoField"
