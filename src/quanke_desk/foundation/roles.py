"""Roles of people, and what each may do: the one table that menus, pages and interfaces ask."""

from __future__ import annotations

from enum import StrEnum

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What a person is at the desk. Values of managers are those of `posts.role` in the library."""

    PRIVATE_BANKER = "private_banker", _("Private banker")
    WEALTH_ADVISER = "wealth_adviser", _("Wealth adviser")
    WEALTH_MANAGER = "wealth_manager", _("Wealth manager")
    CUSTOMER_MANAGER = "customer_manager", _("Customer manager")
    SERVICE_MANAGER = "service_manager", _("Customer-service manager")
    REMOTE = "remote_seat", _("Remote team")
    FLEXIBLE = "flexible_team", _("Flexible team")
    LOBBY = "lobby", _("Lobby")
    TELLER = "teller", _("Teller")
    TEAM_HEAD = "team_head", _("Team head")
    BRANCH_HEAD = "branch_head", _("Branch head")
    COMMITTEE = "committee", _("Retail committee")
    ANALYST = "analyst", _("Analyst")
    COMPLIANCE = "compliance", _("Compliance")
    RISK = "risk", _("Risk")
    PARTNER = "partner", _("Partner")
    STAFF = "staff", _("Staff without a post")
    ADMINISTRATOR = "administrator", _("Administrator")


class May(StrEnum):
    """What can be allowed. A page or an interface names exactly one of these."""

    WORK = "work"  # the morning list, contacts, follow-ups of one's own book
    SUPERVISE = "supervise"  # what a team did and did not do
    LOBBY = "lobby"  # arrivals, cards of arrivals, outcomes
    COUNTER = "counter"  # visitors the lobby hands to a counter
    ANNOUNCE = "announce"  # tell of an arrival: ticket machines
    CALL_BACK = "call_back"  # the remote team's list after visits
    FIND = "find"  # search customers
    OPEN = "open"  # the page of one customer
    OPEN_OUTSIDE = "open_outside"  # a customer outside one's scope, with a purpose
    REVEAL = "reveal"  # a masked field in the clear, with a purpose
    CASES = "cases"  # open cases and findings about a customer
    CONSENT = "consent"  # record consent and refusal
    DATA_REQUEST = "data_request"  # access, correction, deletion: record
    DATA_DECIDE = "data_decide"  # and decide
    BOOKS = "books"  # who looks after whom
    BOOKS_PROPOSE = "books_propose"  # propose, edit, ask for a transfer
    BOOKS_APPROVE = "books_approve"  # approve, apply, undo
    AUDIT = "audit"  # read the audit
    SETTINGS = "settings"  # parameters, as dated
    SETTINGS_DECIDE = "settings_decide"  # decide on guarded parameters another asked to change
    PEOPLE = "people"  # people, roles, seats
    PEOPLE_DECIDE = "people_decide"  # decide on guarded roles another asked to give
    JOBS = "jobs"  # own long jobs
    EXPORT = "export"  # what a list shows, as a file
    REPORT = "report"  # what a page of figures answers, on paper: nobody's row is in it
    OWN = "own"  # one's own account, language, notices
    DASHBOARD = "dashboard"  # figures of one's scope
    AUDIENCE = "audience"  # form groups of customers, as counts and masked rows
    CAMPAIGN = "campaign"  # templates and journeys: design, ask for, pause
    CAMPAIGN_DECIDE = "campaign_decide"  # approve that a journey starts
    TEMPLATE_DECIDE = "template_decide"  # approve texts that are sent to customers
    SHARE_DECIDE = "share_decide"  # agree that customers are compared with a partner's list


_EVERYBODY = {May.OWN, May.JOBS}
_MANAGER = _EVERYBODY | {
    May.WORK, May.FIND, May.OPEN, May.OPEN_OUTSIDE, May.REVEAL, May.CONSENT, May.DATA_REQUEST, May.BOOKS,
    May.EXPORT, May.DASHBOARD,
}  # fmt: skip
_HEAD = (_MANAGER - {May.WORK}) | {May.SUPERVISE, May.BOOKS_PROPOSE, May.BOOKS_APPROVE}

ALLOWED: dict[str, frozenset[May]] = {
    Role.PRIVATE_BANKER: frozenset(_MANAGER),
    Role.WEALTH_ADVISER: frozenset(_MANAGER),
    Role.WEALTH_MANAGER: frozenset(_MANAGER),
    Role.CUSTOMER_MANAGER: frozenset(_MANAGER),
    Role.SERVICE_MANAGER: frozenset(_MANAGER),
    Role.FLEXIBLE: frozenset(_MANAGER),
    Role.REMOTE: frozenset(_MANAGER | {May.CALL_BACK}),
    Role.LOBBY: frozenset(
        _EVERYBODY | {May.LOBBY, May.ANNOUNCE, May.FIND, May.OPEN_OUTSIDE, May.CONSENT, May.DATA_REQUEST}
    ),
    Role.TELLER: frozenset(
        _EVERYBODY | {May.COUNTER, May.FIND, May.OPEN_OUTSIDE, May.CONSENT, May.DATA_REQUEST}
    ),
    Role.TEAM_HEAD: frozenset(_HEAD | {May.LOBBY, May.CALL_BACK}),
    Role.BRANCH_HEAD: frozenset(_HEAD | {May.LOBBY, May.CALL_BACK}),
    Role.COMMITTEE: frozenset(
        _EVERYBODY | {May.DASHBOARD, May.REPORT, May.SUPERVISE, May.BOOKS, May.AUDIENCE, May.CAMPAIGN_DECIDE}
    ),
    Role.ANALYST: frozenset(
        _EVERYBODY
        | {May.FIND, May.OPEN, May.DASHBOARD, May.EXPORT, May.REPORT, May.BOOKS, May.AUDIENCE, May.CAMPAIGN}
    ),
    Role.COMPLIANCE: frozenset(
        _EVERYBODY
        | {May.FIND, May.OPEN, May.OPEN_OUTSIDE, May.REVEAL, May.CASES, May.AUDIT, May.DATA_REQUEST}
        | {May.DATA_DECIDE, May.BOOKS, May.DASHBOARD, May.EXPORT, May.SETTINGS_DECIDE}
        | {May.PEOPLE_DECIDE, May.TEMPLATE_DECIDE, May.SHARE_DECIDE}
    ),
    Role.RISK: frozenset(
        _EVERYBODY
        | {May.FIND, May.OPEN, May.OPEN_OUTSIDE, May.REVEAL, May.CASES, May.AUDIT, May.DASHBOARD, May.BOOKS}
        | {May.SETTINGS_DECIDE}
    ),
    Role.PARTNER: frozenset(_EVERYBODY),
    Role.STAFF: frozenset(_EVERYBODY),
    Role.ADMINISTRATOR: frozenset(
        _EVERYBODY | {May.PEOPLE, May.PEOPLE_DECIDE, May.SETTINGS, May.SETTINGS_DECIDE, May.AUDIT}
    ),
}
"""Nobody both sees customers and gives roles; who keeps the settings sees no customer."""

BOOK_ROLES = (
    Role.PRIVATE_BANKER, Role.WEALTH_ADVISER, Role.WEALTH_MANAGER, Role.CUSTOMER_MANAGER,
    Role.SERVICE_MANAGER, Role.FLEXIBLE, Role.REMOTE,
)  # fmt: skip
"""Roles whose scope is the book of the posts they sit on."""


SEES = frozenset({May.OPEN, May.REVEAL, May.CASES})
"""What shows customers one by one."""
DECIDES = frozenset(what for what in May if what.endswith("_decide")) | {May.BOOKS_APPROVE}
"""What is decided about others' wishes: the second pair of eyes."""
GUARDED = frozenset(role for role, may in ALLOWED.items() if may & (SEES | DECIDES | {May.PEOPLE}))
"""Roles that see customers, decide, or keep people: given, and entered anew, only with a second person.
Otherwise who keeps people could alone make somebody who sees customers, and be him."""


def allowed(role: str, what: May) -> bool:
    """Whether a role may do something; an unknown role may do nothing."""
    return what in ALLOWED.get(role, frozenset())


def roles_with(what: May) -> list[str]:
    """Roles that may do something."""
    return [str(role) for role, may in ALLOWED.items() if what in may]
