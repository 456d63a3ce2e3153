"""Uplift on Hillstrom's e-mails: the women's mail moves some customers more than others, found on a held-out
half."""

from __future__ import annotations

import pytest
from benchmarks.effects.hillstrom import SOURCE, read

from quanke.effects import UpliftModel, auuc, policy_value, qini

pytestmark = pytest.mark.skipif(not SOURCE.exists(), reason=f"no Hillstrom data: {SOURCE} is absent")


def test_whom_the_womens_mail_moves_is_found() -> None:
    mail = read("women")
    assert len(mail.visit) == 21_387 + 21_306
    assert mail.visit[mail.treated].mean() == pytest.approx(0.15140, abs=5e-6)
    assert mail.visit[~mail.treated].mean() == pytest.approx(0.10617, abs=5e-6)
    inside = mail.half(0)
    model = UpliftModel("line").fit(mail.rows[inside], mail.treated[inside], mail.visit[inside])
    held = (mail.visit[~inside], mail.treated[~inside], model.predict(mail.rows[~inside]))
    found = qini(*held)
    assert found.low > 0.02 and found.value > 0.05
    assert auuc(*held).low > 0
    best = policy_value(*held, share=0.5, propensity=0.5)
    assert best.over_lot.low > 0
    assert best.over_none.value > 0.6 * (best.treat_all.value - best.treat_none.value)
