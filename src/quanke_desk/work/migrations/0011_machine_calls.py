"""Calls of machines that named customers, until they are folded into the audit."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("work", "0010_sources_answer")]

    operations = [
        migrations.CreateModel(
            name="MachineCall",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("action", models.CharField(max_length=64)),
                ("subject", models.CharField(max_length=80)),
                ("purpose", models.CharField(blank=True, max_length=32)),
                ("count", models.IntegerField()),
                ("unknown", models.IntegerField(default=0)),
                ("done", models.IntegerField(default=0)),
                ("digest", models.CharField(max_length=64)),
                ("at", models.DateTimeField()),
                (
                    "machine",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="work.machinekey"
                    ),
                ),
            ],
            options={"ordering": ["id"]},
        ),
    ]
