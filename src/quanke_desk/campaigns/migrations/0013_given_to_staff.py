"""Pushes that were given to staff to send."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0012_origins")]

    operations = [
        migrations.AlterField(
            "send",
            "state",
            models.CharField(
                choices=[
                    ("q", "queued"),
                    ("h", "held until its hour"),
                    ("s", "handed over: not known yet"),
                    ("g", "given to staff, who have to send it"),
                    ("t", "sent"),
                    ("r", "refused by a rule"),
                    ("f", "the channel could not"),
                ],
                default="q",
                max_length=1,
            ),
        ),
        migrations.AddIndex(
            "send",
            models.Index(condition=models.Q(("state", "g")), fields=["wake", "id"], name="send_given"),
        ),
    ]
