"""Walls: what a purpose may not see it is not given, in the graph and in the language."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from quanke.bank.contracts import Purpose
from quanke.customers.graph.groups import GROUP_KINDS
from quanke.customers.graph.kinds import BY_NAME, CODES, KINDS, NARROW
from quanke.customers.graph.profile import OPEN_MEMBERS
from quanke.customers.graph.store import UNDER_14, no_groups
from quanke.customers.tags.graph import TAGS, household_aum, shared_device_persons
from quanke.kernel.errors import AudienceError, DefinitionError, QuankeError
from quanke.language import Catalogue, Metric, Tag, count, customers, facts, graph, total
from quanke.language.audience import parse_audience
from quanke.language.declarations import read_definitions
from quanke.night import standard_catalogue
from tests.graph.small_graph import Link, Small

RISK_FIELDS = ("device_group_size", "address_group_size", "phone_group_size")


@pytest.mark.parametrize("field", RISK_FIELDS)
@pytest.mark.parametrize("purpose", [Purpose.MARKETING, Purpose.SERVICE, Purpose.STATISTICS])
def test_a_tag_that_reads_a_shared_device_is_refused_when_declared(field: str, purpose: Purpose) -> None:
    with pytest.raises(DefinitionError, match=f"graph.{field} may be read for compliance, risk only"):
        Tag(name="x", title_zh="某", title_en="X", value=getattr(graph, field) > 1, purpose=purpose)
    Tag(name="x", title_zh="某", title_en="X", value=getattr(graph, field) > 1, purpose=Purpose.RISK)


def test_a_campaign_cannot_use_the_tag_either(tmp_path: Path) -> None:
    spying = Tag(
        name="spying",
        title_zh="窥探",
        title_en="Spying",
        value=shared_device_persons > 1,
        purpose=Purpose.MARKETING,
    )
    with pytest.raises(DefinitionError, match="may not use shared_device_persons"):
        Catalogue((*TAGS, spying))
    with pytest.raises(AudienceError, match="may be used for compliance, risk only"):
        parse_audience("shared_device_persons > 1", standard_catalogue(), purpose=Purpose.MARKETING)
    file = tmp_path / "more.yaml"
    file.write_text(
        "purpose: marketing\ntags:\n  x:\n    zh: 某\n    en: X\n    value: graph.phone_group_size\n",
        encoding="utf-8",
    )
    with pytest.raises(DefinitionError, match=r"graph\.phone_group_size may be read for"):
        read_definitions(file, standard_catalogue())


def test_a_wall_holds_by_way_of_a_service_tag() -> None:
    """Families are for service: a campaign may read them neither directly nor through a tag."""
    with pytest.raises(DefinitionError, match=r"graph\.household_aum may be read for"):
        Tag(name="x", title_zh="某", title_en="X", value=graph.household_aum > 0, purpose=Purpose.MARKETING)
    step = Tag(name="step", title_zh="一", title_en="Step", value=household_aum > 0)
    rich = Tag(name="rich", title_zh="富", title_en="Rich", value=step, purpose=Purpose.MARKETING)
    assert Purpose.MARKETING not in Catalogue((*TAGS, step)).purposes("step")
    with pytest.raises(DefinitionError, match="step stands on fields for"):
        Catalogue((*TAGS, step, rich))
    with pytest.raises(AudienceError, match="`household_aum` may be used for"):
        parse_audience("household_aum > 1", standard_catalogue(), purpose=Purpose.MARKETING)
    parse_audience("household_aum > 1", standard_catalogue(), purpose=Purpose.SERVICE)
    parse_audience("employer_covered", standard_catalogue(), purpose=Purpose.MARKETING)


def test_what_the_graph_gives_is_counted_by_way_of_a_tag() -> None:
    for wrong in (
        lambda: count(graph),
        lambda: total(graph.household_aum),
        lambda: count(customers).where(graph.household_head),
    ):
        with pytest.raises(DefinitionError):
            wrong()
    tag = Tag(name="x", title_zh="某", title_en="X", value=graph.household_head)
    Metric(name="y", title_zh="某数", title_en="Y", value=count(customers).where(tag))
    with pytest.raises(DefinitionError, match="has no field"):
        graph.shoe_size  # noqa: B018
    with pytest.raises(DefinitionError, match="no fact table"):
        facts.graph  # noqa: B018


def test_sensitive_kinds_serve_no_campaign() -> None:
    for name in ("patient_of", "guarantees", "authorises", "transfers"):
        assert BY_NAME[name].purposes == NARROW
    assert not BY_NAME["family"].allows(Purpose.MARKETING)
    assert CODES["patient_of"] not in OPEN_MEMBERS
    assert len(KINDS) <= 16, "a person's kinds are bits of sixteen"
    assert not set(GROUP_KINDS) & {kind.name for kind in KINDS}, "what is shared is no link"


def test_patients_and_children_are_not_shown_to_a_campaign(tmp_path: Path) -> None:
    small = Small(
        ["hospital", "person", "person", "person"],
        [Link(1, 0, "patient_of"), Link(2, 0, "studies_at"), Link(0, 3, "employs")],
        flags=[0, 64, 64 | UNDER_14, 64],
    )
    asked = small.stored(tmp_path / "graph")
    assert asked.reach(0).persons.tolist() == [1, 2, 3]
    assert asked.reach(0, purpose=Purpose.MARKETING).persons.tolist() == [3]
    assert asked.around(0, 1, purpose=Purpose.MARKETING).nodes["customer"].to_pylist() == [0, 3]
    assert asked.around(2, 2, purpose=Purpose.STATISTICS).nodes["customer"].to_pylist() == [2]
    with pytest.raises(QuankeError, match="patient_of may be seen for compliance, risk, service only"):
        asked.reach(0, kinds=("patient_of",), purpose=Purpose.MARKETING)


def test_a_lead_without_consent_is_not_listed_for_marketing(tmp_path: Path) -> None:
    small = Small(["business", "person", "person"], [Link(0, n, "employs") for n in (1, 2)], flags=[0, 64, 0])
    asked = small.stored(tmp_path / "graph")
    service, marketing = asked.reach(0), asked.reach(0, purpose=Purpose.MARKETING)
    assert service.people()["customer"].to_pylist() == [1, 2] and service.withheld == 0
    assert marketing.people()["customer"].to_pylist() == [1] and marketing.withheld == 1
    assert marketing.states == service.states and marketing.leads_with_consent == 1


def test_groups_are_for_risk_and_compliance(tmp_path: Path) -> None:
    rows = [{"kind": "shares_device", "group": 1, "customer": n, "size": 2, "huge": False} for n in (0, 1)]
    small = Small(["person"] * 3, [])
    asked = small.stored(tmp_path / "graph", groups=pa.Table.from_pylist(rows, no_groups().schema))
    assert asked.groups(0, purpose=Purpose.RISK)["customer"].to_pylist() == [0, 1]
    assert asked.groups(2, purpose=Purpose.COMPLIANCE).num_rows == 0
    for purpose in (Purpose.SERVICE, Purpose.MARKETING, Purpose.STATISTICS):
        with pytest.raises(QuankeError, match="risk and compliance"):
            asked.groups(0, purpose=purpose)
