"""People of a demo: one of each role, all with one known password. Never made where QUANKE_DEMO is off."""

from __future__ import annotations

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from quanke_desk.foundation.models import Branch, ParameterValue, Person, Post, Seat
from quanke_desk.foundation.roles import BOOK_ROLES, Role

PASSWORD = "quanke-demo-2026"
"""Shown on the login page of the demo."""


def demo_people() -> list[Person]:
    """One person of each role; those with a book sit on the first post of their role, the others at the
    branch of that kind. Repeatable."""
    made, today, secret = [], timezone.localdate(), make_password(PASSWORD)
    top = Branch.objects.order_by("left").first()
    sub = Branch.objects.filter(kind="sub_branch").order_by("left").first() or top
    outlet = Branch.objects.filter(kind="outlet").order_by("left").first() or sub
    for role in Role:
        post = Post.objects.filter(role=role).order_by("post_id").first()
        at = {Role.BRANCH_HEAD: sub, Role.TEAM_HEAD: outlet, Role.LOBBY: outlet, Role.TELLER: outlet}
        branch = post.branch if post and role in BOOK_ROLES else at.get(role, top)
        person, _ = Person.objects.update_or_create(
            username=f"demo-{role.value.replace('_', '-')}",
            defaults={
                "name": str(role.label),
                "role": role,
                "branch": branch,
                "password": secret,
                "password_at": timezone.now(),
            },
        )
        if post and role in BOOK_ROLES and not person.seats.filter(Seat.on(today), post=post).exists():
            Seat.objects.create(person=person, post=post, since=today, reason="demo")
        made.append(person)
    if not ParameterValue.objects.filter(name="second.roles").exists():
        # In a demo a password is enough, and the settings say so.
        keeper = next(p for p in made if p.role == Role.ADMINISTRATOR)
        ParameterValue.objects.create(name="second.roles", value=[], since=today, by=keeper, reason="demo")
    return made
