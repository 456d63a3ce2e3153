"""Long jobs and rounds of this room. What they do stands in modules that are heavy to import."""

from __future__ import annotations

import logging
from contextlib import suppress

from quanke.kernel.errors import NightError
from quanke_desk.campaigns import audience_jobs as audience_jobs
from quanke_desk.campaigns import joint_jobs as joint_jobs
from quanke_desk.campaigns import journey_actions as journey_actions
from quanke_desk.campaigns import measuring as measuring
from quanke_desk.foundation.working import each

_log = logging.getLogger(__name__)


@each("journeys.minutes", "journeys")
def move_journeys() -> None:
    """Moves everybody who is due; killed anywhere, the next round goes on."""
    from quanke_desk.campaigns.models import Journey, JourneyState
    from quanke_desk.campaigns.moving import move_due

    if Journey.objects.filter(state__in=(JourneyState.RUNNING, JourneyState.DRAINING)).exists():
        move_due()


@each("campaigns.minutes", "send", apart=True)
def send() -> None:
    """Sends what is due, and waits for no journey that is being moved; before the first night nobody may be
    written to."""
    from quanke_desk.campaigns.sending import send_due

    with suppress(NightError):
        send_due()


def ask_staff() -> None:
    """Asks what became of what staff have to send."""
    from quanke_desk.campaigns import by_staff

    with suppress(NightError):
        by_staff.ask_staff()


def read_mail() -> None:
    """Hears replies to e-mail and what bounced, where the bank has set a mailbox."""
    from quanke_desk.campaigns.channels.mailbox import MailboxDown
    from quanke_desk.campaigns.mails import Heard, read_mailbox

    try:
        with suppress(NightError):
            read_mailbox(Heard())
    except MailboxDown as down:
        _log.warning("%s", down)


@each("campaigns.minutes", "answers", apart=True)
def hear_answers() -> None:
    """What others have to be asked for; whoever is slow to say it keeps no push waiting."""
    read_mail()
    ask_staff()


@each("journeys.trigger_minutes", "triggers", apart=True)
def follow_triggers() -> None:
    """Reads what the live engine decided and tells the journeys; nobody waits for it, it waits for nobody."""
    from quanke_desk.campaigns.triggering import follow

    with suppress(NightError):
        follow()


@each("campaigns.minutes", "told")
def forget_triggers() -> None:
    """Lets go of triggers that were told long ago."""
    from quanke_desk.campaigns.triggering import forget

    forget()


@each("campaigns.minutes", "left alone")
def tell_nights() -> None:
    """Tells the nights whom they may plan no offer for."""
    from quanke_desk.campaigns.leaving_alone import tell_nights as tell

    with suppress(NightError):
        tell()


@each("campaigns.minutes", "measured")
def measure_after_night() -> None:
    """Has journeys measured once a night is published."""
    with suppress(NightError):
        measuring.begin_after_night()


@each("campaigns.minutes", "counts")
def fold_counts() -> None:
    """Folds what was counted of journeys, range by range."""
    from quanke_desk.campaigns.counting import fold

    fold()


@each("campaigns.minutes", "cohorts")
def register_cohorts() -> None:
    """Registers who entered journeys one by one in the month before, once it is over."""
    from quanke_desk.campaigns import cohorts

    with suppress(NightError):
        cohorts.register_cohorts()
