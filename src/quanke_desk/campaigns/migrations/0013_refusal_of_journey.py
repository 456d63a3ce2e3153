"""Whose a refusal was: it is counted on the journey's page."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0010_again")]

    operations = [
        migrations.AddField("refusal", "journey", models.BigIntegerField(null=True)),
        migrations.AddIndex(
            "refusal", models.Index(fields=["journey", "means", "rule"], name="refusal_of_journey")
        ),
    ]
