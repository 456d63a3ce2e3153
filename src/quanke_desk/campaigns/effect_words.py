"""Groups of an effect in words: tiers, branches, managers and channels as the bank calls them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Prefetch
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from quanke.customers.tags.scores import UPLIFT_TITLES
from quanke.kernel.errors import NightError, QuankeError
from quanke_desk.campaigns.audiences import bound
from quanke_desk.campaigns.reach import MEANS
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Branch, Person, Post, Seat
from quanke_desk.foundation.scope import scope_of
from quanke_desk.work.queries import tier_word

UNKNOWN = "-"
DIMENSIONS: dict[str, Promise] = {
    "arm": gettext_lazy("Arm"),
    "tier": gettext_lazy("Tier"),
    "branch": gettext_lazy("Branch"),
    "manager": gettext_lazy("Post that looks after them"),
    "channel": gettext_lazy("Channel"),
}


def english() -> bool:
    """Whether who looks reads English."""
    return (get_language() or "").startswith("en")


def refusal(error: QuankeError) -> str:
    """What the library refused, in the language of who looks, where it has it in both."""
    return error.message if english() else getattr(error, "message_zh", error.message)


def offers() -> list[tuple[str, str]]:
    """Offers the plan can learn of, with their titles."""
    return [(name, titles[int(english())]) for name, titles in UPLIFT_TITLES.items()]


def means_word(means: str) -> str:
    """A means of contact in words."""
    more: dict[str, str] = {"app": _("In the app"), "visit": _("Meeting"), "ticket": _("Branch visit")}
    return str(MEANS[means]) if means in MEANS else more.get(means, means)


WHO_WORDS: dict[str, Promise] = {
    "manager": gettext_lazy("the manager"),
    "remote_team": gettext_lazy("the remote team"),
    "lobby": gettext_lazy("the lobby, at the next visit"),
}


EVENT_WORDS: dict[str, Promise] = {
    "delivered": gettext_lazy("it was delivered"),
    "opened": gettext_lazy("it was opened"),
    "clicked": gettext_lazy("its link was clicked"),
    "replied": gettext_lazy("the customer replied"),
    "bounced": gettext_lazy("it could not be delivered"),
}
"""What may come back of a push, as a journey waits for it."""


def event_word(event: str) -> str:
    """An event a journey waits for, in words; a trigger (`trigger:name`) by its title in the catalogue."""
    kind, _colon, name = event.partition(":")
    return trigger_word(name) if kind == "trigger" else str(EVENT_WORDS.get(event, event))


def trigger_word(name: str) -> str:
    """A trigger as the catalogue calls it; its name where the catalogue has none."""
    try:
        titles = {t.name: (t.title_zh, t.title_en) for t in base().bank.catalogue.triggers}
    except NightError:
        return name
    return titles[name][int(english())] if name in titles else name


def actions() -> list[tuple[str, str]]:
    """Actions of the last night's plan, with their titles."""
    of = base()
    try:
        found = of.bank.plan(of.day).actions
    except NightError:
        return []
    return [(each.name, each.title_en if english() else each.title_zh) for each in found]


def action_word(name: str) -> str:
    """An action of the plan in words; its name where the plan has it no more."""
    try:
        return dict(actions()).get(name, name) if name else ""
    except NightError:
        return name


def doer_word(name: str) -> str:
    """Means of a push, or who does a task, in words."""
    return str(WHO_WORDS[name]) if name in WHO_WORDS else means_word(name)


def groups_in_words(told: Mapping[str, Any], person: Person) -> list[dict[str, Any]]:
    """The groups of a published effect by dimension: `title`, `rows` that may be shown (each with `words`),
    `cut`, how many were not broken out for there are so many, and `hidden`, how many may not be shown: fewer
    in an arm than the bank's bound on sizes. Who sees masked rows only
    is told the post of a manager, not who sits on it."""
    groups: Sequence[dict[str, Any]] = told["groups"]
    least = bound()
    shown = [
        g for g in groups if not g["hidden"] and min(g["n_treated"], g["n_control"]) >= least
    ]  # fmt: skip
    counts = Counter(g["dimension"] for g in groups)
    words = {
        "branch": _branches(g["member"] for g in shown if g["dimension"] == "branch"),
        "manager": _managers((g["member"] for g in shown if g["dimension"] == "manager"), person),
    }
    found = []
    for dimension, title in DIMENSIONS.items():
        if counts[dimension]:
            rows = [g for g in shown if g["dimension"] == dimension]
            named = [{**g, "words": _word(dimension, g["member"], words.get(dimension, {}))} for g in rows]
            cut = sum(g["dimension"] == dimension and g.get("cut", False) for g in groups)
            hidden = counts[dimension] - len(rows) - cut
            found.append({"title": title, "rows": named, "hidden": hidden, "cut": cut})
    return found


def _word(dimension: str, member: str, words: Mapping[str, str]) -> str:
    if dimension == "channel":
        return _("agreed to none of them") if member == UNKNOWN else means_word(member)
    if member == UNKNOWN:
        return _("not known")
    if dimension == "tier":
        return tier_word(member)
    if dimension == "arm" and member == "treated":
        return _("Treated")
    return words.get(member, member)


def _branches(members: Iterable[str]) -> dict[str, str]:
    return dict(Branch.objects.filter(branch_id__in=list(members)).values_list("branch_id", "name"))


def _managers(members: Iterable[str], person: Person) -> dict[str, str]:
    """A post by its role and branch; with who sits on it today, for who may see people's rows unmasked."""
    seats = Seat.objects.filter(Seat.on(timezone.localdate()), stands_in=False).select_related("person")
    posts = Post.objects.filter(post_id__in=list(members)).select_related("branch")
    masked, found = scope_of(person).masked, {}
    for post in posts.prefetch_related(Prefetch("seats", seats, "sitting")):
        words = f"{post.get_role_display()} {post.post_id} · {post.branch.name}"
        names = "" if masked else "、".join(seat.person.name for seat in post.sitting)
        found[post.post_id] = f"{names} ({words})" if names else words
    return found
