"""Long jobs and rounds of this room. What they do stands in modules that are heavy to import."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from quanke_desk.foundation.jobs import Running, job
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May
from quanke_desk.foundation.working import each


@job("outbox.replay", title=_("Send refused rows again"), may=May.SETTINGS)
def replay_refused(running: Running) -> dict[str, Any]:
    """At least once: what was taken is not in quarantine any more, and is not sent again."""
    from quanke_desk.foundation.delivery import deliver, replay

    done = replay()
    after = deliver()
    if waits := done.waits or after.waits:
        raise NotAllowed(waits)
    return {"taken": done.taken + after.taken, "refused": done.refused + after.refused}


@job("outbox.deliver", title=_("Delivery to the bank's tables"), may=May.SETTINGS)
def deliver_now(running: Running) -> dict[str, Any]:
    """At least once: batches and their files never change, and the loader skips what it knows."""
    from quanke_desk.foundation.delivery import deliver

    done = deliver()
    if done.waits:
        raise NotAllowed(done.waits)
    return {"taken": done.taken, "refused": done.refused}


@job("vault.rotate", title=_("Rotation of encryption keys"), may=May.SETTINGS)
def rotate_keys(running: Running) -> dict[str, Any]:
    """See `rotation.rotate`: chunks that go on where they were kept."""
    from quanke_desk.foundation.rotation import rotate

    return rotate(running)


@job("people.bring", title=_("Bringing branches, posts and people from the bank's tables"), may=May.PEOPLE)
def bring_people(running: Running) -> dict[str, Any]:
    """As `quanke-desk bring_bank`: repeatable, and what was decided at the desk stays."""
    from quanke.kernel.errors import QuankeError
    from quanke_desk.foundation.brought import bring_bank

    try:
        return dict(bring_bank())
    except QuankeError as error:
        raise NotAllowed(
            "the bank's tables do not fit together: run quanke-desk bring_bank to see where"
        ) from error


@each("people.minutes", "people")
def bring_changes() -> None:
    """Brings what the bank's tables of branches, posts and people say, once they say something new: who left
    there loses his seats and sessions here the same day."""
    from quanke_desk.foundation.brought import bring_new

    bring_new()


@each("outbox.minutes", "deliver")
def deliver_waiting() -> None:
    """Delivers what waits; a home that is being written is tried again in the next round."""
    from quanke_desk.foundation.delivery import deliver, something_waits

    if something_waits():
        deliver()


@each("events.minutes", "events")
def tell_broker() -> None:
    """Tells the configured broker what is new."""
    from quanke_desk.foundation.events import configured, publish

    if where := configured():
        publish(where)
