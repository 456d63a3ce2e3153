"""What a journey's page counts of pushes and refusals stands in an index whole."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0017_drafts")]

    operations = [
        migrations.AddIndex(
            "send",
            models.Index(fields=["journey", "state", "template", "means", "rule"], name="send_of_journey"),
        ),
        migrations.RemoveIndex("send", "campaigns_s_journey_039b44_idx"),
        migrations.AddIndex(
            "refusal", models.Index(fields=["journey", "means", "rule", "key"], name="refusal_by_journey")
        ),
        migrations.RemoveIndex("refusal", "refusal_of_journey"),
    ]
