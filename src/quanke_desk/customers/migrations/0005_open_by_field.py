"""One open request of a kind is about one field: corrections of two fields stand beside each other."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0004_orders_to_sources")]

    operations = [
        migrations.RemoveConstraint("datarequest", "request_one_open"),
        migrations.AddConstraint(
            "datarequest",
            models.UniqueConstraint(
                condition=models.Q(("state__in", ["open", "asked"])),
                fields=("customer", "kind", "field"),
                name="request_one_open",
            ),
        ),
    ]
