"""Seats made or ended at the desk, which the bank's tables may only shorten."""

from typing import Any

from django.db import migrations, models
from django.utils import timezone


def mark_ended(apps: Any, schema_editor: Any) -> None:
    """Nobody wrote down who ended a stand-in: what has ended is not opened again by a table."""
    seats = apps.get_model("foundation", "Seat").objects.using(schema_editor.connection.alias)
    seats.filter(stands_in=True, until__lte=timezone.localdate()).update(by_desk=True)


class Migration(migrations.Migration):
    dependencies = [("foundation", "0010_asked_outside")]

    operations = [
        migrations.AddField("seat", "by_desk", models.BooleanField(default=False)),
        migrations.RunPython(mark_ended, migrations.RunPython.noop, elidable=True),
    ]
