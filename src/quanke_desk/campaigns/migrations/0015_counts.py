"""How many went from step to step, counted once here and from then on as they go."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

COUNTED = (
    "SELECT version_id, CASE WHEN arm = 0 THEN -3 ELSE -2 END, CASE WHEN arm = 0 THEN -3 ELSE 0 END, '',"
    " count(*) FROM campaigns_enrolment GROUP BY version_id, arm",
    "SELECT e.version_id, s.from_node, s.to_node, CASE WHEN s.to_node = -1 THEN e.why ELSE '' END, count(*)"
    " FROM campaigns_step s JOIN campaigns_enrolment e ON e.id = s.enrolment"
    " GROUP BY e.version_id, s.from_node, s.to_node, CASE WHEN s.to_node = -1 THEN e.why ELSE '' END",
    # whom the end of a journey let out went no step
    "SELECT version_id, node, -1, why, count(*) FROM campaigns_enrolment WHERE state = 'x' AND why = 'ended'"
    " GROUP BY version_id, node, why",
)


def count(apps: Any, schema_editor: Any) -> None:
    for each in COUNTED:
        schema_editor.execute(
            f"INSERT INTO campaigns_stepcount (version_id, from_node, to_node, why, count) {each}"
        )


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0014_versions")]

    operations = [
        migrations.CreateModel(
            name="StepCount",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("from_node", models.SmallIntegerField()),
                ("to_node", models.SmallIntegerField()),
                ("why", models.CharField(blank=True, max_length=32)),
                ("count", models.BigIntegerField()),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="counts",
                        to="campaigns.journeyversion",
                    ),
                ),
            ],
        ),
        migrations.RunPython(count, migrations.RunPython.noop),
    ]
