"""Digests of what a field is corrected to: the customer is found by it before the sources have it."""

from django.db import migrations

import quanke_desk.foundation.models.secret


class Migration(migrations.Migration):
    dependencies = [("customers", "0005_open_by_field")]

    operations = [
        migrations.AddField(
            "datarequest",
            "value_phone",
            quanke_desk.foundation.models.secret.BlindIndex(
                "value", db_index=True, normal="phone", null=True
            ),
        ),
        migrations.AddField(
            "datarequest",
            "value_text",
            quanke_desk.foundation.models.secret.BlindIndex("value", db_index=True, normal="text", null=True),
        ),
    ]
