"""The life of a proposal: which step may follow which, told by the events that happened to it.

    draft -> approved -> applying -> applied -> undoing -> undone
      |         |
      +-> refused (from draft or approved; from applying where none of its rows was taken)

An edit makes a new version and takes an approval back. An event never changes; the state is what all events
together say. `applying` and `undoing` are there so that a machine that dies half-way goes on with the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from quanke.kernel.errors import BookError

STATES = ("draft", "approved", "applying", "applied", "undoing", "undone", "refused")
STEPS: dict[str, tuple[tuple[str, ...], str]] = {
    "proposed": ((), "draft"),
    "edited": (("draft", "approved"), "draft"),
    "approved": (("draft",), "approved"),
    "refused": (("draft", "approved", "applying"), "refused"),
    "applying": (("approved", "applying"), "applying"),
    "applied": (("applying",), "applied"),
    "undoing": (("applied", "undoing"), "undoing"),
    "undone": (("undoing",), "undone"),
}
"""Each kind of event: the states it may happen in, and the state it leads to."""
_WHY_NOT = {
    "draft": "it has not been approved",
    "approved": "it is approved and not applied",
    "applying": "it is being applied: run `quanke books apply` again to finish that",
    "applied": "it has been applied",
    "undoing": "it is being undone: run `quanke books undo` again to finish that",
    "undone": "it has been undone",
    "refused": "it was refused",
}


@dataclass(frozen=True)
class Standing:
    """Where a proposal stands after its events: `state`, the `version` in force (from 1), who proposed,
    edited and approved it, and the day from which it holds once it is being applied ("" before)."""

    state: str
    version: int
    authors: tuple[str, ...]
    approved_by: str = ""
    effective: str = ""


def standing_of(events: Sequence[dict[str, Any]]) -> Standing:
    """The standing after `events`, oldest first. Raises BookError where one cannot follow the other."""
    now = Standing("", 0, ())
    for event in events:
        now = after(now, event)
    return now


def after(now: Standing, event: dict[str, Any]) -> Standing:
    """The standing after one more event: `kind`, `by`, and of some kinds `version`, `effective`.

    Raises BookError, saying where the proposal stands, where the event may not happen.
    """
    kind, by = str(event["kind"]), str(event["by"]).strip()
    if kind not in STEPS:
        raise BookError(f"a proposal knows no event {kind!r}")
    before, state = STEPS[kind]
    if now.state not in (before or ("",)):
        done = {"applying": "applied", "undoing": "undone"}.get(kind, kind)
        raise BookError(f"the proposal cannot be {done}: {_WHY_NOT.get(now.state, 'there is none')}")
    if not by:
        raise BookError("who does it has to be said")
    version = int(event.get("version", now.version))
    if kind in ("proposed", "edited"):
        if version != now.version + 1:
            raise BookError("somebody else changed the proposal meanwhile: look at it again")
        return Standing(state, version, tuple(dict.fromkeys((*now.authors, by))))
    if version != now.version:
        raise BookError(f"version {version} is not the last one ({now.version}): look at it again")
    approved = by if kind == "approved" else now.approved_by
    if kind == "approved" and by in now.authors:
        raise BookError("four eyes: who proposed or edited it may not approve it (BK-5)")
    effective = str(event.get("effective", now.effective))
    if now.effective and effective != now.effective:
        raise BookError(f"it is being applied from {now.effective}: no other day can be given now")
    return Standing(state, version, now.authors, approved, effective)
