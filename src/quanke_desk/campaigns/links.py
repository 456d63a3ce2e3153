"""Signed links of pushes: they say which push was clicked, and nothing of whom it went to.

A token is the push's number and the first 96 bits of a keyed digest of it and its key: short enough for a
text message, and made only by this desk.
"""

from __future__ import annotations

import base64
import hmac

from django.conf import settings
from django.utils.crypto import salted_hmac
from django.utils.http import base36_to_int, int_to_base36

from quanke_desk.campaigns.models import Send

_SALT = "quanke.campaigns.links"


def token_of(number: int, key: str) -> str:
    """The token of a push."""
    digest = salted_hmac(_SALT, f"{number}:{key}", algorithm="sha256").digest()[:12]
    return f"{int_to_base36(number)}-{base64.urlsafe_b64encode(digest).decode()}"


def send_of(token: str) -> Send | None:
    """The push of a token; null for one that is none, or was changed."""
    number, _, _digest = token.partition("-")
    if not 0 < len(number) <= 12 or len(token) > 40:
        return None
    try:
        found = Send.objects.select_related("version", "journey").get(pk=base36_to_int(number))
    except (ValueError, OverflowError, Send.DoesNotExist):
        return None
    same = hmac.compare_digest(token_of(found.pk, found.key).encode(), token.encode())
    return found if same else None


def click_address(number: int, key: str, link: str) -> str:
    """Where the link of a push leads: over the desk, where it has an address customers reach
    (QUANKE_DESK_PUBLIC); else straight to the page."""
    public = settings.QUANKE_PUBLIC
    return f"{public}/c/{token_of(number, key)}" if link and public else link


def refusal_address(number: int, key: str) -> str:
    """Where a customer says no more; empty where the desk has no address customers reach."""
    public = settings.QUANKE_PUBLIC
    return f"{public}/c/{token_of(number, key)}/no" if public else ""


LONGEST = 24
"""Characters of a token at most, for counting how long a text message will be."""


def longest_address(link: str) -> str:
    """A link as long as the longest that may stand in its place."""
    public = settings.QUANKE_PUBLIC
    return f"{public}/c/{'0' * LONGEST}" if link and public else link
