"""Django's name for this room."""

import os
from pathlib import Path
from typing import Any

from django.apps import AppConfig

from quanke_desk.web.translations import compile_all


class WebConfig(AppConfig):
    """Web: the shell."""

    name = "quanke_desk.web"
    label = "web"

    def __init__(self, name: str, module: Any) -> None:
        """In a checkout that may be written, brings the compiled translations level, before any is read."""
        super().__init__(name, module)
        desk = Path(__file__).parents[1]
        if os.access(desk, os.W_OK):
            compile_all(desk)
