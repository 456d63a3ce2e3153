"""From which address somebody asks: behind proxies, what the last trusted one of them saw."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def address_of(request: HttpRequest) -> str:
    """The address of who asks, IPv6 by its /64 network; empty where it is not known.

    With QUANKE_DESK_PROXIES=n the n-th hop of X-Forwarded-For from the right is believed: those n were
    written by the bank's own proxies, what stands further left anybody could write."""
    given = str(request.META.get("REMOTE_ADDR", ""))
    proxies: int = settings.QUANKE_PROXIES
    if proxies:
        hops = [hop.strip() for hop in str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",")]
        if len(hops) >= proxies:
            given = hops[-proxies]
    try:
        read = ipaddress.ip_address(given)
    except ValueError:
        return ""
    if isinstance(read, ipaddress.IPv6Address):
        if read.ipv4_mapped:
            return str(read.ipv4_mapped)
        return str(ipaddress.ip_network((read, 64), strict=False).network_address)
    return str(read)
