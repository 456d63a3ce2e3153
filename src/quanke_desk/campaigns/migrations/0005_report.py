from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0004_joint")]

    operations = [
        migrations.AddField(
            model_name="journeyversion",
            name="offer",
            field=models.CharField(blank=True, max_length=32),
        ),
    ]
