"""Rules of training and of who is spoken of: dated parameters a bank confirms for itself."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from quanke.segments.dated import Dated


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRules:
    """Each with the value in force on the last day of the data.

    `horizon`: days within which a customer acts. `fall_percent`, `fall_yuan`: a fall of AUM by so much of it
    and by so much is leaving (KPI table). `value_days`: days of margin an expected value counts.
    `consent_required`: 1 where only who agreed to profiling is scored (by default, who did not refuse).
    `look_back`: days of events before the first sheet; what looks back longer than the tables reach is no
    feature. `train_months`, `calibrate_months`: sheets to learn from, sheets to calibrate on; one is
    reported on. `least_trained`, `least_calibrated`, `least_reported`: so many customers must have acted, or
    there is no model. `least_payers`: so many customers must have paid on a second day, or there is none of
    payment activity. `staircase_from`: so many acted in calibration for an isotonic one. `negatives`: most
    customers who did not act to learn from, for each who did. `warn`, `alarm`: thousandths of PSI.
    `apart_warn`, `apart_alarm`: tenths of standard deviations between what was said and what came of it.
    """

    horizon: Dated = field(default=Dated.of(30))
    fall_percent: Dated = field(default=Dated.of(50))
    fall_yuan: Dated = field(default=Dated.of(50_000))
    value_days: Dated = field(default=Dated.of(365))
    consent_required: Dated = field(default=Dated.of(0))
    look_back: Dated = field(default=Dated.of(90))
    train_months: Dated = field(default=Dated.of(6))
    calibrate_months: Dated = field(default=Dated.of(2))
    least_trained: Dated = field(default=Dated.of(100))
    least_calibrated: Dated = field(default=Dated.of(20))
    least_reported: Dated = field(default=Dated.of(10))
    least_payers: Dated = field(default=Dated.of(1_000))
    staircase_from: Dated = field(default=Dated.of(1_000))
    negatives: Dated = field(default=Dated.of(10))
    warn: Dated = field(default=Dated.of(100))
    alarm: Dated = field(default=Dated.of(250))
    apart_warn: Dated = field(default=Dated.of(25))
    apart_alarm: Dated = field(default=Dated.of(40))


DEFAULT_RULES = ScoreRules()


@dataclass(frozen=True)
class Split:
    """As-of days of the sheets, all month-ends: what is learned from comes before what is calibrated on, and
    that before what is reported. The outcomes of each are over when the next begins."""

    train: tuple[dt.date, ...]
    calibrate: tuple[dt.date, ...]
    report: dt.date
    horizon: int

    @property
    def days(self) -> tuple[dt.date, ...]:
        """All of them, rising."""
        return (*self.train, *self.calibrate, self.report)


def split_of(last: dt.date, first: dt.date, rules: ScoreRules = DEFAULT_RULES) -> Split | None:
    """The sheets to use where outcomes are known through `last` and features from `first` on; None where
    there is not enough time between them for one sheet of each kind."""
    length = rules.horizon.on(last)
    horizon = dt.timedelta(days=length)
    ends = [day for day in _month_ends(first, last) if day + horizon <= last]
    if not ends:
        return None
    report = ends[-1]
    before = [day for day in ends[:-1] if day + horizon <= report]
    calibrate = before[-rules.calibrate_months.on(last) :]
    while calibrate:
        train = [day for day in before if day < calibrate[0] and day + horizon <= calibrate[0]]
        if train:
            return Split(tuple(train[-rules.train_months.on(last) :]), tuple(calibrate), report, length)
        calibrate = calibrate[1:]
    return None


def _month_ends(first: dt.date, last: dt.date) -> list[dt.date]:
    """Month-ends of `first` to `last`, both included."""
    found: list[dt.date] = []
    month = first.year * 12 + first.month
    while True:
        end = dt.date(month // 12, month % 12 + 1, 1) - dt.timedelta(days=1)
        if end > last:
            return found
        if end >= first:
            found.append(end)
        month += 1
