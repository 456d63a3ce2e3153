"""The graph of a night: published with it, true to the facts, and asked from the command line."""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest
from click.testing import CliRunner

from quanke.bank.contracts import Purpose
from quanke.bank.home import Home
from quanke.cli import main
from quanke.customers.graph.kinds import CODES
from quanke.kernel.errors import NightError
from quanke.language import graph, rank
from quanke.language.definitions import Tag
from quanke.night import Bank
from quanke.night import night as run_night
from quanke.night.graph import linked
from tests.bank.small_bank import base, load_into, put
from tests.homes import LAST, MAY


def busiest(bank: Bank, kind: str) -> int:
    """The customer from whom most links of a kind go out."""
    links = bank.graph(LAST).store.links
    return int(np.argmax(np.bincount(links.first[links.kind == CODES[kind]])))


def ask(bank: Bank, *words: str) -> Any:
    """A command's JSON."""
    result = CliRunner().invoke(main, ["graph", *words, "--home", str(bank.home.path), "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_household_assets_add_up_at_branch_totals(bank: Bank) -> None:
    night = bank.night(LAST)
    columns = ["branch", "aum", "is_person", "household_aum", "household_head", "household_size"]
    rows = [r for r in night.read(columns).to_pylist() if r["is_person"]]
    assert any(r["household_size"] > 1 for r in rows)
    assert sum(r["household_aum"] for r in rows if r["household_head"]) == sum(r["aum"] for r in rows)
    heads: dict[str, int] = defaultdict(int)
    for row in rows:
        if row["household_head"]:
            heads[row["branch"] or ""] += row["household_aum"]
    metrics = night.table("metrics").to_pylist()
    told = {(r["metric"], r["dimension"], r["member"]): r["value"] for r in metrics}
    assert told["household_aum_total", "", ""] == told["aum_total", "", ""] == str(sum(heads.values()))
    for branch, total in heads.items():
        assert told["household_aum_total", "branch", branch] == str(total)


def test_links_of_the_sample_are_there(bank: Bank) -> None:
    store = bank.graph(LAST).store
    assert store.day == LAST and len(store.links) > 500
    names = {code: name for name, code in CODES.items()}
    seen = {names[code] for code in np.unique(store.links.kind).tolist()}
    assert {"pays_wages", "family", "refers", "supervises", "property_of", "studies_at"} <= seen
    derived = store.links.months >= 0
    assert derived.any(), "wages from an account here are found"
    assert not (store.links.first == store.links.second).any()
    assert bank.graph(MAY).day == MAY


def test_tags_agree_with_the_graph(bank: Bank) -> None:
    graph_ = bank.graph(LAST)
    profile = bank.night(LAST).read(["household_size", "body_people_known", "reached_by_body"]).to_pylist()
    employer = busiest(bank, "pays_wages")
    reached = graph_.reach(employer)
    assert reached.known and profile[employer]["body_people_known"] == reached.known
    assert all(profile[n]["reached_by_body"] for n in reached.persons.tolist())
    for number in graph_.store.members[:20, 1].tolist():
        assert profile[number]["household_size"] == len(graph_.household(number).members)


def test_attribution_names_one_body_for_each_customer(bank: Bank) -> None:
    rows = bank.night(LAST).table("attribution")
    assert rows.num_rows and pc.count_distinct(rows["customer"]).as_py() == rows.num_rows
    shares = pc.add(rows["body_share"], rows["government_share"]).to_pylist()
    assert set(shares) == {10_000}
    first = bank.night(LAST).read(["first_account_on"])["first_account_on"].take(rows["customer"])
    assert first.to_pylist() == rows["opened_on"].to_pylist()
    assert all(r["body_since"] <= r["opened_on"] for r in rows.to_pylist())


def test_findings_of_shared_devices_are_walled(bank: Bank) -> None:
    checks = bank.catalogue
    assert checks["device_shared"].purpose is Purpose.RISK
    found = bank.night(LAST).read(["shared_phone_persons", "shared_address_persons"])
    assert max(v or 0 for v in found["shared_phone_persons"].to_pylist()) >= 2


def test_the_command_line_answers(bank: Bank) -> None:
    employer, person = busiest(bank, "pays_wages"), int(bank.graph(LAST).store.members[0, 1])
    reached = ask(bank, "reach", str(employer), "--on", str(LAST))
    assert reached["known"] == sum(reached["states"].values()) > 0 and reached["name"]
    around = ask(bank, "around", str(person), "--depth", "2", "--kind", "family")
    assert {r["kind"] for r in around["links"]} == {"family"} and around["nodes"][0]["customer"] == person
    assert ask(bank, "portrait", str(employer))["paid_here"] > 0
    home = ask(bank, "household", str(person))
    assert person in home["members"] and home["head"] in home["members"]
    chains = ask(bank, "chains", str(busiest(bank, "supervises")), "--limit", "3")
    assert 0 < len(chains) <= 3 and all(c["people"] >= c["leads"] for c in chains)
    assert isinstance(ask(bank, "shared", str(person), "--purpose", "risk"), list)


@pytest.mark.parametrize(
    "words", [("reach", "0"), ("around", "0"), ("household", "0"), ("shared", "0", "--purpose", "risk")]
)
def test_tables_show_no_name_of_a_person(bank: Bank, words: tuple[str, ...]) -> None:
    store = bank.graph(LAST).store
    employer, person = str(busiest(bank, "pays_wages")), str(int(store.members[0, 1]))
    given = [employer if words[0] == "reach" and w == "0" else person if w == "0" else w for w in words]
    result = CliRunner().invoke(main, ["graph", *given, "--home", str(bank.home.path)])
    assert result.exit_code == 0, result.output
    import pyarrow.parquet as pq

    names = pq.read_table(bank.home.facts("parties")[0], columns=["name"])["name"].to_pylist()
    assert not [n for n in names if n and len(n) > 2 and n in result.output]


def test_a_walled_question_is_refused_in_one_sentence(bank: Bank) -> None:
    words = ["graph", "shared", "1", "--purpose", "marketing", "--home", str(bank.home.path)]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 1 and "serve risk and compliance" in result.stderr
    with pytest.raises(NightError):
        bank.graph(LAST + dt.timedelta(1))


def test_definitions_that_wait_for_the_graph_alone_come_first() -> None:
    def tag(name: str, value: object) -> Tag:
        return Tag(name=name, title_zh=name, title_en=name, value=value)  # type: ignore[arg-type]

    first = tag("first", graph.household_size)
    second = tag("second", first > 1)
    place = tag("place", rank(graph.household_aum))
    after = tag("after", place + 1)
    now, later = linked([first, second, place, after])
    assert [d.name for d in now] == ["first", "second"]
    assert [d.name for d in later] == ["place", "after"]


def test_a_bank_without_relations_and_wages_has_an_empty_graph(tmp_path: Path) -> None:
    home = Home.create(tmp_path / "home")
    load_into(home, base(tmp_path / "files"))
    run_night(home, LAST)
    bank = Bank(home)
    asked = bank.graph()
    assert len(asked.store.links) == 0 and bank.night().table("attribution").num_rows == 0
    company = asked.store.bodies["customer"].to_pylist()[0]
    assert asked.store.body(company)["name"] == "深圳某公司" and asked.reach(company).known == 0
    rows = (
        bank.night().read(["is_person", "household_size", "household_head", "employer_covered"]).to_pylist()
    )
    persons = [r for r in rows if r["is_person"]]
    assert persons and all(r["household_size"] == 1 and r["household_head"] for r in persons)
    assert all(r["employer_covered"] is None for r in rows)


def test_relations_of_a_partners_file_reach_the_graph(tmp_path: Path) -> None:
    files = base(tmp_path / "files")
    put(
        files,
        "relations.csv",
        "relation_id,from_source,from_party_id,to_source,to_party_id,kind,from_date,evidence",
        "1,core,100,core,2,employs,2024-01-01,partner",
        "2,core,100,card,9,employs,2024-01-01,declared",
        "3,core,100,core,1,employs,2024-02-01,partner",
    )
    home = Home.create(tmp_path / "home")
    load_into(home, files)
    run_night(home, LAST)
    asked = Bank(home).graph()
    company = asked.store.bodies["customer"].to_pylist()[0]
    links = asked.around(company, 1).links.to_pylist()
    assert [(r["evidence"], str(r["from_date"])) for r in links] == [
        ("declared+partner", "2024-01-01"),
        ("partner", "2024-01-01"),
    ], "two records of one person are one link, with both kinds of evidence"
    assert [round(r["strength"], 4) for r in links] == [1.0, 0.8]
