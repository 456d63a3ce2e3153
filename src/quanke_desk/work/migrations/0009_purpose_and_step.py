"""What a task of a campaign is for, and which of its steps asked for it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("work", "0008_made_by_the_desk")]

    operations = [
        migrations.AddField("followup", "purpose", models.CharField(blank=True, default="", max_length=12)),
        migrations.AddField("followup", "step", models.CharField(blank=True, default="", max_length=32)),
    ]
