"""Which campaign a task was a step of; what was given before stands with its journey's first version."""

from typing import Any

from django.db import migrations, models
from django.db.models import F


def of_the_first(apps: Any, schema_editor: Any) -> None:
    given = apps.get_model("work", "FollowUp").objects.exclude(journey="")
    given.update(campaign=F("journey"))


class Migration(migrations.Migration):
    dependencies = [("work", "0005_uses_and_lobby_tasks")]

    operations = [
        migrations.AddField("followup", "campaign", models.CharField(blank=True, max_length=64)),
        migrations.RunPython(of_the_first, migrations.RunPython.noop),
    ]
