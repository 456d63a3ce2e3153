"""Django's name for this room."""

import os
from pathlib import Path

from django.apps import AppConfig

from quanke_desk.web.translations import compile_all


class WebConfig(AppConfig):
    """Web: the shell."""

    name = "quanke_desk.web"
    label = "web"

    def ready(self) -> None:
        """In a checkout that may be written, brings the compiled translations level."""
        folder = Path(__file__).parent / "locale"
        if os.access(folder, os.W_OK):
            compile_all(folder)
