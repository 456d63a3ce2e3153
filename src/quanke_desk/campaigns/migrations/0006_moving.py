"""The goal a customer left for, under its whole name."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0005_report")]

    operations = [
        migrations.AlterField("enrolment", "why", models.CharField(blank=True, max_length=32)),
    ]
