"""A later version that goes on with the arms of an earlier one."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0014_refusal_of_journey")]

    operations = [
        migrations.AddField(
            "journeyversion",
            "continues",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="continued_by",
                to="campaigns.journeyversion",
            ),
        ),
    ]
