"""How many were told that a visitor is here."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("work", "0006_campaign_of_task")]

    operations = [migrations.AddField("arrival", "told", models.SmallIntegerField(default=0))]
