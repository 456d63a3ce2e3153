"""The number of a draft: two who work on one design do not undo each other's work."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0016_counts")]

    operations = [migrations.AddField("journey", "draft_number", models.IntegerField(default=0))]
