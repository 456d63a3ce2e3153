"""Whether the plan can learn from a campaign, told when its effect is measured: the same conditions that
learning asks (`uplift_training`), without learning."""

from __future__ import annotations

import datetime as dt

from quanke.bank.home import Home
from quanke.effects.groups import Design
from quanke.effects.uplift.outlook import Lack, Outlook
from quanke.effects.uplift.rules import DEFAULT_UPLIFT_RULES, MEANS, UpliftRules
from quanke.language.facts import UPLIFT_OFFERS
from quanke.night.effect_facts import Participants
from quanke.night.uplift_training import TOLD_OF, pushed_campaigns


def outlook_of(
    home: Home,
    name: str,
    design: Design | None,
    who: Participants,
    known: dt.date,
    rules: UpliftRules = DEFAULT_UPLIFT_RULES,
) -> Outlook:
    """What stands between a campaign and the plan. `who`: its participants; `known`: the last day of the
    facts."""
    offer = design.offer if design is not None and design.offer in UPLIFT_OFFERS else ""
    pushed = pushed_campaigns(home).get(name)
    last = None if pushed is None else max(pushed[1], design.until if design is not None else pushed[1])
    ready = None if last is None else last + dt.timedelta(days=rules.window.on(known))
    arms = (who.told[who.control], who.told[~who.control])
    told = all(len(arm) > 0 and bool(arm.mean() >= TOLD_OF) for arm in arms)
    by_product = design is not None and bool(design.product) and not told
    smaller = int(min(who.control.sum(), (~who.control).sum()))
    least, least_converted = rules.least_arm.on(known), rules.least_converted.on(known)
    converted = None if by_product or not told else int(who.converted.sum())
    if not offer:
        lack = Lack.NO_OFFER
    elif pushed is None or ready is None:
        lack = Lack.NO_PUSHES
    elif not set(pushed[2]) <= MEANS[offer]:
        lack = Lack.OTHER_MEANS
    elif smaller < least:
        lack = Lack.FEW_CUSTOMERS
    elif not told and not by_product:
        lack = Lack.UNTOLD
    elif ready > known:
        lack = Lack.TOO_EARLY
    elif converted is not None and converted < least_converted:
        lack = Lack.FEW_CONVERTED
    else:
        lack = Lack.NOTHING
    return Outlook(
        offer=offer, lack=lack, ready_on=ready.isoformat() if ready else "", smaller_arm=smaller,
        least_arm=least, converted=converted, least_converted=least_converted,
    )  # fmt: skip


__all__ = ["outlook_of"]
