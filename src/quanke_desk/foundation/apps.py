"""Django's name for this room."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class FoundationConfig(AppConfig):
    """Foundation."""

    name = "quanke_desk.foundation"
    label = "foundation"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Makes known what needs four eyes here and the jobs of all rooms (their `jobs.py`), what the
        search finds in each (`finding.py`), and gives each log-in its limits."""
        from django.contrib.auth.signals import user_logged_in

        from quanke_desk.foundation import checks, guarded, mending, own_jobs, setting  # noqa: F401
        from quanke_desk.foundation.sessions import begun

        autodiscover_modules("jobs", "finding")
        user_logged_in.connect(begun, dispatch_uid="quanke.entered")
