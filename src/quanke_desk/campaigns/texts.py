"""Texts that are sent: their variables, what a saved text must keep to, and filling them in for customers.

    {{ name }}, your deposit of {{ amount:maturing_amount_30d }} ends soon.

A closed list of variables and nothing else: no conditions, no filters, no code. What a template cannot say,
two templates say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop as _noop
from django.utils.translation import override

from quanke.language.types import Kind
from quanke_desk.campaigns.models import TemplateVersion
from quanke_desk.customers.at_night import reading
from quanke_desk.customers.queries import word
from quanke_desk.foundation.analytic import Base, base
from quanke_desk.foundation.local_form import message_day, written_yuan
from quanke_desk.foundation.models import Branch
from quanke_desk.foundation.notices import on_post
from quanke_desk.foundation.parameters import text
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.scope import post_of

AMOUNT = "amount"
VARIABLES: dict[str, Promise] = {
    "name": _("Name of the customer"),
    "tier": _("Tier of the customer"),
    "manager": _("Name of who looks after the customer"),
    "branch": _("Name of the customer's branch"),
    "day": _("The day it is sent"),
}
"""What can stand in a text, beside `amount:tag` for a tag that is an amount of money."""
REFUSAL = {
    "sms": ("拒收请回复R", "Reply R to stop"),
    "email": ("退订请回复T", "Reply T to stop"),
    "wecom": ("退订请回复T", "Reply T to stop"),
}
"""How a customer says no more, by means: set behind what sells something, and counted (MKT-1)."""
ONE, PART = 70, 67
"""UTF-16 units of a text message, and of each part of one that is longer."""
MOST_PARTS = 8
_VARIABLE = re.compile(r"\{\{\s*([a-z_]+)(?::([a-z][a-z0-9_]*))?\s*\}\}")
_URL = re.compile(
    r"[a-z][a-z0-9+.-]*://|(?<![@\w.-])www\.|(?<![@\w.-])(?:[a-z0-9-]+\.)+"
    r"(?:com|cn|net|org|gov|top|vip|xyz|cc|io|me|tv|info|biz|link|app|shop|site|club|ltd|ly|co)(?![a-z0-9-])",
    re.IGNORECASE | re.ASCII,
)
_NAMELESS = ("客户", "customer")


class BadText(NotAllowed):
    """A text that cannot be saved: the field, the rule it breaks (a marked text), and what stands there."""

    def __init__(self, field: str, rule: str, named: str = "") -> None:
        super().__init__(f"{field}: {rule}{f' ({named})' if named else ''}")
        self.field, self.rule, self.named = field, rule, named


class NoValue(ValueError):
    """A text names something the bank does not know of this customer."""


@dataclass(frozen=True)
class Words:
    """One text as a customer gets it."""

    subject: str
    body: str
    english: bool = False


def variables_of(*bodies: str) -> set[str]:
    """Variables of texts, an amount with its tag."""
    return {f"{n}:{tag}" if tag else n for body in bodies for n, tag in _VARIABLE.findall(body)}


def check_text(field: str, body: str, of: Base) -> None:
    """Raises NotAllowed, naming the field, for a brace that is no variable, a variable nobody knows, and an
    address of the web: only the link beside the text is checked, and signed."""
    left = _VARIABLE.sub("", body)
    if "{" in left or "}" in left:
        raise BadText(field, _noop("braces stand only around a variable"))
    if found := _URL.search(left):
        raise BadText(field, _noop("no web address in a text: it stands in the field for the link"), found[0])
    for named in sorted(variables_of(body)):
        name, _colon, tag = named.partition(":")
        if name == AMOUNT and tag:
            if tag not in of.known or of.bank.catalogue[tag].result.kind is not Kind.MONEY:
                raise BadText(field, _noop("the night has no amount of this name"), tag)
        elif tag or name not in VARIABLES:
            raise BadText(field, _noop("there is no such variable"), named)


def check_link(link: str) -> None:
    """Raises NotAllowed for a link that is not https, or leads to a host the bank does not list."""
    if not link:
        return
    parts = urlsplit(link)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme != "https" or not parts.hostname or parts.username or port not in (None, 443):
        raise NotAllowed("link: only https, and nothing but host and path")
    if any(c.isspace() or ord(c) < 33 or c == "\\" for c in link):
        raise NotAllowed("link: only https, and nothing but host and path")
    if parts.hostname.lower() not in hosts():
        raise NotAllowed("link: only to hosts the bank lists (parameter campaigns.hosts)")


def hosts() -> frozenset[str]:
    """Hosts that links may lead to."""
    return frozenset(h.strip().lower() for h in text("campaigns.hosts").split(",") if h.strip())


def link_allowed(link: str) -> bool:
    """Whether a link may be followed now: the bank may have struck off its host since."""
    try:
        check_link(link)
    except NotAllowed:
        return False
    return bool(link)


def parts_of(message: str) -> int:
    """How many text messages a text is sent as; an empty one is none."""
    units = len(message.encode("utf-16-le")) // 2
    return 0 if not units else 1 if units <= ONE else -(-units // PART)


def parts_sent(message: str, means: str) -> int:
    """As how many messages a text is handed over, each of which is paid for."""
    return max(parts_of(message), 1) if means == "sms" else 1


def whole(body: str, means: str, sells: bool, link: str = "", english: bool = False) -> str:
    """A body with what is set behind it: in a text message the link; after what sells, how to refuse."""
    made = body.rstrip()
    if link and means == "sms":
        made = f"{made} {link}"
    if sells and means in REFUSAL:
        words = REFUSAL[means][english]
        comma = " " if english or (link and means == "sms") else "，"
        made = f"{made}\n\n{words}" if means == "email" else f"{made}{comma}{words}"
    return made


_USUAL = {"name": "欧阳某某", "tier": "富裕客户", "manager": "李明", "branch": "西湖支行", "day": "12月31日"}


def sample(body: str) -> str:
    """A text with values as long as usual ones, for counting before anybody's are known."""
    return _VARIABLE.sub(lambda found: _USUAL.get(found[1], "1,234,567.89元"), body)


def filled(body: str, values: Mapping[str, str]) -> str:
    """A text with its variables filled in. Raises NoValue, naming no value."""

    def one(found: re.Match[str]) -> str:
        name = f"{found[1]}:{found[2]}" if found[2] else found[1]
        if not values.get(name):
            raise NoValue(name)
        return values[name]

    return _VARIABLE.sub(one, body)


def in_english(customers: Sequence[int], of: Base) -> dict[int, bool]:
    """Who wants English, as far as a tag of the night says so; else Chinese."""
    if "language" not in of.known:
        return dict.fromkeys(customers, False)
    codes, numbers = of.codes("language")
    wanted = {n for code, n in numbers.items() if code.lower().startswith("en")}
    return {c: int(codes[c]) in wanted for c in customers}


def words_for(
    version: TemplateVersion, customers: Sequence[int], masked: bool = False
) -> dict[int, Words | None]:
    """A text as each of some customers gets it, null for those of whom a value it names is not known; names
    masked where who looks may not see them. Reads set by set: a thousand customers as one."""
    of = base()
    bodies = (version.subject_zh, version.body_zh, version.subject_en, version.body_en)
    english = in_english(customers, of) if version.body_en else dict.fromkeys(customers, False)
    values = _values(variables_of(*bodies), customers, english, masked, of)
    made: dict[int, Words | None] = {}
    for customer in customers:
        subject, body = bodies[2:] if english[customer] else bodies[:2]
        try:
            his = values[customer]
            made[customer] = Words(filled(subject, his), filled(body, his), english[customer])
        except NoValue:
            made[customer] = None
    return made


def _values(
    named: set[str], customers: Sequence[int], english: Mapping[int, bool], masked: bool, of: Base
) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {c: {} for c in customers}
    if "name" in named:
        read = reading(of)
        names = read.masked_names(customers) if masked else read.names(customers)
        for c in customers:
            found[c]["name"] = names[c] if names[c] != "-" else _NAMELESS[english[c]]
    if "day" in named:
        today = timezone.localdate()
        for c in customers:
            with override("en" if english[c] else "zh-hans"):
                found[c]["day"] = message_day(today)
    if "tier" in named:
        for c in customers:
            with override("en" if english[c] else "zh-hans"):
                found[c]["tier"] = word("tier", of.value(c, "tier"))
    if "branch" in named:
        codes = {c: of.value(c, "branch") for c in customers}
        titles = dict(
            Branch.objects.filter(branch_id__in=set(codes.values())).values_list("branch_id", "name")
        )
        for c in customers:
            found[c]["branch"] = titles.get(codes[c] or "", "")
    if "manager" in named:
        sits: dict[str, str] = {}
        for c in customers:
            post = post_of(c, of) or ""
            if post not in sits:
                sits[post] = next((person.name for person in on_post(post)), "") if post else ""
            found[c]["manager"] = sits[post]
    for each in named:
        if each.startswith(f"{AMOUNT}:"):
            column = each.partition(":")[2]
            if column not in of.known:
                continue
            held = of.night.read([column])[column].cast(pa.int64())
            for c, fen in zip(
                customers, held.take(pa.array(np.array(customers, np.int64))).to_pylist(), strict=True
            ):
                with override("en" if english[c] else "zh-hans"):
                    found[c][each] = written_yuan(fen)
    return found
