"""When a text was withdrawn: one that was never in force does not keep the one before it from being sent. And
until when a push may leave."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0018_counted")]

    operations = [
        migrations.AddField("templateversion", "withdrawn_on", models.DateField(null=True)),
        migrations.AddField("send", "until", models.BigIntegerField(null=True)),
    ]
