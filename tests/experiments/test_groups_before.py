"""Groups an effect is told by are those of the day before: the channel a customer had agreed to, his post."""

from __future__ import annotations

import datetime as dt

import numpy as np

from quanke.night.effect_facts import Labels, Participants
from quanke.night.effect_groups import channel_of


def participants(means: tuple[str, ...], count: int = 6) -> Participants:
    no = np.zeros(count, np.bool_)
    return Participants(
        customers=np.arange(count), arm=Labels(np.arange(count) % 2, ("control", "treated")), reached=no,
        pushed=no, converted=no, told=~no, first=dt.date(2026, 4, 1), means=means,
    )  # fmt: skip


def test_the_first_means_somebody_had_agreed_to() -> None:
    before = {
        "agrees_sms": np.array([1.0, 1.0, 0.0, 0.0, np.nan, 1.0]),
        "agrees_push": np.array([1.0, 0.0, 1.0, 0.0, 1.0, np.nan]),
    }
    found = channel_of(participants(("push", "sms")), before)
    assert [found.names[c] for c in found.codes] == ["push", "sms", "push", "-", "push", "sms"]
    turned = channel_of(participants(("sms", "push")), before)
    assert [turned.names[c] for c in turned.codes] == ["sms", "sms", "push", "-", "push", "sms"]


def test_of_one_means_or_unknown_consents_no_channels_are_told() -> None:
    one = {"agrees_sms": np.ones(6)}
    assert channel_of(participants(("sms",)), one).present == []
    assert channel_of(participants(("sms", "push")), one).present == []
