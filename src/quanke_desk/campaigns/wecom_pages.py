"""Where WeCom tells of customers (its callback): one who took the bank's member out of his contacts wants no
offers by WeCom any more."""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseForbidden
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from quanke.kernel.errors import NightError
from quanke_desk.campaigns.channels.wecom_calls import Calls, NotWeCom, fields, locked_text
from quanke_desk.campaigns.receiving import refuse_by_contact
from quanke_desk.customers.at_night import customer_of
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.pages import public

OLDEST = 3_600
"""Seconds after which a call is none any more: WeCom repeats one within minutes."""
MOST_BYTES = 100_000
LEFT = "del_follow_user"
"""A customer took the member out of his contacts."""


@public
@csrf_exempt  # WeCom calls by itself; its signature says that it does
@require_http_methods(["GET", "POST"])
def called(request: HttpRequest) -> HttpResponse:
    """Proves to WeCom that the desk is here (GET), and hears what it tells (POST)."""
    told = settings.QUANKE_CHANNELS.get("wecom", {})
    if told.get("kind") != "wecom" or not told.get("token"):
        raise Http404
    calls = Calls(told["corp"], told["token"], told["lock"])
    names = ("msg_signature", "timestamp", "nonce", "echostr")
    given = {name: request.GET.get(name, "")[:4_000] for name in names}
    moment = given["timestamp"]
    try:
        if not moment.isdecimal() or len(moment) > 12 or abs(time.time() - int(moment)) > OLDEST:
            raise NotWeCom("it is of another time")
        locked = given["echostr"] if request.method == "GET" else locked_text(request.read(MOST_BYTES))
        message = calls.opened(given["msg_signature"], moment, given["nonce"], locked)
        if request.method == "GET":
            return HttpResponse(message, content_type="text/plain")
        return _heard(fields(message), told["sender"])
    except NotWeCom as error:
        return HttpResponseForbidden(str(error), content_type="text/plain")


def _heard(message: dict[str, str], sender: str) -> HttpResponse:
    """Of all events the one that is a no; of others nothing is known here, and WeCom is told that it was
    heard."""
    left = message.get("Event") == "change_external_contact" and message.get("ChangeType") == LEFT
    contact = message.get("ExternalUserID", "")
    if left and contact and message.get("UserID") == sender:
        try:
            of = base()
        except NightError:
            return HttpResponse(status=503)  # WeCom tells it again
        at = message.get("CreateTime", "")
        moment = int(at) if at.isdecimal() and len(at) <= 12 else int(time.time())
        number = hashlib.sha256(f"{contact} {at}".encode()).hexdigest()[:32]
        with suppress(NightError, ValueError):  # nobody the bank knows
            customer = customer_of(f"wecom:{contact[:120]}", of)
            refuse_by_contact(customer, "wecom", f"wecom-{number}", moment)
    return HttpResponse("success", content_type="text/plain")
