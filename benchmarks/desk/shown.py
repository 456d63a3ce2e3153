"""Makes what the app may be answered, and says who asks: run inside the desk's own environment.

    python -m benchmarks.desk.shown COUNT

approves a text for each of the plan's actions that a customer sees by himself, and prints COUNT customers, as
the app calls them, as JSON.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys


def main() -> None:
    """See the module."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quanke_desk.web.settings")
    import django

    django.setup()
    import numpy as np
    from django.utils import timezone

    from quanke_desk.campaigns.addresses import addresses
    from quanke_desk.campaigns.models import Template, TemplateVersion
    from quanke_desk.foundation.models import Person
    from quanke_desk.work.held import held

    of, day = held(), timezone.localdate()
    if of.planned is None:
        sys.exit("the night holds no plan: nothing would be shown")
    by = Person.objects.filter(role="analyst").order_by("pk").first()
    for action in of.planned.actions:
        if str(action.means) in ("push", "app"):
            made, new = Template.objects.get_or_create(
                code=action.name,
                defaults={
                    "title": action.name, "means": "push", "purpose": str(action.purpose), "made_by": by,
                },
            )  # fmt: skip
            if new:
                TemplateVersion.objects.create(
                    template=made, number=1, subject_zh="为您推荐", body_zh="{{ tier }}专享", by=by,
                    state="approved", valid_from=day, valid_until=day + dt.timedelta(days=30),
                )  # fmt: skip
    there = np.flatnonzero(of.base.there)
    some = np.random.default_rng(1).choice(there, min(int(sys.argv[1]), len(there)), replace=False)
    print(json.dumps(sorted(addresses(some.tolist(), "app").values())))


if __name__ == "__main__":
    main()
