"""Changes of single relations: transfers decided by four eyes, customers' own choices, stand-ins."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

import numpy as np
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_noop as _

from quanke.books.rules import BookRules
from quanke_desk.books import leaving, queries
from quanke_desk.books.intervals import DESK, intervals
from quanke_desk.books.laying import Moved, heads_of, moved_by_hand
from quanke_desk.books.models import Choice, Departure, Origin, Transfer
from quanke_desk.customers.consenting import hidden
from quanke_desk.foundation import approvals, audit, outbox
from quanke_desk.foundation.models import Approval, ApprovalState, Person, Post, Seat
from quanke_desk.foundation.notices import tell
from quanke_desk.foundation.opening import may_see
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.reasons import checked_reason
from quanke_desk.foundation.roles import BOOK_ROLES, May
from quanke_desk.foundation.scope import Extent, scope_of

TRANSFER = "books.transfer"
FURTHEST_DAYS = 92
MOST = 3_000
FREE_OF_REST = (Origin.CHOICE, Origin.LEAVER, Origin.CONFLICT)
"""Why a customer may be passed on again before the cooling time is over."""


def ask_transfer(
    customers: Sequence[int], to: Post, since: dt.date, *, by: Person, reason: str, origin: str = Origin.ASKED
) -> Approval:
    """Asks that customers go to another post, all or none. Raises NotAllowed with the rule that forbids it:
    capacity, cooling, somebody's own choice, a conflict of interest (BK-2, BK-5, BK-6)."""
    if by.role not in BOOK_ROLES and not by.may(May.BOOKS_PROPOSE):
        raise NotAllowed("only managers and heads ask for transfers")
    if origin not in Origin.values:
        raise NotAllowed("no such origin")
    if not 0 < len(customers) <= MOST or len(set(customers)) != len(customers):
        raise NotAllowed("between 1 and 3,000 customers, each once")
    today = queries.today()
    if not today <= since <= today + dt.timedelta(days=FURTHEST_DAYS):
        raise NotAllowed("from today on, and at most 92 days ahead")
    seen = queries.seen_among(by, list(customers))
    if not all(yes or may_see(by, c) for c, yes in zip(customers, seen, strict=True)):
        raise NotAllowed("a customer is outside your scope")
    posts = {p.post_id: p for p in Post.objects.all()}
    owners = queries.owners_of(customers, since)
    moves = [Moved(c, own, to.post_id, since) for c, own in zip(customers, owners, strict=True)]
    _check(moves, to, origin)
    subject = f"customer:{customers[0]}" if len(customers) == 1 else f"post:{moves[0].from_post}"
    arguments = {"customers": len(customers), "to": to.post_id, "since": since.isoformat()}
    with transaction.atomic():
        _one_at_a_time([to.post_id, *(m.from_post for m in moves)])
        open_now = Transfer.objects.filter(approval__state=ApprovalState.ASKED)
        for start in range(0, len(customers), 500):
            if open_now.filter(customer__in=customers[start : start + 500]).exists():
                raise NotAllowed("the same is asked already and not decided yet")
        return approvals.ask(
            TRANSFER, subject, arguments, by=by, reason=reason,
            beside=lambda asked: Transfer.objects.bulk_create(
                Transfer(
                    customer=m.customer, from_post=posts[m.from_post] if m.from_post else None, to_post=to,
                    since=since, origin=origin, reason=asked.reason, asked_by=by, approval=asked,
                )
                for m in moves
            ),
        )  # fmt: skip


def _check(moves: Sequence[Moved], to: Post, origin: str) -> None:
    """What no transfer may break, when it is asked for and again when it is done."""
    if to.role not in BookRules().role_tier:
        raise NotAllowed("this post looks after nobody")
    if leaving.is_left(to, moves[0].since):
        raise NotAllowed("the manager of this book has left")
    if any(m.from_post == to.post_id for m in moves):
        raise NotAllowed("a customer is with this post already")
    day = moves[0].since
    numbers = np.array([m.customer for m in moves], np.int64)
    if not _borne_out(moves, to, origin, day):
        raise NotAllowed("what is given as the cause is not so")
    if origin not in FREE_OF_REST:
        rest = value("books.cooling")
        since = intervals().since(numbers, day)
        if ((since >= 0) & (queries.day_number(day) - since < rest)).any():
            raise NotAllowed("a customer came to his post within the cooling time")
    if origin != Origin.CHOICE and (queries.chosen(numbers, day) & ~queries.chosen(numbers, day, to)).any():
        raise NotAllowed("a customer chose his manager himself")
    [book] = queries.books_on([to], day)
    if book.load + queries.load_of(numbers, day) > book.capacity:
        raise NotAllowed("the book would hold more than it may")
    if queries.in_conflict(numbers, to, day):
        raise NotAllowed("the manager is the customer himself or a relative")


def _borne_out(moves: Sequence[Moved], to: Post, origin: str, day: dt.date) -> bool:
    """Whether a cause that sets the cooling time aside is one: a manager who left, a relative's book, or a
    choice the customer still holds to."""
    names = {m.from_post for m in moves}
    if origin == Origin.LEAVER:
        left = Departure.objects.filter(post__post_id__in=[n for n in names if n], watch_until__gte=day)
        return None not in names and names == set(left.values_list("post__post_id", flat=True))
    if origin == Origin.CONFLICT:
        posts = {p.post_id: p for p in Post.objects.filter(post_id__in=[n for n in names if n])}
        return all(
            m.from_post in posts and queries.in_conflict(np.array([m.customer]), posts[m.from_post], day)
            for m in moves
        )
    if origin == Origin.CHOICE:
        return bool(queries.chosen(np.array([m.customer for m in moves], np.int64), day, to).all())
    return True


def _bars(asked: Approval, by: Person) -> str:
    """Neither manager approves, nor a head of other branches."""
    transfers = list(asked.transfers.select_related("from_post", "to_post"))
    posts = {t.to_post_id for t in transfers} | {t.from_post_id for t in transfers if t.from_post_id}
    if Seat.objects.filter(Seat.on(queries.today()), person=by, post__in=posts).exists():
        return "a manager of either post does not approve"
    scope = scope_of(by)
    names = {p.post_id for t in transfers for p in (t.from_post, t.to_post) if p}
    if scope.extent is not Extent.BANK and not names <= scope.posts:
        return "a post lies outside your branch"
    return ""


def _carry_out(asked: Approval, by: Person) -> None:
    transfers = list(asked.transfers.select_related("from_post", "to_post").order_by("id"))
    day = max(transfers[0].since, queries.today())  # decided after the day: from today on
    to = transfers[0].to_post
    _one_at_a_time([to.post_id, *(t.from_post.post_id if t.from_post else None for t in transfers)])
    moves = []
    owners = queries.owners_of([t.customer for t in transfers], day)
    for transfer, now in zip(transfers, owners, strict=True):
        if now != (transfer.from_post.post_id if transfer.from_post else None):
            raise NotAllowed("a customer has another manager by now")
        moves.append(Moved(transfer.customer, now, to.post_id, day))
    _check(moves, to, transfers[0].origin)
    link = reverse("book_transfer", args=[asked.pk])
    try:
        laid = moved_by_hand(moves, reason=transfers[0].origin, by=by, link=link)
    except IntegrityError:  # of a customer nobody looked after, somebody else was quicker
        raise NotAllowed("a customer has another manager by now") from None
    for transfer, relation in zip(transfers, laid, strict=True):
        transfer.since, transfer.relation = day, relation
    Transfer.objects.bulk_update(transfers, ["since", "relation"], batch_size=200)


def _one_at_a_time(posts: Iterable[str | None]) -> None:
    """Locks posts until the transaction ends: of two who give customers to one book, or take a customer from
    one, the second sees what the first did, and no book is filled above what it may hold (BK-2)."""
    names = {name for name in posts if name is not None}
    # in one order, so that two do not wait for each other; rows that refer to a post may be written meanwhile
    locked = Post.objects.select_for_update(no_key=True).filter(post_id__in=names).order_by("pk")
    list(locked.values_list("pk", flat=True))


def _described(asked: Approval) -> list[tuple[str, str]]:
    transfers = list(asked.transfers.select_related("from_post__branch", "to_post__branch").order_by("id"))
    first = transfers[0]
    come_from = {_post_in_words(t.from_post): None for t in transfers}
    return [
        (gettext("Customers"), str(len(transfers))),
        (gettext("From post"), ", ".join(come_from)),
        (gettext("To post"), _post_in_words(first.to_post)),
        (gettext("From day"), first.since.isoformat()),
        (gettext("Occasion"), first.get_origin_display()),
    ]


def _post_in_words(post: Post | None) -> str:
    if post is None:
        return gettext("nobody")
    return f"{post.post_id} · {post.get_role_display()} · {post.branch.name}"


def _deciders(asked: Approval) -> list[Person]:
    heads = heads_of(t.to_post for t in asked.transfers.select_related("to_post__branch"))
    return [head for head in heads if not approvals.why_not(asked, head)]


approvals.declare(
    approvals.ApprovalKind(
        TRANSFER, gettext_lazy("Transfer of customers"), May.BOOKS, May.BOOKS_APPROVE, _carry_out, _bars,
        described=_described, deciders=_deciders,
        page=lambda asked: reverse("book_transfer", args=[asked.pk]),
    )
)  # fmt: skip


def choose(customer: int, post: Post, *, proof: str, by: Person) -> tuple[Choice, Approval | None]:
    """Records that a customer chose his manager himself, with the proof. Where the book has room the transfer
    is asked for at once; where it has none he waits. Raises NotAllowed."""
    if by.role not in BOOK_ROLES and not by.may(May.BOOKS_PROPOSE):
        raise NotAllowed("only managers and heads record a choice")
    if not may_see(by, customer):
        raise NotAllowed("a customer is outside your scope")
    proof = checked_reason(proof)
    if not proof:
        raise NotAllowed("a proof is required")
    if post.role not in BookRules().role_tier:
        raise NotAllowed("this post looks after nobody")
    today = queries.today()
    with transaction.atomic():
        try:
            with transaction.atomic():
                made = Choice.objects.create(
                    customer=customer, post=post, chosen_on=today, proof=proof.strip(), by=by
                )
        except IntegrityError:
            raise NotAllowed("the customer has chosen already: withdraw that first") from None
        row = {"post_id": post.post_id, "chosen_on": today.isoformat()}
        outbox.put("owner_choices", f"{DESK}{made.pk}", row, customer=customer)
        audit.record(by, "books.choose", f"customer:{customer}", detail={"post": post.post_id})
        if queries.owner_on(customer, today) == post.post_id:
            return made, None
        if not _has_room(post, customer, today):
            text = _("A customer who chose book %(post)s waits: it is full")
            tell(heads_of([post]), text, reverse("book_choices"), post=post.post_id)
            return made, None
        return made, ask_transfer([customer], post, today, by=by, reason=proof, origin=Origin.CHOICE)


def _has_room(post: Post, customer: int, day: dt.date) -> bool:
    [book] = queries.books_on([post], day)
    return book.load + queries.load_of(np.array([customer]), day) <= book.capacity


def next_in_line(posts: Iterable[Post]) -> frozenset[int]:
    """Numbers of the choices that can be given a place now, of each post at most one: in the order in which
    they wait the first that nothing is asked for yet and the book has room for."""
    today, gone = queries.today(), hidden()
    waiting = [
        choice
        for choice in Choice.objects.filter(post__in=list(posts), withdrawn_on=None).select_related("post")
        if choice.customer not in gone
    ]
    owners = queries.owners_of([c.customer for c in waiting], today) if waiting else []
    waiting = [c for c, owner in zip(waiting, owners, strict=True) if owner != c.post.post_id]
    books = {b.post.pk: b for b in queries.books_on({c.post_id: c.post for c in waiting}.values(), today)}
    open_now = Transfer.objects.filter(approval__state=ApprovalState.ASKED)
    asked = set(open_now.values_list("customer", flat=True))
    first: dict[int, int] = {}
    for choice in waiting:
        book = books[choice.post_id]
        if choice.post_id not in first and choice.customer not in asked and book.load < book.capacity:
            load = queries.load_of(np.array([choice.customer]), today)
            if book.load + load <= book.capacity:
                first[choice.post_id] = choice.pk
    return frozenset(first.values())


def give_place(number: int, *, by: Person) -> Approval:
    """Asks for the transfer of a customer who waited for the post he chose, with his proof as the reason.
    Raises NotAllowed: no room, or somebody waits before him (who is first, heads say by `prefer`)."""
    with transaction.atomic():
        standing = Choice.objects.select_for_update(of=("self",)).select_related("post__branch")
        held = standing.filter(pk=number, withdrawn_on=None).first()
        if held is None or not may_see(by, held.customer):
            raise NotAllowed("a customer is outside your scope")
        today = queries.today()
        if (first := next_in_line([held.post])) and held.pk not in first:
            raise NotAllowed("another customer waits for this place before him")
        return ask_transfer([held.customer], held.post, today, by=by, reason=held.proof, origin=Origin.CHOICE)


def withdraw_choice(number: int, *, by: Person) -> Choice:
    """The customer takes his choice back: from today on the bank chooses again. Raises NotAllowed."""
    if by.role not in BOOK_ROLES and not by.may(May.BOOKS_PROPOSE):
        raise NotAllowed("only managers and heads record a choice")
    with transaction.atomic():
        held = Choice.objects.select_for_update().select_related("post").filter(pk=number).first()
        if held is None or not may_see(by, held.customer):
            raise NotAllowed("a customer is outside your scope")
        if held.withdrawn_on is not None:
            raise NotAllowed("it is withdrawn already")
        held.withdrawn_on = queries.today()
        held.save(update_fields=["withdrawn_on"])
        row = {
            "post_id": held.post.post_id, "chosen_on": held.chosen_on.isoformat(),
            "withdrawn_on": held.withdrawn_on.isoformat(),
        }  # fmt: skip
        outbox.put("owner_choices", f"{DESK}{held.pk}:1", row, customer=held.customer)
        audit.record(by, "books.withdraw_choice", f"customer:{held.customer}")
        waiting = Transfer.objects.filter(customer=held.customer, origin=Origin.CHOICE).values("approval")
        approvals.lapse(
            Approval.objects.filter(pk__in=waiting),
            by=by,
            reason=gettext("the customer took his choice back"),
        )
        return held


def prefer(number: int, priority: int, *, by: Person, reason: str) -> Choice:
    """Puts a waiting customer before others. Raises NotAllowed: heads of the post only, with a reason."""
    if not reason.strip():
        raise NotAllowed("a reason is required")
    if not 0 <= priority <= 9:
        raise NotAllowed("a priority is 0 to 9")
    with transaction.atomic():
        held = Choice.objects.select_for_update().select_related("post").filter(pk=number).first()
        if held is None or not by.may(May.BOOKS_APPROVE) or held.post.post_id not in scope_of(by).posts:
            raise NotAllowed("a post lies outside your branch")
        held.priority = priority
        held.save(update_fields=["priority"])
        detail = {"post": held.post.post_id, "priority": priority}
        audit.record(by, "books.prefer", f"customer:{held.customer}", reason=reason.strip(), detail=detail)
        return held


def give_stand_in(post: Post, person: Person, until: dt.date, *, by: Person, reason: str) -> Seat:
    """Somebody stands in on a post of one's branch from today until a day. Raises NotAllowed."""
    today = queries.today()
    if not by.may(May.BOOKS_APPROVE) or post.post_id not in scope_of(by).posts:
        raise NotAllowed("a post lies outside your branch")
    if not reason.strip():
        raise NotAllowed("a reason is required")
    if not today < until <= today + dt.timedelta(days=366):
        raise NotAllowed("until a later day, at most a year ahead")
    if not person.is_active or person.role not in BOOK_ROLES:
        raise NotAllowed("who stands in is a manager who is with the bank")
    with transaction.atomic():
        seat, made = Seat.objects.get_or_create(
            person=person, post=post, since=today, stands_in=True,
            defaults={"until": until, "reason": reason.strip(), "by_desk": True},
        )  # fmt: skip
        if not made:
            raise NotAllowed("already stands in on this post from that day")
        detail = {"person": person.pk, "until": until.isoformat()}
        audit.record(by, "books.stand_in", f"post:{post.post_id}", reason=reason.strip(), detail=detail)
        tell([person], _("You stand in on book %(post)s until %(day)s"), reverse("book", args=[post.pk]),
             post=post.post_id, day=until.isoformat())  # fmt: skip
        return seat
