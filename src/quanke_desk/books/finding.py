"""What of this room is found from everywhere: posts with who sits there, and proposals of books."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from quanke_desk.books import proposed, queries
from quanke_desk.foundation.finders import MOST, Hit, finds, matches
from quanke_desk.foundation.models import Person, Seat
from quanke_desk.foundation.roles import May
from quanke_desk.foundation.scope import scope_of


@finds("posts", _("Posts and who sits there"), May.BOOKS, place=30, icon="books")
def posts(person: Person, asked: str) -> Iterator[Hit]:
    """Posts of one's scope by number, branch or who sits there today: the books one may open."""
    seats = Seat.objects.filter(Seat.on(timezone.localdate()), person__is_active=True)
    named = seats.filter(Q(person__name__icontains=asked) | Q(person__staff_id__iexact=asked))
    by = Q(post_id__icontains=asked) | Q(branch__name__icontains=asked) | Q(pk__in=named.values("post"))
    found = list(queries.posts_seen(scope_of(person)).filter(by)[:MOST])
    sits: dict[int, list[str]] = {}
    for number, name in seats.filter(post__in=found).values_list("post_id", "person__name"):
        sits.setdefault(number, []).append(name)
    for post in found:
        told = (post.branch.name, post.get_role_display(), *sits.get(post.pk, ()))
        yield Hit(post.post_id, reverse("book", args=[post.pk]), " · ".join(told))


@finds("proposals", _("Proposals of books"), May.BOOKS_PROPOSE, place=40, icon="books")
def proposals(person: Person, asked: str) -> Iterator[Hit]:
    """Proposals of one's scope by number, branch or who proposed."""
    for name, branch, authors in proposed.named(person):
        if matches(asked, name, branch, authors):
            yield Hit(name, reverse("book_proposal", args=[name]), branch)
