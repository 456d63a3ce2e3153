"""A person sits on a post once from a day on, on SQLite, too: it makes no constraint that speaks of nulls."""

from typing import Any, ClassVar

from django.db import migrations, models


def one_of_each(apps: Any, schema_editor: Any) -> None:
    """Of seats that are there twice the one that ends first stays."""
    seats = apps.get_model("foundation", "Seat").objects.using(schema_editor.connection.alias)
    there: set[tuple[Any, ...]] = set()
    for seat in seats.order_by(models.F("until").asc(nulls_last=True), "pk"):
        key = (seat.person_id, seat.post_id, seat.since, seat.stands_in)
        if key in there:
            seat.delete()
        there.add(key)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("foundation", "0011_seats_of_the_desk")]

    operations: ClassVar = [
        migrations.RunPython(one_of_each, migrations.RunPython.noop, elidable=True),
        migrations.RemoveConstraint("seat", "seat_once"),
        migrations.AddConstraint(
            "seat",
            models.UniqueConstraint(fields=["person", "post", "since", "stands_in"], name="seat_once"),
        ),
    ]
