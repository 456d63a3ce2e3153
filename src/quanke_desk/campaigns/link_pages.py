"""Pages customers reach by links of pushes, without logging in; and the sandbox of a demo."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from quanke_desk.campaigns import receiving
from quanke_desk.campaigns.channels.sandbox import PREFIX
from quanke_desk.campaigns.links import send_of
from quanke_desk.campaigns.models import Receipt, Send, SendState
from quanke_desk.campaigns.policy import SERVICE
from quanke_desk.campaigns.template_actions import MEANS_TITLES
from quanke_desk.campaigns.texts import link_allowed, whole, words_for
from quanke_desk.customers.queries import names_of
from quanke_desk.foundation.pages import page, person_of, public
from quanke_desk.foundation.roles import May

SHOWN = 30


@public
@require_GET
def click(request: HttpRequest, token: str) -> HttpResponse:
    """The link of a push: noted, and on to the page the approved text names."""
    send = send_of(token)
    if send is None or send.version is None or not link_allowed(send.version.link):
        raise Http404
    receiving.clicked(send)
    return HttpResponseRedirect(send.version.link)


@public
@csrf_exempt  # mail programs post here by themselves (RFC 8058); the token says who may
@require_http_methods(["GET", "POST"])
def say_no(request: HttpRequest, token: str) -> HttpResponse:
    """A customer wants no more offers by the means of a push. Looking at the page says nothing: programs
    follow links, too."""
    send = send_of(token)
    if send is None or send.purpose == SERVICE:
        raise Http404
    if request.method == "POST":
        receiving.refuse_by_link(send)
    done = receiving.has_refused(send)
    shown = {"done": done, "means": _(MEANS_TITLES[send.means])}
    return render(request, "campaigns/say_no.html", shown)


@page(May.CAMPAIGN)
@require_http_methods(["GET", "POST"])
def sandbox(request: HttpRequest) -> HttpResponse:
    """What a demo would have sent, as on a phone; and answering as the customer would."""
    if not settings.QUANKE_DEMO:
        raise Http404
    sent = Send.objects.filter(state=SendState.SENT, gateway__startswith=PREFIX)
    if request.method == "POST":
        given = request.POST.get("push", "")
        push = sent.filter(pk=int(given)).first() if given.isdecimal() and len(given) < 16 else None
        if push is not None and request.POST.get("do") == "no":
            receiving.take_reply(push.means, "T", f"sandbox-{push.pk}", _moment(), key=push.key)
        elif push is not None and request.POST.get("do") == "click":
            receiving.clicked(push)
        return redirect("sandbox")
    found = list(sent.select_related("version").order_by("-id")[:SHOWN])
    return render(request, "campaigns/sandbox.html", {"phones": _phones(request, found)})


def _phones(request: HttpRequest, found: list[Send]) -> list[dict[str, object]]:
    """Masked, like all that analysts see."""
    names = names_of(person_of(request), sorted({push.customer for push in found}))
    said: dict[int, set[str]] = {}
    for number, kind in Receipt.objects.filter(send__in=found).values_list("send", "kind"):
        said.setdefault(number, set()).add(kind)
    phones = []
    for push in found:
        words = None
        if push.version is not None:
            words = words_for(push.version, [push.customer], masked=True)[push.customer]
        sells, link = push.purpose != SERVICE, push.version.link if push.version else ""
        body = whole(words.body, push.means, sells, link, words.english) if words else ""
        phones.append(
            {
                "push": push, "name": names[push.customer], "means": _(MEANS_TITLES[push.means]),
                "body": body,
                "subject": words.subject if words else "", "link": link, "sells": sells,
                "said": said.get(push.pk, set()),
            }
        )  # fmt: skip
    return phones


def _moment() -> int:
    return int(timezone.now().timestamp())
