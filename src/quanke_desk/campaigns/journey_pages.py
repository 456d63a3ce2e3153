"""Pages of journeys: the list, one journey, its designer."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as _noop
from django.views.decorators.http import require_http_methods

from quanke.kernel.errors import QuankeError
from quanke.segments.control import share_of
from quanke_desk.campaigns import design_forms, designing, journey_actions, journey_queries, journey_record
from quanke_desk.campaigns.audiences import members_of
from quanke_desk.campaigns.branching import check_actions, check_conditions
from quanke_desk.campaigns.capacities import TAKES, rooms
from quanke_desk.campaigns.effect_words import actions, doer_word, offers
from quanke_desk.campaigns.entered_arms import months_too_few
from quanke_desk.campaigns.fault_words import fault_in_words
from quanke_desk.campaigns.graph import (
    CODE,
    MOST_AGAIN,
    MOST_FRESH,
    MOST_WORDS,
    Graph,
    GraphError,
    read_graph,
)
from quanke_desk.campaigns.later_versions import would_enter
from quanke_desk.campaigns.models import (
    Audience,
    AudienceVersion,
    Journey,
    JourneyState,
    JourneyVersion,
    Template,
)
from quanke_desk.campaigns.plays import audience_of, offer_of, play_of
from quanke_desk.campaigns.policy import PURPOSES
from quanke_desk.campaigns.simulating import HORIZON, Simulated, TooMuch, simulate
from quanke_desk.campaigns.trial_words import trial_shown
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.lists import Column, QuerysetSource, listing
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.pages import page, person_of
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May

JOURNEYS = (
    Column("title", gettext_lazy("Journey"), "link"),
    Column("name", gettext_lazy("Name in the tables")),
    Column("state", gettext_lazy("State")),
    Column("version", gettext_lazy("Version"), "number", sorts=False),
    Column("made_by", gettext_lazy("Made by")),
)
LONGEST = 100_000
MOST_LISTED = 5_000
"""Audiences and templates to choose from: the page searches them as one types."""


@dataclass(frozen=True)
class Tried:
    """A design gone through without sending: its counts, and what is said beside them."""

    done: Simulated
    shown: dict[str, Any]


@page(May.AUDIENCE)
@require_http_methods(["GET", "POST"])
def journeys(request: HttpRequest) -> HttpResponse:
    """All journeys; making one."""
    person, error = person_of(request), ""
    asked = {name: request.POST.get(name, "").strip() for name in ("name", "title_zh", "title_en")}
    if request.method == "POST":
        try:
            made = journey_actions.make_journey(
                asked["name"], asked["title_zh"], asked["title_en"], by=person
            )
            journey_actions.keep_draft(made, designing.empty(), by=person)
            return redirect("journey_design", made.pk)
        except NotAllowed as refused:
            error = _(str(refused))
    source = QuerysetSource(
        Journey.objects.select_related("current", "made_by"),
        {"title": "title_zh", "name": "name", "state": "state", "made_by": "made_by__name"},
        _row,
    )
    shown = {
        "listed": listing(request, "journeys", JOURNEYS, source),
        "error": error,
        "asked": asked,
        "may": person.may(May.CAMPAIGN),
    }
    return render(request, "campaigns/journeys.html", shown)


def _row(held: Journey) -> dict[str, Any]:
    return {
        "title": (title_of(held), reverse("journey", args=[held.pk])),
        "name": held.name,
        "state": held.get_state_display(),
        "version": held.current.number if held.current else None,
        "made_by": held.made_by.name,
    }


def triggers_known() -> list[tuple[str, str]]:
    """Triggers of the catalogue as (event, title in the language of who looks)."""
    english = (get_language() or "").startswith("en")
    found = base().bank.catalogue.triggers
    return [(f"trigger:{t.name}", t.title_en if english else t.title_zh) for t in found]


def title_of(journey: Journey) -> str:
    """A journey's title in the language of who looks."""
    english = (get_language() or "").startswith("en")
    return journey.title_en if journey.title_en and english else journey.title_zh


@page(May.AUDIENCE)
@require_http_methods(["GET", "POST"])
def journey(request: HttpRequest, number: int) -> HttpResponse:
    """One journey: where its customers stand, what was sent and refused, its versions; pausing and ending."""
    held = get_object_or_404(Journey.objects.select_related("current"), pk=number)
    if request.method == "POST":
        return _turned(request, held)
    started, pushes = journey_queries.stands(held), journey_queries.pushes(held)
    shown = {
        "journey": held,
        "title": title_of(held),
        "current": held.current,
        "started": [_standing(version, stands) for version, stands in started],
        "entered": sum(stands.entered for _version, stands in started),
        "control": sum(stands.control for _version, stands in started),
        "stuck": [] if held.state == JourneyState.ENDED else _stuck(version for version, _stands in started),
        "entry": held.current and _entry_said(held.current.graph),
        "too_few": months_too_few(held),
        "too_late": journey_queries.refused_moments(held),
        "pushes": pushes,
        "refused": journey_record.refused(held, pushes),
        "tasks": journey_record.tasks(held),
        "versions": held.versions.select_related("by", "audience__audience"),
        "may": person_of(request).may(May.CAMPAIGN),
    }
    return render(request, "campaigns/journey.html", shown)


def _standing(version: JourneyVersion, stands: journey_queries.Stands) -> dict[str, Any]:
    nodes = journey_queries.graph_of(version).nodes
    rows = [(n, stands.through.get(n.name, 0), stands.here.get(n.name, 0)) for n in nodes]
    return {"version": version, "stands": stands, "rows": rows}


def _stuck(versions: Iterable[JourneyVersion]) -> list[tuple[int, str]]:
    """Versions that stand still, and why."""
    found = ((version.number, journey_queries.stuck(version)) for version in versions)
    return [
        (number, _where(why) if isinstance(why, GraphError) else str(why)) for number, why in found if why
    ]


def _turned(request: HttpRequest, held: Journey) -> HttpResponse:
    by, what, reason = person_of(request), request.POST.get("do", ""), request.POST.get("reason", "")
    turns = {
        "pause": journey_actions.pause,
        "resume": journey_actions.resume,
        "drain": journey_actions.drain,
        "end": journey_actions.end,
    }
    try:
        if what == "start":
            version = get_object_or_404(JourneyVersion, pk=_whole(request.POST.get("version")), journey=held)
            asked = journey_actions.ask_to_start(version, by=by, reason=reason)
            messages.success(request, _("A second person has to agree; you are told when it is decided."))
            return redirect("approval", asked.pk)
        if what not in turns:
            raise NotAllowed("not from the state it is in")
        turns[what](held, by=by, reason=reason)
        messages.success(request, _("Done, and on record."))
    except NotAllowed as refused:
        messages.error(request, _("Not done: %(rule)s.") % {"rule": _(str(refused))})
    return redirect("journey", held.pk)


@page(May.CAMPAIGN)
@require_http_methods(["GET", "POST"])
def design(request: HttpRequest, number: int) -> HttpResponse:
    """The designer: every button is one change of the design that is kept at once; saving makes a version."""
    held = get_object_or_404(Journey, pk=number)
    draft = held.draft or (held.current.graph if held.current else designing.empty())
    step, error, tried = request.GET.get("step", ""), "", None
    if not designing.holds_together(draft):
        draft = designing.empty()
        error = _("The design that is kept here cannot be read: begin anew, or take over a text.")
    if request.method == "POST":
        try:
            _same_draft(request, held)
            changed, step, tried = _worked(request, held, draft)
            if changed is None:
                return redirect("journey", held.pk)
            draft = changed
            journey_actions.keep_draft(held, draft, by=person_of(request))
            if tried is None and not request.headers.get("HX-Request"):
                return redirect(f"{reverse('journey_design', args=[held.pk])}?step={step}#panel")
        except GraphError as refused:
            error = _where(refused)
        except journey_actions.StaleDraft as refused:
            held.refresh_from_db()
            draft, tried, error = held.draft, None, _(str(refused))
        except (NotAllowed, QuankeError) as refused:
            error = _(str(refused))
    part = "campaigns/designer.html" if request.headers.get("HX-Request") else "campaigns/design.html"
    return render(request, part, _shown(held, draft, step, error, tried) | _asked(held, draft, request))


def _same_draft(request: HttpRequest, held: Journey) -> None:
    """Raises StaleDraft where the page shows a design that was changed since."""
    if request.POST.get("draft", str(held.draft_number)) != str(held.draft_number):
        raise journey_actions.StaleDraft(
            "somebody else changed this design meanwhile: here it is as it stands now"
        )


def _shown(
    held: Journey, draft: designing.Design, step: str, error: str, trial: Tried | None
) -> dict[str, Any]:
    node, tried = draft["nodes"].get(step), trial and trial.done
    lacks, triggers = journey_queries.missing(draft), triggers_known()
    return {
        "journey": held,
        "title": title_of(held),
        "tree": designing.tree(draft),
        "goals": draft.get("goals", []),
        "step": step if node else "",
        "node": node,
        "form": design_forms.form_of(node) if node else None,
        "entry": draft.get("entry", ""),
        "entry_said": _entry_said(draft),
        "again": draft.get("again", 0),
        "fresh": draft.get("fresh", 0),
        "most_again": MOST_AGAIN,
        "most_fresh": MOST_FRESH,
        "triggers": triggers,
        "names": sorted(draft["nodes"]),
        "ways": designing.ways_of(node) if node else [],
        "kinds": list(designing.FRESH),
        "templates": Template.objects.filter(code__regex=rf"^{CODE}$")
        .order_by("code")
        .values_list("code", "title")[:MOST_LISTED],
        "actions": actions(),
        "lost": _lost(node, triggers) if node else {},
        "most_words": MOST_WORDS,
        "lacks": _where(lacks) if lacks else "",
        "text": json.dumps(draft, ensure_ascii=False, indent=1),
        "error": error,
        "tried": tried,
        "visits": list(tried.visits.items()) if tried else [],
        "flow": _flow(tried) if tried else [],
        "too_much": _too_much(tried) if tried else [],
        **(trial.shown if trial else {}),
        "offers": offers(),
        "audiences": Audience.objects.filter(put_away_at=None)[:MOST_LISTED],
    }


def _lost(node: designing.Design, triggers: list[tuple[str, str]]) -> dict[str, str]:
    """What a step names that the catalogue or the plan has no more: it stays chosen."""
    event, action = node.get("event", ""), node.get("action", "")
    found = {}
    if event.startswith("trigger:") and event not in dict(triggers):
        found["trigger"] = event
    if action and action not in dict(actions()):
        found["action"] = action
    return found


def _asked(held: Journey, draft: designing.Design, request: HttpRequest) -> dict[str, Any]:
    """What the form of trying and saving shows: what was just asked, else the last version's, else what the
    play it was started from says."""
    last = held.versions.select_related("audience").first()
    play = play_of(held)
    audience = audience_of(held) if last is None else last.audience and last.audience.audience_id
    # who enters one by one, and perhaps anew, does so for years
    days = 730 if play and play.entry else 30
    until = last.until if last else timezone.localdate() + dt.timedelta(days=days)
    shown = {
        "audience": str(audience or ""),
        "control": f"{last.control_ppm / 10_000:g}" if last else play.control.rstrip("%") if play else "10",
        "purpose": last.purpose if last else play.purpose if play else "marketing",
        "priority": str(last.priority) if last else "5",
        "offer": last.offer if last else offer_of(held),
        "until": until.isoformat(),
    }
    return {"asked": {name: request.POST.get(name, value) for name, value in shown.items()}}


def _worked(
    request: HttpRequest, held: Journey, draft: designing.Design
) -> tuple[designing.Design | None, str, Tried | None]:
    """What a button does: the new design (null: it was saved as a version), the step looked at, a trial."""
    asked = request.POST
    what, step = asked.get("do", ""), asked.get("step", "")
    after, way = asked.get("after", ""), asked.get("way", "next")
    if what == "put_in":
        made, name = designing.put_in(draft, after, way, asked.get("kind", ""))
        return made, name, None
    if what == "take_out":
        return designing.take_out(draft, step), "", None
    if what == "lead":
        return designing.lead(draft, step, way, asked.get("to", "")), step, None
    if what == "move":
        return designing.move(draft, step, after, way), step, None
    if what == "change":
        if step not in draft["nodes"]:
            raise NotAllowed("no such step")
        return designing.change(draft, step, design_forms.fields_of(draft["nodes"][step], asked)), step, None
    if what == "text":
        return _from_text(asked.get("text", "")), "", None
    if what == "entry":
        again, fresh = (_count(asked.get(name, "")) for name in ("again", "fresh"))
        return designing.enters(draft, asked.get("entry", ""), again, fresh), step, None
    if what == "goals":
        goals = [
            {"name": name.strip(), "when": when.strip()}
            for name, when in zip(asked.getlist("goal"), asked.getlist("when"), strict=False)
            if name.strip() or when.strip()
        ]
        return {**draft, "goals": goals}, "", None
    if what == "try":
        graph = read_graph(draft)
        check_conditions(graph)
        check_actions(graph)
        return draft, step, _tried(_version(held, draft, asked, person_of(request)), graph)
    if what == "save":
        journey_actions.save_design(
            held,
            draft,
            by=person_of(request),
            audience=_audience(asked),
            purpose=asked.get("purpose", ""),
            control_ppm=_share(asked),
            until=_day(asked.get("until", "")),
            priority=_whole(asked.get("priority")),
            offer=asked.get("offer", ""),
        )
        journey_actions.keep_draft(held, draft, by=person_of(request))
        messages.success(request, _("Saved as a new version. Ask for its start when it is ready."))
        return None, "", None
    raise NotAllowed("no such change")


def _from_text(text: str) -> designing.Design:
    if len(text) > LONGEST:
        raise NotAllowed("a design of at most 100,000 characters")
    try:
        found = json.loads(text)
    except ValueError as error:
        raise GraphError(
            "", "nodes", _noop("not JSON: line %(line)s"), line=getattr(error, "lineno", 1)
        ) from None
    read_graph(found)
    return dict(found)


def _tried(version: JourneyVersion, graph: Graph) -> Tried:
    """A version gone through: by whoever of its audience would enter, or comes of it by what it is entered
    by."""
    assert version.audience is not None
    now = int(time.time())
    if graph.entry:
        done = simulate(version, graph, members_of(version.audience).astype(np.int64), now)
        return Tried(done, trial_shown(done, graph, version))
    found = would_enter(version)
    done = simulate(version, graph, found.who, now, controls=found.controls)
    left_out = journey_actions.left_out_in_words(version, found.counts())
    return Tried(done, trial_shown(done, graph, version) | {"left_out": left_out})


def _version(held: Journey, draft: designing.Design, asked: Any, by: Person) -> JourneyVersion:
    """A version that is not kept, to try a design with."""
    audience = _audience(asked)
    if audience is None:
        raise NotAllowed("choose the audience to try it on")
    last = held.versions.first()
    number = 1 if last is None else last.number + 1
    purpose, until = asked.get("purpose") or PURPOSES[0], asked.get("until", "")
    last_day = _day(until) if until else timezone.localdate() + dt.timedelta(days=HORIZON)
    if purpose not in PURPOSES:
        raise NotAllowed("a purpose: marketing or service")
    return JourneyVersion(
        journey=held, number=number, graph=draft, audience=audience, control_ppm=_share(asked),
        purpose=purpose, priority=_whole(asked.get("priority")), until=last_day, by=by,
        offer=asked.get("offer", ""),
    )  # fmt: skip


def _audience(asked: Any) -> AudienceVersion | None:
    number = _whole(asked.get("audience"))
    return (
        AudienceVersion.objects.filter(audience=number, audience__put_away_at=None).first()
        if number
        else None
    )


def _flow(tried: Simulated) -> list[dict[str, Any]]:
    """What falls on which day, by means and by who: the days that have something."""
    by_day = tried.by_day()
    days = sorted({day for each in by_day.values() for day in each})
    names = [(name, doer_word(name)) for name in sorted(by_day)]
    return [{"day": day, "counts": [(word, by_day[n].get(day, 0)) for n, word in names]} for day in days[:60]]


def _too_much(tried: Simulated) -> list[tuple[TooMuch, str, str, str]]:
    """What is too much: by what, how much the most crowded day holds, and what takes it, in words."""
    found = []
    for each in tried.too_much(rooms()):
        said = [f"{TAKES[why]} {count:,}" for why, count in each.takes.items()]
        said.append(_("this journey %(count)s") % {"count": f"{each.wants:,}"})
        found.append((each, doer_word(each.what), f"{each.holds:,}", " · ".join(said)))
    return found


def _share(asked: Any) -> int:
    try:
        return share_of(f"{asked.get('control', '').strip().rstrip('%')}%")
    except ValueError:
        raise NotAllowed("a share in per cent, as 10") from None


def _whole(text: str | None) -> int:
    given = (text or "").strip()
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 16 else 0


def _count(text: str) -> int:
    """A whole number; empty is 0. Raises NotAllowed."""
    given = text.strip() or "0"
    if not given.isascii() or not given.isdecimal() or len(given) > 9:
        raise NotAllowed("a whole number")
    return int(given)


def _entry_said(graph: designing.Design) -> str:
    return journey_actions.entry_in_words(
        graph.get("entry", ""), graph.get("again", 0), graph.get("fresh", 0)
    )


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text.strip())
    except ValueError:
        raise NotAllowed("a day as year-month-day") from None


def _where(error: GraphError) -> str:
    values = error.values
    if "reason" in values:  # the library's own, in English
        values = {**values, "reason": fault_in_words(str(values["reason"]))}
    rule = _(error.rule) % values if values else _(error.rule)
    return _("Step %(step)s, field %(field)s: %(rule)s") % {
        "step": error.node or "-",
        "field": error.field,
        "rule": rule,
    }
