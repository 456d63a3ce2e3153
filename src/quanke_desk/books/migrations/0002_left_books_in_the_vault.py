import uuid
from typing import Any

from django.db import migrations, models

import quanke_desk.foundation.models.secret

FIELDS = ("aum", "outcome")


def zero_what_goes(apps: Any, schema_editor: Any) -> None:
    """Pages SQLite lets go of are written over: the rows of before do not stay in the file."""
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute("PRAGMA secure_delete = ON")


def seal(apps: Any, schema_editor: Any) -> None:
    """Each row gets its name in the vault, and what stood in clear is encrypted for it."""
    from quanke_desk.foundation import vault

    rows = apps.get_model("books", "DepartedCustomer").objects
    for row in rows.order_by("pk").iterator(500):
        row.seal = uuid.uuid4()
        clear = {"aum": row.clear_aum, "outcome": row.clear_outcome or None}
        for name, value in clear.items():
            if value is not None:
                column = f"{row._meta.db_table}.{name}"
                row.__dict__[name] = vault.seal(column, str(row.seal), str(value))
        row.save(update_fields=["seal", *FIELDS])


class Migration(migrations.Migration):
    """What a customer of a book that was left had and said goes into the vault."""

    dependencies = [("books", "0001_who_looks_after_whom"), ("foundation", "0008_factors_in_the_vault")]

    operations = [
        migrations.RunPython(zero_what_goes, migrations.RunPython.noop),
        migrations.RenameField("departedcustomer", "aum", "clear_aum"),
        migrations.RenameField("departedcustomer", "outcome", "clear_outcome"),
        migrations.AddField("departedcustomer", "seal", models.UUIDField(null=True, editable=False)),
        migrations.AddField(
            "departedcustomer", "aum", quanke_desk.foundation.models.secret.Encrypted(null=True)
        ),
        migrations.AddField(
            "departedcustomer", "outcome", quanke_desk.foundation.models.secret.Encrypted(null=True)
        ),
        migrations.RunPython(seal),
        migrations.RemoveField("departedcustomer", "tier"),  # of class C2, too, and nobody ever read it
        migrations.RemoveField("departedcustomer", "clear_aum"),
        migrations.RemoveField("departedcustomer", "clear_outcome"),
        migrations.AlterField(
            "departedcustomer", "seal", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)
        ),
    ]
