import uuid
from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import quanke_desk.foundation.models.secret


def name_rows(apps: Any, schema_editor: Any) -> None:
    """Each request gets its own name in the vault."""
    rows = apps.get_model("customers", "DataRequest").objects
    for number in list(rows.values_list("pk", flat=True)):
        rows.filter(pk=number).update(seal=uuid.uuid4())


class Migration(migrations.Migration):
    """What is granted of a correction or a deletion reaches the source systems."""

    dependencies = [
        ("customers", "0003_how_it_was_said"),
        ("foundation", "0008_factors_in_the_vault"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField("datarequest", "seal", models.UUIDField(null=True, editable=False)),
        migrations.AddField(
            "datarequest", "value", quanke_desk.foundation.models.secret.Encrypted(null=True)
        ),
        migrations.RunPython(name_rows, migrations.RunPython.noop),
        migrations.AlterField(
            "datarequest", "seal", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)
        ),
        migrations.CreateModel(
            name="SourceOrder",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("source", models.CharField(max_length=32)),
                ("due_on", models.DateField()),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("fetched_at", models.DateTimeField(null=True)),
                ("answered_at", models.DateTimeField(null=True)),
                ("done", models.BooleanField(null=True)),
                ("proof", models.CharField(blank=True, max_length=64)),
                (
                    "answered_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="orders",
                        to="customers.datarequest",
                    ),
                ),
            ],
            options={"ordering": ["source"]},
        ),
        migrations.AddConstraint(
            "sourceorder", models.UniqueConstraint(fields=["request", "source"], name="source_order_once")
        ),
        migrations.AddIndex(
            "sourceorder",
            models.Index(fields=["due_on"], condition=models.Q(answered_at=None), name="source_order_open"),
        ),
    ]
