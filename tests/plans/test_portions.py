"""A base in portions: where they are worked on decides nothing, and the plan is as good as one machine's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from quanke.engines.spark.session import why_no_spark
from quanke.kernel.errors import AllocationError
from quanke.plans import Limit, allocate
from quanke.plans.contradiction import WHOLE
from quanke.plans.portions import Frame, TablePortions, planned_over
from tests.plans.instances import kept

N, ACTIONS = 6_000, 10
MINUTES = np.array([0, 0, 0, 5, 5, 10, 10, 15, 20, 30])


def base(n: int = N) -> tuple[pa.Table, np.ndarray, np.ndarray, list[Limit], Frame]:
    """Customers with managers, branches, a monthly contact for some: as a table, and in arrays."""
    draw = np.random.default_rng(8)
    values = (np.exp(draw.normal(0, 0.6, (n, 1))) * draw.random((n, ACTIONS)) * 9).astype(np.float32)
    eligible = draw.random((n, ACTIONS)) < 0.8
    eligible[:, 4] = True
    manager = draw.integers(-1, 60, n)
    branch = np.maximum(manager, 0) // 10
    must = np.where(draw.random(n) < 0.2, 1.0, np.nan)
    minutes, floors = np.full(60, 700.0), np.full(6, 150.0)
    contact, offer = MINUTES > 0, np.arange(ACTIONS) % 3 == 1
    limits = [
        Limit("minutes", minutes, MINUTES, manager),
        Limit("branch", None, offer, branch, floors),
        Limit("text", 1_500.0, np.arange(ACTIONS) < 3),
        Limit("rhythm", None, contact, np.where(must == 1, np.arange(n), -1), 1.0),
    ]
    frame = Frame(
        (
            Limit("minutes", minutes, MINUTES, "manager"),
            Limit("branch", None, offer, "branch", floors),
            Limit("text", 1_500.0, np.arange(ACTIONS) < 3),
        ),
        (Limit("rhythm", None, contact, at_least="must"),),
        k=2,
    )
    lists = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel(), mask=~eligible.ravel()), ACTIONS).cast(
        pa.list_(pa.float32())
    )
    table = pa.table(
        {
            "customer": np.arange(n),
            "values": lists,
            "manager": manager,
            "branch": branch,
            "must": pa.array(must, from_pandas=True),
        }
    )
    return table, values, eligible, limits, frame


def cut(table: pa.Table, portions: int) -> list[pa.Table]:
    return [table.take(pa.array(np.arange(at, len(table), portions))) for at in range(portions)]


@pytest.mark.parametrize("portions", [1, 7])
def test_portions_add_up_to_a_plan_of_everybody(portions: int) -> None:
    """It keeps every limit to the unit, lies under its bound, and is worth what `allocate` finds."""
    table, values, eligible, limits, frame = base()
    tables = cut(table, portions)
    here = TablePortions(tables, frame)
    found = planned_over(here, frame)
    chosen = np.empty((N, 2), np.int16)
    for at, part in enumerate(here.plan(found)):
        chosen[np.arange(at, N, portions)] = part
    assert kept(chosen, values, limits, eligible, 2) == pytest.approx(found.value, rel=1e-9)
    plan = allocate(values, limits, eligible, 2)
    assert found.value <= plan.bound and plan.value <= found.bound
    assert found.gap <= 0.004 and abs(found.value - plan.value) <= 0.003 * plan.value
    again = planned_over(TablePortions(tables, frame), frame)
    assert np.array_equal(again.price, found.price) and np.array_equal(again.chosen, found.chosen)


def test_few_moved_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only every fourth customer may be moved, the limits hold as well."""
    import quanke.plans.portions as portions

    table, values, eligible, limits, frame = base()
    monkeypatch.setattr(portions, "stride_of", lambda customers, rows: 4)
    here = TablePortions(cut(table, 7), frame)
    found = planned_over(here, frame)
    assert len(found.moved) < N / 3
    chosen = np.empty((N, 2), np.int16)
    for at, part in enumerate(here.plan(found)):
        chosen[np.arange(at, N, 7)] = part
    assert kept(chosen, values, limits, eligible, 2) == pytest.approx(found.value, rel=1e-9)
    assert found.gap <= 0.02


def test_what_contradicts_itself_is_named_over_portions_too() -> None:
    """Of fewer customers than above, and yet more than are looked at all at once (`WHOLE`)."""
    table, _, _, _, frame = base(1_200)
    assert len(table) * ACTIONS > WHOLE
    tables = cut(table, 3)
    one, two, three = frame.limits
    hard = Frame((one, two, replace(three, at_least=2_000.0)), frame.own, frame.k)
    with pytest.raises(AllocationError, match="contradict") as raised:
        planned_over(TablePortions(tables, hard), hard)
    assert set(raised.value.conflict) == {("text", 0, "capacity"), ("text", 0, "at_least")}
    assert raised.value.relaxation == (("text", 0, "at_least", 500.0),)
    # more offers of a branch than its customers may be made
    floors = np.array([150.0, 150, 1_000, 150, 150, 150])
    hard = Frame((one, replace(two, at_least=floors), three), frame.own, frame.k)
    with pytest.raises(AllocationError, match="contradict") as raised:
        planned_over(TablePortions(tables, hard), hard)
    assert ("branch", 2, "at_least") in raised.value.conflict


@pytest.mark.slow
@pytest.mark.skipif(bool(why_no_spark()), reason=why_no_spark() or "Spark is there")
def test_spark_is_the_same_whatever_its_partitions() -> None:
    """Seven portions in one task, in seven, and in this process: the same plan to the last digit."""
    from quanke.night.plans_on_spark import plan_on_spark
    from tests.spec.engines import spark

    table, _, _, _, frame = base()
    session = spark().session
    here = TablePortions(cut(table, 7), frame)
    want = planned_over(here, frame)
    chosen = np.empty((N, 2), np.int16)
    for at, part in enumerate(here.plan(want)):
        chosen[np.arange(at, N, 7)] = part
    shuffled = table.take(pa.array(np.random.default_rng(2).permutation(N)))
    before = session.conf.get("spark.sql.shuffle.partitions")
    try:
        for partitions in (1, 7):
            session.conf.set("spark.sql.shuffle.partitions", str(partitions))
            found, rows = plan_on_spark(session.createDataFrame(shuffled), frame, 7)
            assert (found.value, found.bound) == (want.value, want.bound)
            got = rows.toArrow().sort_by("customer")
            assert np.array_equal(np.array(got["actions"].to_pylist()), chosen)
    finally:
        session.conf.set("spark.sql.shuffle.partitions", before)
