"""What codes of the bank's tables are called on pages of this room."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from quanke_desk.foundation.local_form import as_written

WORDS: dict[str, dict[str, Promise]] = {
    "category": {
        "demand": _("Demand deposit"), "term": _("Term deposit"), "wealth": _("Wealth product"),
        "fund": _("Fund"), "insurance": _("Insurance"), "bond": _("Bond"), "metal": _("Precious metal"),
        "wallet": _("E-wallet"), "escrow": _("Escrow account"), "credit_card": _("Credit card"),
        "consumer_loan": _("Consumer loan"), "mortgage": _("Mortgage"), "business_loan": _("Business loan"),
    },
    "means": {
        "call": _("Call"), "sms": _("Text message"), "wecom": _("WeCom"), "visit": _("Visit"),
        "ticket": _("Branch ticket"), "push": _("Push message"), "email": _("E-mail"), "any": _("any means"),
    },
    "outcome": {
        "interested": _("interested"), "accepted": _("accepted"), "declined": _("declined"),
        "no_answer": _("no answer"), "call_back": _("wants a call back"), "served": _("served"),
    },
    "channel": {
        "counter": _("Counter"), "lobby": _("Lobby of the branch"), "mobile": _("Mobile bank"),
        "web": _("Web bank"), "remote": _("Remote team"),
    },
    "duty": {
        "primary": _("primary"), "adviser": _("adviser"), "private_banking": _("private banking"),
    },
    "severity": {"high": _("high"), "review": _("to review"), "info": _("to note")},
    "purpose": {
        "service": _("Service"), "marketing": _("Marketing"), "risk": _("Risk"),
        "compliance": _("Compliance"), "statistics": _("Statistics"),
        "profiling": _("Profiling and personal suggestions"), "advice": _("Investment advice"),
        "sharing": _("Sharing with a partner"),
    },
    "kind": {
        "customer": _("Number"), "party": _("Record of a system"), "document": _("Document"),
        "phone": _("Phone"), "account": _("Account"), "card": _("Card"),
    },
    "value": {
        "female": _("female"), "male": _("male"), "resident_id": _("Resident identity card"),
        "residence_permit_hmt": _("Residence permit (Hong Kong, Macau, Taiwan)"),
        "permanent_resident_id": _("Permanent resident card"),
        "permit_hk_macau": _("Permit (Hong Kong, Macau)"), "permit_taiwan": _("Permit (Taiwan)"),
        "passport": _("Passport"), "household_register": _("Household register"),
        "military_id": _("Military card"), "other": _("other"), "business": _("Business"),
        "government": _("Government body"), "public_institution": _("Public institution"),
        "school": _("School"), "hospital": _("Hospital"), "community": _("Residential community"),
        "merchant": _("Merchant"), "zh": _("Chinese"), "en": _("English"), "CHN": _("China"),
    },
    "life_phase": {
        "starting": _("Starting out"), "career": _("Building a career"), "young_family": _("Young family"),
        "family": _("Family with children at school"), "established": _("Established"),
        "retiring": _("About to retire"), "retired": _("Retired"),
    },
    "rfm_segment": {
        "champion": _("Champion"), "promising": _("Promising"), "loyal": _("Loyal"), "recent": _("Recent"),
        "slipping": _("Slipping"), "big_but_quiet": _("Big but quiet"),
        "frequent_but_small": _("Frequent but small"), "ordinary": _("Ordinary"),
    },
    "contact_due_for": {
        "rhythm": pgettext_lazy("due", "regular contact"),
        "visit": pgettext_lazy("due", "after a branch visit"),
        "outflow": pgettext_lazy("due", "after a large outflow"),
        "newcomer": pgettext_lazy("due", "new customer"),
        "maturity": pgettext_lazy("due", "after a maturity"),
    },
    "unit": {
        "yes/no": pgettext_lazy("unit", "yes/no"), "yuan": pgettext_lazy("unit", "yuan"),
        "code": pgettext_lazy("unit", "code"), "date": pgettext_lazy("unit", "date"),
        "probability": pgettext_lazy("unit", "probability"), "times": pgettext_lazy("unit", "times"),
        "ratio": pgettext_lazy("unit", "ratio"), "persons": pgettext_lazy("unit", "persons"),
        "days": pgettext_lazy("unit", "days"), "name": pgettext_lazy("unit", "name"),
        "fifth": pgettext_lazy("unit", "fifth"), "rank": pgettext_lazy("unit", "rank"),
        "months": pgettext_lazy("unit", "months"), "month-ends": pgettext_lazy("unit", "month-ends"),
        "years": pgettext_lazy("unit", "years"), "systems": pgettext_lazy("unit", "systems"),
        "level": pgettext_lazy("unit", "level"), "band": pgettext_lazy("unit", "band"),
        "categories": pgettext_lazy("unit", "categories"),
    },
    "owner": {
        "personal banking": pgettext_lazy("owner", "personal banking"),
        "risk": pgettext_lazy("owner", "risk"), "compliance": pgettext_lazy("owner", "compliance"),
    },
}  # fmt: skip
"""By kind of code; `value` holds codes of fields of the golden record, `unit` and `owner` what the
catalogue's tags are in and whose they are."""


def called(kind: str, code: str | None) -> str:
    """What a code is called; itself where nobody named it, empty for null."""
    if code is None:
        return ""
    return str(WORDS[kind].get(code, code))


def in_words(tag: str, shown: str) -> str:
    """A tag's value as a text of the plan shows it: a code in the bank's words, a day and an amount in the
    form of the page, all else as it is."""
    return called(tag, shown) if tag in WORDS else as_written(shown)
