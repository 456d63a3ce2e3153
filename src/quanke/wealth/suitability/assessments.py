"""Risk assessments (SUI-2): how long one holds, when the next is allowed, which class is in force."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from quanke.kernel.calendars import add_months
from quanke.wealth.suitability.decision import TOO_OFTEN, UNCONFIRMED, Decision, decided
from quanke.wealth.suitability.parameters import STANDARD_PARAMETERS, SuitabilityParameters

YEAR = 12


def assessment_valid(
    assessed_on: dt.date | None, day: dt.date, parameters: SuitabilityParameters = STANDARD_PARAMETERS
) -> bool | None:
    """Whether an assessment holds on a day, its corresponding day included; None where it is not known when
    (or whether) one was made. One of a later day does not hold yet."""
    if assessed_on is None:
        return None
    return assessed_on <= day <= add_months(assessed_on, parameters.valid_months.on(day))


def _room(days: Sequence[dt.date], day: dt.date, parameters: SuitabilityParameters) -> bool:
    same = sum(d == day for d in days)
    # an assessment counts for 12 months, and no longer on the corresponding day [assume]
    within = sum(d <= day < add_months(d, YEAR) for d in days)
    return same < parameters.assessments_a_day.on(day) and within < parameters.assessments_a_year.on(day)


def assessments_from(
    days: Sequence[dt.date], day: dt.date, parameters: SuitabilityParameters = STANDARD_PARAMETERS
) -> dt.date:
    """The first day from `day` on on which a customer may be assessed again. `days`: of all his assessments
    so far, in the whole institution (not the branch), in any order."""
    known = [d for d in days if d <= day]
    steps = {day, day + dt.timedelta(1), *(add_months(d, YEAR) for d in known)}
    return min(d for d in steps if d >= day and _room(known, d, parameters))


def assessment_allowed(
    days: Sequence[dt.date], day: dt.date, parameters: SuitabilityParameters = STANDARD_PARAMETERS
) -> Decision:
    """Whether a customer may be assessed (once more) on a day: at most 2 that day and 8 in 12 months."""
    known = sorted(d for d in days if d <= day)
    allowed = _room(known, day, parameters)
    inputs = {"assessments": tuple(d.isoformat() for d in known)}
    return decided([] if allowed else [TOO_OFTEN], parameters.version(day), day, inputs)


def class_in_force(
    before: int | None,
    after: int,
    confirmed: bool | None,
    day: dt.date,
    parameters: SuitabilityParameters = STANDARD_PARAMETERS,
) -> tuple[int | None, Decision]:
    """The class that holds after an assessment: a changed one must be confirmed, and until then the lower of
    the two is what the customer is treated as, with a decision of REVIEW."""
    changed = before is not None and before != after
    waits = changed and confirmed is not True and parameters.changed_confirmed.on(day) == 1
    inputs = {"before": before, "after": after, "confirmed": confirmed}
    decision = decided([UNCONFIRMED] if waits else [], parameters.version(day), day, inputs)
    return (min(before, after) if waits and before is not None else after), decision
