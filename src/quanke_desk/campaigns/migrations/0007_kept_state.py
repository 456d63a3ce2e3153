"""What a paused journey goes on as; what leaves first of what is due at one moment."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0006_moving"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="send",
            name="send_open",
        ),
        migrations.AddField(
            model_name="journey",
            name="paused_from",
            field=models.CharField(blank=True, max_length=10),
        ),
        migrations.AddIndex(
            model_name="send",
            index=models.Index(
                condition=models.Q(("state__in", ["q", "h", "s"])),
                fields=["wake", "-priority", "id"],
                name="send_open",
            ),
        ),
    ]
