from typing import Any

from django.db import migrations

# The transaction that wrote a row: events are told in the order (transaction, row), and only of transactions
# before the oldest that still runs. By row alone, rows committed late would never be told. SQLite has one
# writer, so there the row alone is right.
POSTGRESQL = [
    "ALTER TABLE foundation_outgoing ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id()",
    "CREATE INDEX outgoing_order ON foundation_outgoing (xid, id)",
]


def order(apps: Any, editor: Any) -> None:
    if editor.connection.vendor == "postgresql":
        for statement in POSTGRESQL:
            editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("foundation", "0004_durable")]
    operations = [migrations.RunPython(order)]
