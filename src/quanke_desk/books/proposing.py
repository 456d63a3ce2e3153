"""Changes of proposals of books: made, edited, approved and applied by two people, undone by two people.

A proposal lives in the library's store (`quanke.books.store`); who asks and who decides stands in the desk's
approvals. What takes long is a job, and is begun in the transaction of the decision.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy

from quanke.books.applying import FURTHEST_DAYS, apply_proposal, refuse_proposal, undo_proposal
from quanke.books.editing import Edit, edited
from quanke.books.lifecycle import Standing
from quanke.books.proposal import Proposal
from quanke.books.store import ProposalStore, StoredProposal
from quanke.kernel.errors import BookError
from quanke.kernel.progress import Progress
from quanke.night.books import BookBasis, basis_of
from quanke_desk.books import queries
from quanke_desk.books.laying import Moved, heads_above, lay, tell_of
from quanke_desk.books.leaving import is_left
from quanke_desk.books.proposed import branch_of_proposal, moves_of, open_proposal, posts_touched
from quanke_desk.foundation import approvals, audit, jobs
from quanke_desk.foundation.analytic import Base, base
from quanke_desk.foundation.delivery import deliver
from quanke_desk.foundation.models import Approval, Branch, Job, Person, Post, Relation, Seat
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May
from quanke_desk.foundation.scope import Extent, scope_of

APPLY, UNDO = "books.apply", "books.undo"
PROPOSE_JOB, APPLY_JOB, UNDO_JOB = "books.propose", "books.apply", "books.undo"


def name_of(person: Person) -> str:
    """What the library's store calls a person: the staff number, else the user name."""
    return person.staff_id or person.username


def ask_proposal(branch: Branch, scope: str, *, by: Person) -> Job:
    """Begins the job that makes a proposal for a branch and all below it. Raises NotAllowed."""
    if not by.may(May.BOOKS_PROPOSE) or branch.branch_id not in scope_of(by).branches:
        raise NotAllowed("a branch outside your scope")
    if scope not in ("all", "changes"):
        raise NotAllowed("a proposal is for all customers or for what changed")
    return jobs.begin(PROPOSE_JOB, {"branch": branch.branch_id, "scope": scope}, by=by)


def make_proposal(branch_id: str, scope: str, *, by: Person, progress: Progress | None = None) -> str:
    """Makes a proposal and keeps it as a draft; its number. Raises BookError where it cannot be made."""
    deliver()  # what the desk said lately is part of what the proposal starts from
    held = base()
    basis = _basis(held, branch_id)
    made = basis.propose(scope, progress)
    made = replace(made, summary={**made.summary, "branch": branch_id})
    stored = ProposalStore(held.bank.home).keep(made, name_of(by))
    audit.record(by, "books.propose", f"proposal:{stored.id}", detail={"scope": scope, "branch": branch_id})
    return stored.id


def _basis(held: Base, branch_id: str, day: dt.date | None = None) -> BookBasis:
    top = Branch.objects.get(branch_id=branch_id)
    inside = Branch.objects.filter(left__gte=top.left, right__lte=top.right)
    night = held.night if day is None else held.bank.night(day)
    return basis_of(held.bank.home, night).within(set(inside.values_list("branch_id", flat=True)))


def edit_proposal(name: str, version: int, edits: Sequence[Edit], *, by: Person, reason: str) -> int:
    """Changes a draft by hand: it is checked and costed again and becomes another version. Raises NotAllowed,
    BookError with the rule that forbids it."""
    stored, proposal = _mine(name, by)
    if not reason.strip():
        raise NotAllowed("a reason is required")
    if stored.standing.version != version:
        raise NotAllowed("somebody changed it meanwhile: look at it again")
    if Approval.objects.filter(kind=APPLY, subject=f"proposal:{name}", state="asked").exists():
        raise NotAllowed("it waits for a decision: withdraw that first")
    branch = branch_of_proposal(proposal)
    after = edited(proposal, _basis(base(), branch, proposal.day).costs, list(edits))
    after = replace(after, summary={**after.summary, "branch": branch})
    number = stored.add_version(
        after, "edited", name_of(by), edits=[e.told() for e in edits], reason=reason.strip()
    )
    detail = {"version": number, "edits": [e.told() for e in edits]}
    audit.record(by, "books.edit", f"proposal:{name}", reason=reason.strip(), detail=detail)
    return number


def _mine(name: str, by: Person) -> tuple[StoredProposal, Proposal]:
    found = open_proposal(by, name)
    if found is None or not by.may(May.BOOKS_PROPOSE):
        raise NotAllowed("a branch outside your scope")
    return found


def refuse(name: str, *, by: Person, reason: str) -> Standing:
    """Refuses a proposal for good; it stays to be looked at. Raises NotAllowed, BookError."""
    stored, _proposal = _mine(name, by)
    if not reason.strip():
        raise NotAllowed("a reason is required")
    if Approval.objects.filter(kind=APPLY, subject=f"proposal:{name}", state="asked").exists():
        raise NotAllowed("it waits for a decision: withdraw that first")
    standing = refuse_proposal(base().bank.home, stored, by=name_of(by), reason=reason.strip())
    audit.record(by, "books.refuse", f"proposal:{name}", reason=reason.strip())
    return standing


def ask_apply(name: str, version: int, effective: dt.date, *, by: Person, reason: str) -> Approval:
    """Asks that a draft is approved and holds from a day on. Raises NotAllowed."""
    stored, proposal = _mine(name, by)
    now = stored.standing
    if now.state not in ("draft", "approved") or now.version != version:
        raise NotAllowed("somebody changed it meanwhile: look at it again")
    first = ProposalStore(base().bank.home).decided_until(proposal.day)
    if not first <= effective <= proposal.day + dt.timedelta(days=FURTHEST_DAYS):
        raise NotAllowed(
            "not before the night it stands on or a day decided already, and at most 92 days later"
        )
    arguments = {"proposal": name, "version": version, "effective": effective.isoformat()}
    return approvals.ask(APPLY, f"proposal:{name}", arguments, by=by, reason=reason)


def ask_undo(name: str, *, by: Person, reason: str, effective: dt.date | None = None) -> Approval:
    """Asks that an applied proposal is taken back, from a day on or as if it had never been. Raises
    NotAllowed."""
    stored, _proposal = _mine(name, by)
    now = stored.standing
    if now.state not in ("applied", "undoing"):
        raise NotAllowed("only what was applied is undone")
    if effective is not None and effective < dt.date.fromisoformat(now.effective):
        raise NotAllowed("not from a day before it held")
    arguments = {"proposal": name, "from": effective.isoformat() if effective else None}
    return approvals.ask(UNDO, f"proposal:{name}", arguments, by=by, reason=reason)


def _deciders(asked: Approval) -> list[Person]:
    _stored, proposal = _stored_of(asked)
    branch = Branch.objects.get(branch_id=branch_of_proposal(proposal))
    return [p for p in heads_above([branch]) if not approvals.why_not(asked, p)]


def _described(asked: Approval) -> list[tuple[str, str]]:
    stored, proposal = _stored_of(asked)
    branch = Branch.objects.filter(branch_id=branch_of_proposal(proposal)).first()
    posts = posts_touched(proposal)
    lines = [
        (gettext("Proposal number"), stored.id),
        (gettext("Branch"), branch.name if branch else ""),
        (gettext("Customers who move"), str(proposal.summary["moves"])),
        (gettext("Posts that gain or lose customers"), str(len(posts))),
    ]
    if asked.kind == APPLY:
        return [*lines, (gettext("Holds from"), asked.arguments["effective"])]
    whole = gettext("as if it had never been")
    return [*lines, (gettext("Taken back from"), asked.arguments["from"] or whole)]


def _stored_of(asked: Approval) -> tuple[StoredProposal, Proposal]:
    stored = ProposalStore(base().bank.home).open(asked.arguments["proposal"])
    return stored, stored.version(asked.arguments.get("version"))


def _bars(asked: Approval, by: Person) -> str:
    """Not who made or edited it, nor who gains or loses customers by it, nor a head of another branch."""
    stored, proposal = _stored_of(asked)
    if asked.kind == APPLY and name_of(by) in stored.standing.authors:
        return "who made or edited it does not approve it"
    held = set(
        Seat.objects.filter(Seat.on(queries.today()), person=by).values_list("post__post_id", flat=True)
    )
    if held & posts_touched(proposal):
        return "who gains or loses customers by it does not approve it"
    scope = scope_of(by)
    if scope.extent is not Extent.BANK and branch_of_proposal(proposal) not in scope.branches:
        return "a branch outside your scope"
    return ""


def _carry_apply(asked: Approval, by: Person) -> None:
    stored, _proposal = _stored_of(asked)
    if stored.standing.version != asked.arguments["version"] or stored.standing.state not in (
        "draft",
        "approved",
    ):
        raise NotAllowed("somebody changed it meanwhile: look at it again")
    jobs.begin(APPLY_JOB, {"approval": asked.pk}, by=by)


def _carry_undo(asked: Approval, by: Person) -> None:
    stored, _proposal = _stored_of(asked)
    if stored.standing.state not in ("applied", "undoing"):
        raise NotAllowed("only what was applied is undone")
    jobs.begin(UNDO_JOB, {"approval": asked.pk}, by=by)


def apply_now(asked: Approval, *, progress: Progress | None = None) -> int:
    """Approves in the store as decided, applies, and lays the moves as relations; how many. May be called
    again after it was killed: what is done is not done twice. Raises BookError where it cannot be applied;
    then nothing is."""
    stored, _proposal = _stored_of(asked)
    by = asked.decided_by
    assert by is not None
    effective = dt.date.fromisoformat(asked.arguments["effective"])
    if stored.standing.state in ("draft", "approved"):
        deliver()
        _refuse_on_its_way(stored, "propose again")
        _refuse_left(moves_of(stored.version(), effective), effective)
    if stored.standing.state == "draft":
        stored.note("approved", name_of(by), version=asked.arguments["version"])
    if stored.standing.state in ("approved", "applying"):
        apply_proposal(base().bank.home, stored, by=name_of(by), effective=effective, progress=progress)
    return _laid(stored, moves_of(stored.version(), effective), "proposal", stored.id, asked)


def _refuse_on_its_way(stored: StoredProposal, instead: str) -> None:
    """What the desk said and the bank's table does not know yet would be overruled without a word."""
    customers = stored.version().moves["customer"].to_pylist()
    said = Relation.objects.filter(duty="primary", delivered_on=None)
    for start in range(0, len(customers), 500):
        if said.filter(customer__in=customers[start : start + 500]).exists():
            raise BookError(f"somebody's manager was changed at the desk since: deliver that and {instead}")


def _refuse_left(moves: Sequence[Moved], day: dt.date) -> None:
    """Nobody comes to a book that lost its manager since it was proposed."""
    gaining = Post.objects.filter(post_id__in={m.to_post for m in moves if m.to_post})
    if any(is_left(post, max(day, queries.today())) for post in gaining):
        raise BookError("a manager has left since: propose again")


def undo_now(asked: Approval, *, progress: Progress | None = None) -> int:
    """Takes a proposal back as decided, and lays what holds again as relations; how many. May be called
    again after it was killed. Raises BookError where it cannot be taken back; then it stays applied."""
    stored, proposal = _stored_of(asked)
    by = asked.decided_by
    assert by is not None
    begun = dt.date.fromisoformat(stored.standing.effective)
    given = asked.arguments["from"]
    effective = dt.date.fromisoformat(given) if given else None
    if stored.standing.state == "applied":
        # the library refuses where what the proposal made was changed since, which it must know of first
        deliver()
        _refuse_on_its_way(stored, "ask again")
    if stored.standing.state in ("applied", "undoing"):
        undo_proposal(base().bank.home, stored, by=name_of(by), effective=effective, progress=progress)
    back = [Moved(m.customer, m.to_post, m.from_post, effective or begun) for m in moves_of(proposal, begun)]
    return _laid(stored, back, "undone", f"{stored.id}:undo", asked)


def _laid(stored: StoredProposal, moves: list[Moved], reason: str, mark: str, asked: Approval) -> int:
    if Relation.objects.filter(proposal=mark).exists():
        return len(moves)
    with transaction.atomic():
        today = queries.today()
        lay(moves, reason=reason, by=asked.decided_by, proposal=mark, delivered_on=today)
        audit.record(
            asked.decided_by, f"books.{'undo' if reason == 'undone' else 'apply'}", f"proposal:{stored.id}",
            detail={"moves": len(moves), "approval": asked.pk, "asked_by": asked.asked_by_id},
        )  # fmt: skip
        tell_of(moves, reverse("book_proposal", args=[stored.id]))
    return len(moves)


for _kind, _title, _do in (
    (APPLY, gettext_lazy("Proposal of books: approve and apply"), _carry_apply),
    (UNDO, gettext_lazy("Proposal of books: undo"), _carry_undo),
):
    approvals.declare(
        approvals.ApprovalKind(
            _kind, _title, May.BOOKS_PROPOSE, May.BOOKS_APPROVE, _do, _bars, described=_described,
            deciders=_deciders,
            page=lambda asked: reverse("book_proposal", args=[asked.arguments["proposal"]]),
        )
    )  # fmt: skip
