import uuid

from django.db import migrations, models

import quanke_desk.foundation.models.secret


class Migration(migrations.Migration):
    """Secrets of apps move into the vault. Those of before cannot be moved: who had one sets it up again."""

    dependencies = [("foundation", "0007_lists_and_exports")]

    operations = [
        migrations.RunSQL("DELETE FROM foundation_factor", migrations.RunSQL.noop),
        migrations.RemoveField("factor", "held"),
        migrations.AddField("factor", "public", models.BinaryField(default=b"")),
        migrations.AddField(
            "factor", "seal", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)
        ),
        migrations.AddField("factor", "secret", quanke_desk.foundation.models.secret.Encrypted(null=True)),
    ]
