"""Which contracts audiences came of; those of matches that were saved are taken over."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models


def taken_over(apps: Any, _schema: Any) -> None:
    question, origin = (apps.get_model("campaigns", name) for name in ("JointQuestion", "Origin"))
    rows = question.objects.filter(saved_as__isnull=False).values_list("saved_as", "contract", "purpose")
    origin.objects.bulk_create(
        [
            origin(audience_id=audience, contract_id=contract, purpose=purpose, way="match")
            for audience, contract, purpose in rows
        ],
        ignore_conflicts=True,
    )


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0011_moments")]

    operations = [
        migrations.AddField("jointcontract", "modelling", models.BooleanField(default=False)),
        migrations.CreateModel(
            name="Origin",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("purpose", models.CharField(max_length=16)),
                (
                    "way",
                    models.CharField(
                        choices=[
                            ("match", "who is on both lists"),
                            ("alike", "customers alike"),
                            ("asked", "asked about with another partner"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "audience",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="origins",
                        to="campaigns.audience",
                    ),
                ),
                (
                    "contract",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="origins",
                        to="campaigns.jointcontract",
                    ),
                ),
                (
                    "of",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="campaigns.audienceversion",
                    ),
                ),
            ],
            options={"ordering": ["id"]},
        ),
        migrations.AddConstraint(
            "origin",
            models.UniqueConstraint(fields=("audience", "contract", "purpose"), name="origin_once"),
        ),
        migrations.RunPython(taken_over, migrations.RunPython.noop),
    ]
