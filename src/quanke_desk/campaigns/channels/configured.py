"""Which channel a means goes by: what the environment says (`web.places.channels`), in a demo the sandbox."""

from __future__ import annotations

import json
import threading
from typing import Any

from django.conf import settings

from quanke_desk.campaigns.channels.calling import Gateway
from quanke_desk.campaigns.channels.channel import Channel
from quanke_desk.campaigns.channels.push import PushGateway
from quanke_desk.campaigns.channels.sandbox import Sandbox
from quanke_desk.campaigns.channels.sms_http import SmsGateway
from quanke_desk.campaigns.channels.smtp import Smtp
from quanke_desk.campaigns.channels.webhook import Webhook
from quanke_desk.campaigns.channels.wecom import WeCom

SANDBOXED = ("sms", "push", "wecom", "email")
"""A call is made by a person: no gateway sends it, and no sandbox either."""
_made: dict[str, Channel] = {}
_lock = threading.Lock()


def channel_of(means: str) -> Channel | None:
    """The channel of a means; null where the bank has set none and this is no demo. One object as long as
    its settings stay, for it remembers how its gateway has been."""
    told = settings.QUANKE_CHANNELS.get(means)
    if told is None:
        return Sandbox() if settings.QUANKE_DEMO and means in SANDBOXED else None
    name = json.dumps([means, told], sort_keys=True)
    with _lock:
        if name not in _made:
            _made[name] = _make(told)
        return _made[name]


def _make(told: dict[str, Any]) -> Channel:
    kind = told["kind"]
    if kind == "smtp":
        return Smtp(**{k: v for k, v in told.items() if k != "kind"})
    gateway = Gateway(told["url"], told.get("sign", "").encode(), float(told.get("patience", 10)))
    if kind == "wecom":
        return WeCom(gateway, told["corp"], told["secret"], told["sender"])
    if kind == "webhook":
        return Webhook(gateway)
    return PushGateway(gateway) if kind == "push" else SmsGateway(gateway)
