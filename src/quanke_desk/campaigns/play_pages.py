"""The page of plays: journeys to start from with one click."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from quanke.kernel.errors import NightError
from quanke_desk.campaigns import audiences, expecting, plays
from quanke_desk.campaigns.journey_actions import entry_in_words
from quanke_desk.foundation.pages import page, person_of
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May


@page(May.AUDIENCE)
@require_http_methods(["GET", "POST"])
def all_plays(request: HttpRequest) -> HttpResponse:
    """Each play with why, for how many, with what; one click makes a journey of it to work on."""
    person = person_of(request)
    if request.method == "POST":
        try:
            made = plays.start_from(request.POST.get("play", ""), by=person)
            messages.success(request, _("Made. Its texts wait for approval, its start for a second person."))
            return redirect("journey_design", made.pk)
        except (NotAllowed, NightError) as refused:
            messages.error(request, _("Not done: %(rule)s.") % {"rule": _(str(refused))})
    told = expecting.measured()
    rows = [
        {
            "play": play,
            "expected": expecting.expected(play, told),
            "steps": len(play.nodes) + 1,
            "size": audiences.counted(play.audience),
            "entry": entry_in_words(f"trigger:{play.entry}", play.again, play.fresh) if play.entry else "",
        }
        for play in plays.PLAYS
    ]
    return render(request, "campaigns/plays.html", {"rows": rows, "may": person.may(May.CAMPAIGN)})
