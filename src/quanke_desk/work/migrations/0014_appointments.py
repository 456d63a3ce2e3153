"""Appointments: things to be done with a customer at a time of the day."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("work", "0013_changes_of_visits")]

    operations = [
        migrations.AddField("followup", "at_time", models.TimeField(null=True)),
        migrations.AlterField(
            "followup",
            "kind",
            models.CharField(
                choices=[
                    ("follow_up", "Follow-up"),
                    ("call_back", "Call-back after a visit"),
                    ("hand_over", "Handed over from the lobby"),
                    ("journey", "Asked for by a campaign"),
                    ("lobby", "To be done at the next visit"),
                    ("appointment", "Appointment"),
                ],
                max_length=12,
            ),
        ),
    ]
