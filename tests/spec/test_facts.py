"""Every case of aggregates, windows, places and metrics, on every engine that reads a bank's tables."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

import pytest

from quanke.engines.spark.session import why_no_spark, without_values
from quanke.kernel.errors import QuankeError
from tests.spec.banks import Bank, InDuckDB, InMemory, InSpark
from tests.spec.cases.facts import FactCase, every_fact_case
from tests.spec.tables import shown
from tests.spec.together import apart, together

CASES = every_fact_case()
IN_COMPANY = sorted((c for c in CASES if not c.alone), key=lambda c: (c.on, c.earlier != ""))
SPARK = pytest.mark.skipif(bool(why_no_spark()), reason=why_no_spark() or "Spark is there")


def check(engine: str, case: FactCase, found: Mapping[str, Mapping[Any, Any]]) -> None:
    """All values, told in the manual's words where they differ."""
    key = "group" if "group" in case.wanted.columns else "customer"
    keys = case.wanted.columns.get(key, [None])
    for definition in case.shown:
        of = definition.result
        values = found[definition.name]
        if key == "customer" and not case.metrics:
            assert sorted(values) == sorted(case.given["customers"].columns["customer"])
        for which, right in zip(keys, case.wanted.columns[definition.name], strict=True):
            told = f"{definition.name} of {which}: {shown(values[which], of)} instead of {shown(right, of)}"
            assert values[which] == right, f"{engine}, {case}: {told}"
            assert type(values[which]) is type(right), told


def check_together(bank: Bank, at_once: int = 100) -> None:
    """All cases that bear company, those of one day in one statement."""
    for _, chunk in groupby(IN_COMPANY, key=lambda c: (c.on, c.earlier != "")):
        cases = list(chunk)
        for start in range(0, len(cases), at_once):
            some = cases[start : start + at_once]
            found = bank.values(together(some))
            for place, case in enumerate(some):
                check(bank.name, case, apart(found, place, case))


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("bank", [InMemory(), InDuckDB()], ids=lambda bank: bank.name)
def test_facts(bank: Bank, case: FactCase) -> None:
    check(bank.name, case, bank.values(case))


@pytest.mark.parametrize("bank", [InMemory(), InDuckDB()], ids=lambda bank: bank.name)
def test_facts_together(bank: Bank) -> None:
    check_together(bank)


@SPARK
def test_facts_together_on_spark() -> None:
    check_together(InSpark(), at_once=12)


@SPARK
@pytest.mark.parametrize("case", [c for c in CASES if c.alone], ids=str)
def test_facts_on_spark(case: FactCase) -> None:
    try:
        with without_values():
            found = InSpark().values(case)
    except QuankeError as error:
        # Rows are added up in whatever pieces they lie in: a sum beyond 64 bits on its way is loud or right.
        assert case.loud == "spark" and "does not fit its type" in str(error), error
    else:
        check("spark", case, found)
