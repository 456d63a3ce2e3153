"""Makes people who can log in to the measured desk: run inside the desk's own environment.

    python -m benchmarks.desk.people COUNT

prints names by kind, posts of the managers and outlets of the lobby staff as JSON.
"""

from __future__ import annotations

import json
import os
import sys


def main() -> None:
    """COUNT people of each kind, with the password of the demo."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quanke_desk.web.settings")
    import django

    django.setup()
    from django.contrib.auth.hashers import make_password

    from quanke_desk.foundation.demo import PASSWORD
    from quanke_desk.foundation.models import Branch, Person, Seat
    from quanke_desk.foundation.roles import Role

    count, secret = int(sys.argv[1]), make_password(PASSWORD)
    managers = [Role.CUSTOMER_MANAGER, Role.WEALTH_MANAGER, Role.WEALTH_ADVISER]
    seats = Seat.objects.filter(until=None, stands_in=False, post__role__in=managers, person__is_active=True)
    taken = list(seats.select_related("person", "post").order_by("post__post_id")[:count])
    people = [s.person for s in taken]
    Person.objects.filter(pk__in=[p.pk for p in people]).update(password=secret)
    made = {"manager": [p.username for p in people]}
    outlets = list(Branch.objects.filter(kind="outlet").order_by("left"))
    subs = list(Branch.objects.filter(kind="sub_branch").order_by("left")) or outlets
    top = Branch.objects.order_by("left").first()
    for kind, role in (
        ("head", Role.BRANCH_HEAD), ("committee", Role.COMMITTEE),
        ("whole", Role.BRANCH_HEAD), ("analyst", Role.ANALYST), ("lobby", Role.LOBBY),
    ):  # fmt: skip
        places = {"head": subs, "lobby": outlets}.get(kind, [top])
        made[kind] = []
        for number in range(count):
            name = f"bench-{kind}-{number}"
            Person.objects.update_or_create(
                username=name,
                defaults={
                    "name": name, "role": role, "password": secret,
                    "branch": places[number % len(places)],
                },
            )  # fmt: skip
            made[kind].append(name)
    at = [outlets[number % len(outlets)].branch_id for number in range(count)]
    print(json.dumps({"names": made, "posts": [s.post.post_id for s in taken], "outlets": at}))


if __name__ == "__main__":
    main()
