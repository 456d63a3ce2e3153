"""Whose a refusal was: it is counted on the journey's page."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0013_given_to_staff")]

    operations = [
        migrations.AddField("refusal", "journey", models.BigIntegerField(null=True)),
        migrations.AddIndex(
            "refusal", models.Index(fields=["journey", "means", "rule"], name="refusal_of_journey")
        ),
    ]
