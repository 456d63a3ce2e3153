"""How often a visit was changed: a tablet that shows an earlier state sees that it does."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("work", "0012_of_left")]

    operations = [migrations.AddField("arrival", "changes", models.IntegerField(default=0))]
