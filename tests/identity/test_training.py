"""Learning a model: a block that teaches nothing is passed over, and never stops a night."""

from __future__ import annotations

from typing import Any

import pytest
from splink.internals.linker_components.training import LinkerTraining

from quanke.customers.identity import default_model, normalise, train
from tests.identity.people import record, table

GIVEN = "伟芳娜敏静丽强磊军洋艳勇杰娟涛明超秀兰霞平刚桂英华玉萍红玲建辉鹏飞宇浩"


def many() -> list[dict[str, object]]:
    """Five hundred and fifty people, each known twice by the same phone."""
    found: list[dict[str, object]] = []
    for place in range(550):
        name = "王李张刘陈杨赵黄周吴"[place % 10] + GIVEN[place % len(GIVEN)] + GIVEN[place * 7 % len(GIVEN)]
        known: dict[str, Any] = {
            "birth_date": f"{1950 + place % 50}-{1 + place % 12:02d}-{1 + place % 28:02d}",
            "phone": f"138{place * 97 + 10_000_000:08d}",
        }
        found += [record(name, **known, sex="male"), record(name, **known, city="深圳市")]
    return found


def test_a_block_that_splink_refuses_teaches_nothing_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = normalise(table(many()))
    assert train(rows).m != default_model().m, "with its blocks the model learns"

    def refuse(*_: object, **__: object) -> None:
        raise ValueError("m_probability value 0.0 is below the minimum allowed value of 1e-300")

    monkeypatch.setattr(LinkerTraining, "estimate_parameters_using_expectation_maximisation", refuse)
    model = train(rows)
    assert model.trained_on > 0
    assert model.m == default_model().m
