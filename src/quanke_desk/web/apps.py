"""Django's name for this room."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Web."""

    name = "quanke_desk.web"
    label = "web"
    default_auto_field = "django.db.models.BigAutoField"
