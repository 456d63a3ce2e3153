"""How many were told that a visitor is here."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("work", "0005_uses_and_lobby_tasks")]

    operations = [migrations.AddField("arrival", "told", models.SmallIntegerField(default=0))]
