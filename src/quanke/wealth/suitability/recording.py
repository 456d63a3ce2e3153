"""What a sale needs before it is taken into the books: recording (SUI-4), an elder's time and call-back."""

from __future__ import annotations

import datetime as dt

from quanke.kernel.calendars import add_months
from quanke.wealth.suitability import decision as rules
from quanke.wealth.suitability.decision import Decision, Verdict, decided
from quanke.wealth.suitability.parameters import STANDARD_PARAMETERS, SuitabilityParameters


def sale_accepted(
    judged: Decision,
    *,
    in_sales_area: bool,
    recording_id: str | None,
    warned_at: dt.datetime | None = None,
    at: dt.datetime | None = None,
    called_back: bool | None = None,
    parameters: SuitabilityParameters = STANDARD_PARAMETERS,
) -> Decision:
    """Whether a sale may be recorded after suitability was judged.

    In the sales area a recording number is needed. Where special care is due, the time to think since
    `warned_at` must have gone by at `at` (both with or both without a zone), and the call-back be done; what
    is not known has not happened.
    """
    found = [f.rule for f in judged.findings if f.verdict in (Verdict.BLOCK, Verdict.REVIEW)]
    if in_sales_area and not (recording_id or "").strip():
        found.append(rules.NOT_RECORDED)
    if any(f.rule is rules.ELDER_CARE for f in judged.findings):
        hours = dt.timedelta(hours=parameters.thinking_hours.on(judged.on))
        if warned_at is None or at is None or at - warned_at < hours:
            found.append(rules.THINKING)
        if called_back is not True:
            found.append(rules.NOT_CALLED)
    inputs = {
        "in_sales_area": in_sales_area,
        "recording_id": recording_id,
        "warned_at": None if warned_at is None else warned_at.isoformat(),
        "at": None if at is None else at.isoformat(),
        "called_back": called_back,
    }
    return decided(found, parameters.version(judged.on), judged.on, {**dict(judged.inputs), **inputs})


def recording_kept_until(
    ended_on: dt.date | None, parameters: SuitabilityParameters = STANDARD_PARAMETERS
) -> dt.date | None:
    """The last day a recording must be kept; None (kept on) while the product has not ended."""
    return None if ended_on is None else add_months(ended_on, parameters.recording_months.on(ended_on))
