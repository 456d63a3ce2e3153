from typing import Any

from django.db import migrations


def rewrite(apps: Any, schema_editor: Any) -> None:
    """What a migration wrote over stays in the log of SQLite until it is folded in, and in the dead rows of
    PostgreSQL until the table is written anew: neither can be done within a transaction."""
    with schema_editor.connection.cursor() as cursor:
        if schema_editor.connection.vendor == "sqlite":
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            cursor.execute("VACUUM FULL books_departedcustomer")


class Migration(migrations.Migration):
    """Nothing of what stood in clear is left in the files of the database."""

    atomic = False
    dependencies = [("books", "0002_left_books_in_the_vault")]

    operations = [migrations.RunPython(rewrite, migrations.RunPython.noop)]
