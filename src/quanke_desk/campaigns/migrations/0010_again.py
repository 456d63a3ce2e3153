"""Who enters a journey anew: a turn with each enrolment."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0009_refusals")]

    operations = [
        migrations.RemoveConstraint("enrolment", "enrolment_once"),
        migrations.AddField("enrolment", "turn", models.SmallIntegerField(default=0)),
        migrations.AddConstraint(
            "enrolment",
            models.UniqueConstraint(fields=["version", "customer", "turn"], name="enrolment_once"),
        ),
    ]
