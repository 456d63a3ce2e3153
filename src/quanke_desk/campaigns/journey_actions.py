"""Changes of journeys: designed, asked for, started by two, paused, resumed, drained, ended."""

from __future__ import annotations

import datetime as dt
import re
import time
from dataclasses import asdict
from typing import Any

import numpy as np
from django.db import IntegrityError, transaction
from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from quanke.effects.groups import CampaignRegister, RegisteredCampaign
from quanke.kernel.errors import EffectError, NightError, QuankeError
from quanke.language.facts import UPLIFT_OFFERS
from quanke.night.campaigns import register_campaign
from quanke.segments.control import WHOLE
from quanke_desk.campaigns.answering import wake_answered
from quanke_desk.campaigns.audiences import members_of
from quanke_desk.campaigns.branching import check_actions, check_conditions
from quanke_desk.campaigns.counting import count
from quanke_desk.campaigns.effect_words import action_word, doer_word, refusal, trigger_word
from quanke_desk.campaigns.entered_arms import Expected, expected_of
from quanke_desk.campaigns.entering import put_in, short_of_goals
from quanke_desk.campaigns.graph import INTERFACE, Graph, Node, read_graph, trigger_of
from quanke_desk.campaigns.joint_terms import require_purpose
from quanke_desk.campaigns.later_versions import (
    arms_kept,
    goes_on_with,
    large_enough,
    plan_of,
    put_back,
    would_enter,
)
from quanke_desk.campaigns.models import (
    Arm,
    AudienceVersion,
    Enrolment,
    EnrolmentState,
    Journey,
    JourneyState,
    JourneyVersion,
    Send,
    SendState,
    TemplateVersion,
)
from quanke_desk.campaigns.moments import entry_terms
from quanke_desk.campaigns.named import campaign_of, is_taken
from quanke_desk.campaigns.standing import takes_in
from quanke_desk.campaigns.template_actions import MEANS_TITLES, PURPOSE_TITLES
from quanke_desk.campaigns.template_queries import begins_with
from quanke_desk.campaigns.walking import OUT
from quanke_desk.foundation import approvals, audit
from quanke_desk.foundation.analytic import Base, base
from quanke_desk.foundation.approvals import ApprovalKind
from quanke_desk.foundation.jobs import Running, begin, job
from quanke_desk.foundation.local_form import day
from quanke_desk.foundation.models import Approval, Person
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May
from quanke_desk.work.dropping import drop_tasks

START = "journey.start"
LEAST_CONTROL_PPM = 10_000
_NAME = re.compile(r"[a-z][a-z0-9_]{2,47}\Z")
PURPOSES = ("marketing", "service")


def make_journey(name: str, title_zh: str, title_en: str, *, by: Person) -> Journey:
    """Makes a journey without a design. Raises NotAllowed."""
    _may(by)
    if not _NAME.match(name) or is_taken(name):
        raise NotAllowed("a name of small letters, digits and _, a letter first")
    if not 0 < len(title_zh.strip()) <= 80 or len(title_en) > 80:
        raise NotAllowed("a title of at most 80 characters")
    try:
        with transaction.atomic():
            made = Journey.objects.create(
                name=name, title_zh=title_zh.strip(), title_en=title_en.strip(), made_by=by
            )
            audit.record(by, "journeys.make", f"journey:{made.pk}", detail={"name": name})
            return made
    except IntegrityError:
        raise NotAllowed("there is a journey of this name already") from None


def save_design(
    journey: Journey,
    graph: Any,
    *,
    by: Person,
    audience: AudienceVersion | None,
    control_ppm: int,
    until: dt.date,
    purpose: str = "marketing",
    priority: int = 5,
    offer: str = "",
) -> JourneyVersion:
    """Saves a design as the journey's next version; who is under way stays with his own. Raises GraphError
    for a design that cannot be, NotAllowed."""
    _may(by)
    read = read_graph(graph)
    check_conditions(read)
    check_actions(read)
    if purpose not in PURPOSES:
        raise NotAllowed("a journey sells, or serves")
    require_purpose(audience, purpose)
    if not 0 <= control_ppm < WHOLE or (purpose == "marketing" and control_ppm < LEAST_CONTROL_PPM):
        raise NotAllowed("a journey that sells compares with at least 1 % who get nothing")
    if offer and offer not in UPLIFT_OFFERS:
        raise NotAllowed("no such offer")
    if not 0 <= priority <= 9:
        raise NotAllowed("a priority from 0 to 9")
    if until < timezone.localdate():
        raise NotAllowed("it ends today or later")
    with transaction.atomic():
        held = Journey.objects.select_for_update().get(pk=journey.pk)
        if held.state == JourneyState.ENDED:
            raise NotAllowed("this journey has ended")
        last = held.versions.first()
        made = JourneyVersion.objects.create(
            journey=held, number=1 if last is None else last.number + 1, graph=graph, audience=audience,
            control_ppm=control_ppm, purpose=purpose, priority=priority, until=until, by=by,
            offer=offer,
        )  # fmt: skip
        detail = {"version": made.number, "nodes": len(read.nodes), "control_ppm": control_ppm}
        audit.record(by, "journeys.design", f"journey:{held.pk}", detail=detail)
        return made


def keep_draft(journey: Journey, draft: Any, *, by: Person) -> None:
    """Keeps a design that is being worked on; it may be incomplete. Raises NotAllowed, StaleDraft where
    somebody else changed it since `journey` was read."""
    _may(by)
    with transaction.atomic():
        held = Journey.objects.select_for_update().get(pk=journey.pk)
        if held.state == JourneyState.ENDED:
            raise NotAllowed("this journey has ended")
        if held.draft_number != journey.draft_number:
            raise StaleDraft("somebody else changed this design meanwhile: here it is as it stands now")
        held.draft, held.draft_number = draft, held.draft_number + 1
        held.save(update_fields=["draft", "draft_number"])
    journey.draft, journey.draft_number = held.draft, held.draft_number


class StaleDraft(NotAllowed):
    """A change of a design that is not the one somebody looked at."""


def ask_to_start(version: JourneyVersion, *, by: Person, reason: str) -> Approval:
    """Asks a second person to start a version. Raises NotAllowed."""
    _may(by)
    if version.started_at is not None:
        raise NotAllowed("this version was started already")
    _somebody_enters(version)
    require_purpose(version.audience, version.purpose)
    arguments = {"version": version.pk, "would_enter": _looked_at(version)}
    if version.graph.get("entry") and (a_month := expected_of(version)) is not None:
        arguments["a_month"] = asdict(a_month)
    return approvals.ask(START, f"journey:{version.journey_id}", arguments, by=by, reason=reason)


def _somebody_enters(version: JourneyVersion) -> None:
    if version.audience is None and not version.graph.get("entry"):
        raise NotAllowed("nobody would enter: choose an audience, a trigger or the interface")


def _looked_at(version: JourneyVersion) -> dict[str, int]:
    """Who of its audience would enter, for whoever decides. Raises NotAllowed where nobody would, or too few
    to measure by."""
    if version.audience is None or version.graph.get("entry"):
        return {}
    try:
        found = would_enter(version)
    except QuankeError as error:  # no night is there, or the catalogue lost what the audience asks
        raise NotAllowed(refusal(error)) from None
    large_enough(version, found)
    return found.counts()


def pause(journey: Journey, *, by: Person, reason: str) -> None:
    """Nobody moves from the range on that is being moved. Raises NotAllowed."""
    _turn(journey, (JourneyState.RUNNING, JourneyState.DRAINING), JourneyState.PAUSED, by, reason)


def resume(journey: Journey, *, by: Person, reason: str) -> None:
    """A paused journey goes on as it went before: what fell due meanwhile is done now, through the gate like
    everything, and who did meanwhile what he is waited for is heard. Raises NotAllowed."""
    with transaction.atomic():
        _turn(journey, (JourneyState.PAUSED,), None, by, reason)
        wake_answered(journey, int(time.time()))


def drain(journey: Journey, *, by: Person, reason: str) -> None:
    """Nobody enters any more; who is under way goes to his end. Raises NotAllowed."""
    _turn(journey, (JourneyState.RUNNING, JourneyState.PAUSED), JourneyState.DRAINING, by, reason)


def end(journey: Journey, *, by: Person, reason: str) -> int:
    """Ends a journey at once: whoever is under way leaves it, what is queued is not sent any more (rule
    `stopped`), and tasks nobody has done are dropped. Answers how many left. Raises NotAllowed."""
    with transaction.atomic():
        _turn(
            journey,
            (JourneyState.RUNNING, JourneyState.PAUSED, JourneyState.DRAINING, JourneyState.DRAFT),
            JourneyState.ENDED,
            by,
            reason,
        )
        under_way = Enrolment.objects.filter(
            version__journey=journey, state__in=(EnrolmentState.WAITING, EnrolmentState.LISTENING)
        )
        now = int(time.time())
        standing = under_way.values_list("version", "node").annotate(n=Count("id")).order_by()
        count({(version, node, OUT, "ended"): n for version, node, n in standing})
        queued = Send.objects.filter(journey=journey, state__in=(SendState.QUEUED, SendState.HELD))
        queued.update(state=SendState.REFUSED, rule="stopped", decided=now)
        drop_tasks(journey.name)
        return under_way.update(state=EnrolmentState.LEFT, why="ended", awaits="", ended=now)


def _turn(
    journey: Journey, before: tuple[JourneyState, ...], to: JourneyState | None, by: Person, reason: str
) -> None:
    """Turns a journey to another state; null: to the one it was paused from."""
    _may(by)
    if not reason.strip():
        raise NotAllowed("a reason is required")
    with transaction.atomic():
        held = Journey.objects.select_for_update().get(pk=journey.pk)
        if held.state not in before:
            raise NotAllowed("not from the state it is in")
        to = to or JourneyState(held.paused_from or JourneyState.RUNNING)
        detail = {"from": held.state, "to": str(to)}
        held.paused_from = held.state if to == JourneyState.PAUSED else ""
        held.state = to
        held.save(update_fields=["state", "paused_from"])
        audit.record(by, "journeys.turn", f"journey:{held.pk}", reason=reason.strip(), detail=detail)
    journey.state, journey.paused_from = to, held.paused_from


def _may(by: Person) -> None:
    if not by.may(May.CAMPAIGN):
        raise NotAllowed("your role may not design journeys")


def _start(asked: Approval, by: Person) -> None:
    """Puts a version in force; its audience enters in a long job."""
    version = (
        JourneyVersion.objects.select_for_update()
        .select_related("journey")
        .get(pk=asked.arguments["version"])
    )
    held = Journey.objects.select_for_update().get(pk=version.journey_id)
    gone = (JourneyState.ENDED, JourneyState.DRAINING)
    if held.state in gone or held.paused_from in gone or version.started_at is not None:
        raise NotAllowed("the journey has changed since it was asked")
    if version.until < timezone.localdate():
        raise NotAllowed("it ends today or later")
    require_purpose(version.audience, version.purpose)
    version.continues = goes_on_with(version)
    version.started_at, version.approval = timezone.now(), asked
    version.save(update_fields=["started_at", "approval", "continues"])
    held.current = version
    if held.state == JourneyState.DRAFT:
        held.state = JourneyState.RUNNING
    held.save(update_fields=["current", "state"])
    detail = {"version": version.number}
    audit.record(by, "journeys.start", f"journey:{held.pk}", reason=asked.reason, detail=detail)
    if version.audience_id is not None and not version.graph.get("entry"):
        begin("journeys.enter", {"version": version.pk}, by=asked.asked_by)


@job("journeys.enter", title=_("An audience enters a journey"), may=May.CAMPAIGN)
def enter_audience(running: Running, version: int) -> dict[str, Any]:
    """Deals an audience out and enrols it. Run again it does the same: the register holds the arms once they
    were dealt, and who is enrolled stays as he is. Who reached a goal already is in neither arm. Raises
    NotAllowed where the journey lets nobody in any more, and where nobody can enter: the version counts as
    not started then."""
    found = JourneyVersion.objects.select_related("journey", "audience__audience", "by", "continues")
    held = found.get(pk=version)
    of, graph, now = base(), read_graph(held.graph), int(time.time())
    link = f"/journeys/{held.journey_id}/"
    with transaction.atomic():
        if not takes_in(held, now):
            raise NotAllowed("the journey has changed since it was asked")
    if not held.control_ppm:  # a service: nobody is left out
        everybody = members_of(held.audience) if held.audience else np.zeros(0, np.int64)
        everybody = short_of_goals(graph, everybody, of)
        running.step(_("Enrolling"), 0, len(everybody))
        entered = put_in(held, graph, everybody, Arm.TREATED, now)
        _ask_goals_again(held)
        return {"entered": entered, "control": 0, "link": link}
    try:
        campaign = _arms(running, held, graph, of)
    except NotAllowed as refused:
        put_back(held, str(refused))
        raise
    dealt = campaign.customers.astype(np.int64)
    if held.continues is not None and held.audience is not None:
        dealt = np.intersect1d(dealt, members_of(held.audience))
    # run again after another night, some reached a goal since they were dealt out
    dealt = short_of_goals(graph, dealt, of)
    controls = np.intersect1d(dealt, campaign.controls.astype(np.int64))
    treated = np.setdiff1d(dealt, controls)
    running.step(_("Enrolling"), 0, len(treated) + len(controls))
    entered = put_in(held, graph, treated, Arm.TREATED, now)
    running.step(_("Enrolling"), len(treated), len(treated) + len(controls))
    put_in(held, graph, controls, Arm.CONTROL, now)
    _ask_goals_again(held)
    return {"entered": entered, "control": len(controls), "link": link}


def _arms(running: Running, version: JourneyVersion, graph: Graph, of: Base) -> RegisteredCampaign:
    """The arms of an audience: dealt out, or those of the version it goes on with. Raises NotAllowed."""
    if version.continues is not None:
        return arms_kept(version, version.continues)
    found = CampaignRegister(of.bank.home.path).get(campaign_of(version))
    if found is None:
        running.step(_("Dealing out who gets nothing"))
        try:
            found = register_campaign(of.bank.home, of.bank.catalogue, of.night, plan_of(version, graph))
        except (EffectError, NightError) as error:
            raise NotAllowed(refusal(error)) from None
    if found.design.approval != str(version.approval_id or ""):
        raise NotAllowed("another campaign of this name is registered: its arms are not this journey's")
    return found


def _ask_goals_again(version: JourneyVersion) -> None:
    """A night may have come while they entered, and was asked of those only who were in by then."""
    JourneyVersion.objects.filter(pk=version.pk).update(goals_asked=None)


def _described(asked: Approval) -> list[tuple[str, str]]:
    version = JourneyVersion.objects.select_related("journey", "audience__audience").get(
        pk=asked.arguments["version"]
    )
    audience, graph = version.audience, read_graph(version.graph)
    return [
        (gettext("Journey"), f"{version.journey.title_zh} ({version.journey.name}), {version.number}"),
        (gettext("Audience"), f"{audience.audience.title} · {audience.size:,}" if audience else "-"),
        (gettext("Who enters"), entry_in_words(graph.entry, graph.again, graph.fresh)),
        *_would_enter_in_words(version, asked.arguments.get("would_enter") or {}),
        (gettext("Get nothing"), f"{version.control_ppm / 10_000:g} %"),
        *_too_few_in_words(asked.arguments.get("a_month")),
        (gettext("Until"), day(version.until)),
        (gettext("Purpose"), gettext(PURPOSE_TITLES.get(version.purpose, version.purpose))),
        (gettext("Priority"), str(version.priority)),
        (gettext("Steps"), str(len(graph.nodes))),
        *_texts_in_words(graph),
        *((gettext("Task"), _task_in_words(node)) for node in graph.nodes if node.do == "task"),
    ]


def _too_few_in_words(a_month: dict[str, int] | None) -> list[tuple[str, str]]:
    """That those who enter in a month are too few to tell an effect by, as it was when it was asked."""
    said = Expected(**a_month).words if a_month else ""
    return [(gettext("Effect"), said)] if said else []


def _would_enter_in_words(version: JourneyVersion, found: dict[str, int]) -> list[tuple[str, str]]:
    """Who would enter when it was asked, and who is left out, and why."""
    if not found:
        return []
    first = goes_on_with(version)
    lines = [(gettext("Would enter"), left_out_in_words(version, found))]
    if first is not None:
        said = gettext("those of version %(number)s: one campaign, one effect") % {"number": first.number}
        lines.append((gettext("Arms"), said))
    return lines


def left_out_in_words(version: JourneyVersion, found: dict[str, int]) -> str:
    """How many of an audience would enter, and why how many others would not (`WouldEnter.counts`)."""
    first = goes_on_with(version)
    others = gettext("left to other campaigns") if first is None else gettext("not in the earlier version")
    why = {
        "reached": gettext("reached a goal"),
        "earlier": gettext("are or were in an earlier version"),
        "others": others,
        "kept_out": gettext("get no offers"),
    }
    left_out = [f"{title} {found[name]:,}" for name, title in why.items() if found[name]]
    return " · ".join([f"{found['left']:,} / {found['members']:,}", *left_out])


def _texts_in_words(graph: Graph) -> list[tuple[str, str]]:
    """What a journey says: the text in force of each template, and of those for its other means."""
    means: dict[str, dict[str, None]] = {}
    for node in graph.nodes:
        if node.template:
            means.setdefault(node.template, {}).update(dict.fromkeys(node.means))
    lines: list[tuple[str, str]] = []
    for code in sorted(graph.templates()):
        said = ", ".join(gettext(MEANS_TITLES[each]) for each in means[code])
        codes = (code, *(f"{code}.{each}" for each in means[code]))
        found = TemplateVersion.objects.filter(begins_with(), template__code__in=codes).order_by("number")
        last = {each.template.code: each.body_zh for each in found.select_related("template")}
        lines += [(gettext("Text"), f"{name} ({said}): {body}") for name, body in sorted(last.items())]
        if not last:
            lines.append((gettext("Text"), f"{code} ({said}): {gettext('no text is in force')}"))
    return lines


def _task_in_words(node: Node) -> str:
    days = gettext("within %(days)s working days") % {"days": node.span.working_days}
    told = (doer_word(node.who), action_word(node.action), days, node.say, node.say_en)
    return " · ".join(part for part in told if part)


def entry_in_words(entry: str, again: int = 0, fresh: int = 0) -> str:
    """By what customers enter a journey, whether anew, and how old a trigger may be, in the language of who
    looks."""
    if not entry:
        return gettext("the audience, as a whole")
    said = gettext("whom the bank's systems name")
    if entry != INTERFACE:
        said = gettext("by the trigger %(name)s") % {"name": trigger_word(trigger_of(entry))}
    return " · ".join([said, *entry_terms(entry, again, fresh)])


approvals.declare(
    ApprovalKind(
        START,
        _("Start of a journey"),
        asks=May.CAMPAIGN,
        decides=May.CAMPAIGN_DECIDE,
        carry_out=_start,
        described=_described,
    )
)
