"""The play a journey was started from; until now only its name told."""

import re
from typing import Any

from django.db import migrations, models

PLAYS = {
    "new_card_second", "outflow_win_back", "edge_lift", "maturity_care", "payroll_welcome",
    "visit_call_back", "dormant_wake", "card_repayment", "holiday_insurance", "birthday",
}  # fmt: skip


def by_name(apps: Any, schema_editor: Any) -> None:
    for journey in apps.get_model("campaigns", "Journey").objects.all():
        play = re.sub(r"_\d+\Z", "", journey.name)
        if play in PLAYS:
            journey.play = play
            journey.save(update_fields=["play"])


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0007_kept_state")]

    operations = [
        migrations.AddField("journey", "play", models.CharField(blank=True, max_length=48)),
        migrations.RunPython(by_name, migrations.RunPython.noop),
    ]
