"""Actions as definitions of the language: for whom, and what each is worth."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import reduce

from quanke.bank.contracts import Purpose, Sensitivity
from quanke.language import (
    Tag,
    days,
    facts,
    greatest,
    largest,
    latest,
    least,
    minor_units,
    nothing,
    to_rate,
    when,
)
from quanke.language.expressions import Expression, Operators
from quanke.language.nodes import Literal
from quanke.language.types import MONEY, RATE, Kind
from quanke.plans.actions.action import Action, Means
from quanke.plans.actions.gates import gates_of

TRIED_DAYS = 100
"""How far back it is looked whether something suggested was tried: longer than any suggestion stays open."""
NO_OUTCOME = "none"
"""Stands for an outcome nobody took down, so that the last contact counts and not the last known outcome."""
_NONE, _SURE = Decimal(0), Decimal(1)


def value_name(action: str) -> str:
    """Name of the column that holds what an action is worth."""
    return f"value_{action}"


def done_name(action: str) -> str:
    """Name of the column that says whether nothing is left to do."""
    return f"done_{action}"


def tried_names(means: str) -> tuple[str, str]:
    """Names of the columns with the last contact by a means, and with its outcome."""
    return f"tried_{means}_on", f"tried_{means}_outcome"


def worth(action: Action, day: dt.date) -> Expression:
    """What an action is worth: chance (between 0 and 1) times gain, less its cost on a day. Money; unknown
    where either is."""
    chance = to_rate(action.chance) if action.chance.type.kind is Kind.NUMBER else action.chance
    if not isinstance(chance.node, Literal):
        chance = when(chance.is_null(), nothing(RATE)).otherwise(least(greatest(chance, _NONE), _SURE))
    return action.gain * chance - minor_units(action.cost.on(day))


def action_definitions(actions: Sequence[Action], day: dt.date) -> list[Tag]:
    """Definitions for the actions that are offered on a day: `value_<name>` (fen; null for whom it is not),
    `done_<name>`, and for each means the last contact and its outcome."""
    offered = [action for action in actions if action.offered(day)]
    found = [_value(action, day) for action in offered]
    found += [_done(action, action.done) for action in offered if action.done is not None]
    for means in dict.fromkeys(action.means for action in offered):
        found += _tried(means)
    return found


def _value(action: Action, day: dt.date) -> Tag:
    conditions = [gate.condition for gate in gates_of(action)]
    holds = _all([*conditions, action.eligible])
    return Tag(
        name=value_name(action.name),
        title_zh=f"{action.title_zh}的预期价值",
        title_en=f"Worth of: {action.title_en}",
        value=when(holds, worth(action, day)).otherwise(nothing(MONEY)),
        purpose=action.purpose,
        sensitivity=Sensitivity.C2,
    )


def _done(action: Action, condition: Expression) -> Tag:
    return Tag(
        name=done_name(action.name),
        title_zh=f"{action.title_zh}：已无须再做",
        title_en=f"Nothing left to do: {action.title_en}",
        value=condition,
        purpose=Purpose.SERVICE,
        sensitivity=Sensitivity.C2,
    )


def _tried(means: Means) -> list[Tag]:
    contact = facts.contacts
    on, outcome = tried_names(means)
    told = contact.outcome.otherwise(NO_OUTCOME)
    # nobody was reached: that was no try
    made = (contact.means == str(means)) & (told != "no_answer")
    return [
        Tag(
            name=on,
            title_zh=f"最近{means}接触日",
            title_en=f"Last contact by {means}",
            value=largest(contact.day).where(made).within(days(TRIED_DAYS)),
        ),
        Tag(
            name=outcome,
            title_zh=f"最近{means}接触结果",
            title_en=f"Outcome of the last contact by {means}",
            value=latest(told).where(made).within(days(TRIED_DAYS)),
        ),
    ]


def _all(conditions: Iterable[Operators]) -> Operators:
    return reduce(lambda left, right: left & right, conditions)
