"""What is urgent leaves first, by an index of its own; into how many messages a text was cut is kept."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0018_counted")]

    operations = [
        migrations.AddIndex(
            "send",
            models.Index(
                fields=["state", "wake"],
                condition=models.Q(("priority__gte", 9), ("purpose", "service")),
                name="send_urgent",
            ),
        ),
        migrations.AddField("send", "parts", models.SmallIntegerField(db_default=1)),
    ]
