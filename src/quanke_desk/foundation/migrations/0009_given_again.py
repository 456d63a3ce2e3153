"""Rows of events that stand in the library's tables with other values: their hand-over is given again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("foundation", "0008_factors_in_the_vault")]

    operations = [
        migrations.AddField("outgoing", "again", models.BooleanField(default=False)),
        migrations.AddIndex(
            "outgoing",
            models.Index(condition=models.Q(("again", True)), fields=["batch"], name="outgoing_again"),
        ),
    ]
