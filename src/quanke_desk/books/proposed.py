"""Reads of proposals of books: what moves where and why, books before and after, whom to tell."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from quanke.books.proposal import Proposal
from quanke.books.reasons import REASONS
from quanke.books.store import ProposalStore, StoredProposal
from quanke.kernel.errors import BookError
from quanke_desk.books import telling
from quanke_desk.books.laying import Moved
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.local_form import said_day
from quanke_desk.foundation.models import Approval, Branch, Person, Relation
from quanke_desk.foundation.scope import Extent, Scope, scope_of

MEANS = (
    ("sms", "agrees_sms"), ("app", "agrees_push"), ("wecom", "agrees_wecom"), ("call", "agrees_call"),
    ("email", "agrees_email"),
)  # fmt: skip
"""Ways to tell a customer, the cheapest first, and the consent each needs; without any: by letter."""


def _store() -> ProposalStore:
    return ProposalStore(base().bank.home)


@lru_cache(maxsize=4)
def _version(stored: StoredProposal, number: int) -> Proposal:
    return stored.version(number)


@lru_cache(maxsize=1_024)
def _branch_of(stored: StoredProposal, number: int) -> str:
    """A version never changes, nor the branch it is for: read once, not at every letter that is typed."""
    return branch_of_proposal(_version(stored, number))


def named(person: Person) -> list[tuple[str, str, str]]:
    """Proposals of one's scope, the newest first: name, branch, who proposed it."""
    scope, names = scope_of(person), dict(Branch.objects.values_list("branch_id", "name"))
    found = []
    for stored in reversed(_store().all()):
        now = stored.standing
        branch = _branch_of(stored, now.version)
        if _seen(scope, branch):
            found.append((stored.id, names.get(branch, branch), ", ".join(now.authors)))
    return found


def branch_of_proposal(proposal: Proposal) -> str:
    """The branch a proposal is for; one made on the command line is for the whole bank."""
    given = proposal.summary.get("branch")
    if given:
        return str(given)
    top = Branch.objects.order_by("left").first()
    return top.branch_id if top else ""


def _seen(scope: Scope, branch_id: str) -> bool:
    return scope.extent is Extent.BANK or (scope.extent is Extent.BRANCH and branch_id in scope.branches)


def proposals(person: Person) -> list[dict[str, Any]]:
    """Proposals of one's scope, the newest first: `name`, `state`, `version`, `moves`, `authors`, `branch`,
    `effective`, `waits` (an approval is asked and not decided)."""
    scope = scope_of(person)
    waiting = set(
        Approval.objects.filter(kind__in=("books.apply", "books.undo"), state="asked").values_list(
            "subject", flat=True
        )
    )
    names = dict(Branch.objects.values_list("branch_id", "name"))
    told = []
    for stored in reversed(_store().all()):
        now = stored.standing
        found = _version(stored, now.version)
        branch = branch_of_proposal(found)
        if not _seen(scope, branch):
            continue
        told.append(
            {
                "name": stored.id,
                "on": found.day,
                "state": now.state,
                "version": now.version,
                "moves": found.summary["moves"],
                "authors": ", ".join(now.authors),
                "branch": names.get(branch, branch),
                "effective": dt.date.fromisoformat(now.effective) if now.effective else None,
                "waits": f"proposal:{stored.id}" in waiting,
            }
        )
    return told


def open_proposal(person: Person, name: str) -> tuple[StoredProposal, Proposal] | None:
    """A proposal of one's scope in its last version; null for none."""
    try:
        stored = _store().open(name)
    except BookError:
        return None
    found = _version(stored, stored.standing.version)
    return (stored, found) if _seen(scope_of(person), branch_of_proposal(found)) else None


def posts_touched(proposal: Proposal) -> set[str]:
    """Posts that gain or lose customers."""
    moves = proposal.moves
    return {p for side in ("from_post", "to_post") for p in pc.unique(moves[side]).to_pylist() if p}


def moves_of(proposal: Proposal, day: dt.date) -> list[Moved]:
    """Who goes from which post to which, from a day on."""
    moves = proposal.moves
    columns = (moves[name].to_pylist() for name in ("customer", "from_post", "to_post"))
    return [Moved(c, a, b, day) for c, a, b in zip(*columns, strict=True)]


def reason_word(code: str) -> str:
    """A reason in the language of who looks."""
    reason = REASONS.get(code)
    if reason is None:
        return code
    return reason.en if (get_language() or "").startswith("en") else reason.zh


def flows(proposal: Proposal) -> list[dict[str, Any]]:
    """Moves by post and reason: `from_post`, `to_post`, `reason`, `customers`, `aum` (fen)."""
    moves = proposal.moves.select(["from_post", "to_post", "reason", "customer", "aum"])
    by = moves.group_by(["from_post", "to_post", "reason"]).aggregate([("customer", "count"), ("aum", "sum")])
    rows = [
        {
            "from_post": r["from_post"],
            "to_post": r["to_post"],
            "reason": reason_word(r["reason"]),
            "customers": r["customer_count"],
            "aum": r["aum_sum"],
        }
        for r in by.to_pylist()
    ]
    return sorted(rows, key=lambda r: (-r["customers"], r["from_post"] or "", r["to_post"] or ""))


def books_before_after(proposal: Proposal) -> list[dict[str, Any]]:
    """Every book of the branch before and after: customers, load beside capacity, potential. What lies
    outside the branch is left out."""
    top = Branch.objects.filter(branch_id=branch_of_proposal(proposal)).first()
    inside = (
        set(
            Branch.objects.filter(left__gte=top.left, right__lte=top.right).values_list(
                "branch_id", flat=True
            )
        )
        if top
        else set()
    )
    told = []
    for row in proposal.books.to_pylist():
        if row["branch"] not in inside or not row["capacity"]:
            continue
        capacity = row["capacity"]
        told.append(
            {
                **{n: row[n] for n in ("post", "role", "customers_before", "customers_after", "aum_after")},
                "capacity": capacity,
                "share_before": row["load_before"] / capacity,
                "share_after": row["load_after"] / capacity,
            }
        )
    return told


def movers(proposal: Proposal) -> pa.Table:
    """Customers who move, those that cost most first."""
    return proposal.moves.sort_by([("cost", "descending"), ("customer", "ascending")])


def notices_of(proposal: Proposal, day: dt.date | None) -> list[dict[str, Any]]:
    """Who is to be told of another manager, and by what means his consents allow: `customer`, `to_post`,
    `means`, `text`, `said` (`telling.Told`, null: by hand). One line for each customer who goes to a post."""
    when = base().day if day is None else day
    return _notices([m for m in moves_of(proposal, day or proposal.day) if m.to_post], when)


def notices_of_undo(name: str) -> list[dict[str, Any]]:
    """The same for a proposal that was undone: who goes back, to which post, from which day."""
    laid = Relation.objects.filter(proposal=f"{name}:undo", post__isnull=False).select_related("post")
    back = [Moved(r.customer, None, r.post.post_id, r.since) for r in laid.order_by("id") if r.post]
    return _notices(back)


def _notices(moved: Sequence[Moved], day: dt.date | None = None) -> list[dict[str, Any]]:
    means = means_of([m.customer for m in moved])
    said = telling.told([(m.customer, m.since) for m in moved])
    return [
        {
            "customer": m.customer, "to_post": m.to_post, "means": by,
            "text": notice_text(str(m.to_post), day or m.since), "said": said.get((m.customer, m.since)),
        }
        for m, by in zip(moved, means, strict=True)
    ]  # fmt: skip


def means_of(customers: Sequence[int]) -> list[str]:
    """By what means each customer may be told, `letter` where he agreed to none."""
    held = base()
    columns = [(name, column) for name, column in MEANS if column in held.known]
    night = held.night.read([column for _n, column in columns]).take(pa.array(list(customers), pa.int64()))
    yes = {name: night[column].fill_null(False).to_pylist() for name, column in columns}
    return [next((name for name, _c in columns if yes[name][at]), "letter") for at in range(len(customers))]


def notice_text(post: str, day: dt.date) -> str:
    """The service message to the customer: who looks after him from when, and that he may choose. No sales
    text."""
    return _(
        "Dear customer, from %(day)s post %(post)s looks after you. To choose another, tell any branch."
    ) % {"day": said_day(day), "post": post}


def way_of(said: telling.Told | None) -> str:
    """Which of `ways` a customer is told by."""
    return "hand" if said is None else "sent" if said.sent else "waits"


def ways() -> list[tuple[str, str]]:
    """How customers are told, for a filter."""
    return [("hand", _("by hand")), ("waits", _("on its way")), ("sent", _("sent"))]


def said_word(said: telling.Told | None) -> str:
    """How a customer is told, in the language of who looks: by a message of the desk, or by hand."""
    if said is None:
        return _("by hand")
    means = means_word("app" if said.means == "push" else said.means)
    return (_("sent: %(means)s") if said.sent else _("on its way: %(means)s")) % {"means": means}


def means_word(name: str) -> str:
    """A means in the language of who looks."""
    words = {
        "sms": _("SMS"), "app": _("App message"), "wecom": _("WeCom"), "call": _("Phone call"),
        "email": _("E-mail"), "letter": pgettext("means", "Letter"),
    }  # fmt: skip
    return words[name]


def state_word(state: str) -> str:
    """A state of a proposal in the language of who looks."""
    words = {
        "draft": _("draft"), "approved": _("approved"), "applying": _("being applied"),
        "applied": _("applied"), "undoing": _("being undone"), "undone": _("undone"),
        "refused": pgettext("proposal", "refused"),
    }  # fmt: skip
    return words[state]
