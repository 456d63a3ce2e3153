"""When what a journey is told of happened: too old, nobody enters by it."""

from django.db import migrations, models

_STATES = [
    ("w", "waiting: the journey is paused"),
    ("d", "the journey went by it"),
    ("l", "too old when the journey went on"),
    ("p", "too old to enter by when the desk heard of it"),
]


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0010_again")]

    operations = [
        migrations.AddField("told", "moment", models.BigIntegerField(null=True)),
        migrations.AlterField("told", "state", models.CharField(choices=_STATES, default="w", max_length=1)),
    ]
