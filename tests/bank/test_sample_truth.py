"""What truth/ says of the sample bank can be found again in its tables."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Any

from tests.bank.conftest import Query

LAST = date(2026, 6, 30)
FIRST = date(2025, 7, 1)


def one(rows: list[tuple[Any, ...]]) -> Any:
    (row,) = rows
    return row[0]


def test_every_record_is_somebody(ask: Query) -> None:
    assert one(ask("SELECT count(*) FROM true_who_is_who")) == one(
        ask("SELECT count(DISTINCT (source, party_id)) FROM parties")
    )
    assert one(ask("SELECT count(DISTINCT person) FROM true_who_is_who")) == 4_000
    most = ask("SELECT DISTINCT count(*) AS records FROM true_who_is_who GROUP BY person ORDER BY 1")
    assert [row[0] for row in most][:4] == [1, 2, 3, 4]
    variants = ask("""SELECT count(*) FROM (
        SELECT person FROM parties JOIN true_who_is_who USING (source, party_id)
        GROUP BY 1 HAVING count(DISTINCT name) > 1)""")
    assert one(variants) > 10
    numbers = ask("""SELECT count(*) FROM (
        SELECT id_number FROM parties JOIN true_who_is_who USING (source, party_id)
        WHERE id_number IS NOT NULL GROUP BY 1 HAVING count(DISTINCT person) > 1)""")
    assert one(numbers) == 0, "one number, one person"


def test_dirty_records_are_what_they_are_said_to_be(ask: Query) -> None:
    def values(kind: str, column: str) -> set[Any]:
        return {
            row[0]
            for row in ask(f"""SELECT {column} FROM parties JOIN true_dirty_records d
            ON d.key = source || '|' || party_id AND d."table" = 'parties' AND d.kind = '{kind}'""")
        }

    assert values("missing_name", "name") <= {None}
    assert values("missing_phone", "phone") == {None}
    assert values("malformed_phone", "phone") == {"12345"}
    assert values("unknown_sex", "sex") <= {"X"}
    assert values("unknown_branch", "branch_id") <= {"999999999"}
    assert all(day > LAST for day in values("opened_in_future", "opened_on"))
    share = one(ask("""SELECT count(*) FROM true_dirty_records WHERE "table" = 'parties'""")) / one(
        ask("SELECT count(*) FROM parties")
    )
    assert 0.002 < share < 0.012


def test_churners_leave_when_the_truth_says(ask: Query) -> None:
    rows = ask(f"""SELECT earlier.aum, later.aum FROM true_churners
        JOIN aum_on(DATE '{FIRST}') earlier USING (person) JOIN aum_on(DATE '{LAST}') later USING (person)""")
    assert len(rows) >= 10
    fell = [later < 0.6 * earlier for earlier, later in rows]
    assert sum(fell) >= 0.85 * len(fell)
    left = ask("""SELECT count(*) FROM true_churners c WHERE amount_fen > 0 AND NOT EXISTS (
        SELECT 1 FROM tx JOIN own USING (account_id) WHERE own.person = c.person AND tx.direction = 'out'
        AND tx.date = c.date AND own_name AND counterparty_bank <> 'own')""")
    assert one(left) == 0


def adjacent(days: list[date]) -> bool:
    active = sorted(set(days))
    return all((later - earlier).days <= 2 for earlier, later in pairwise(active))


def test_planted_splits_match_the_patterns_of_the_rule_book(ask: Query) -> None:
    groups: dict[tuple[int, str, bool], list[tuple[Any, ...]]] = {}
    rows = ask("""SELECT "group", pattern, hit, person, date, amount_minor_units, account_id
        FROM true_fx_splits ORDER BY date""")
    for group, pattern, hit, person, day, cents, account in rows:
        groups.setdefault((group, pattern, hit), []).append((person, day, cents, account))
    assert {pattern for _, pattern, hit in groups if hit} == {
        "payer_abroad", "buyers_one_payee", "settlers_one_payee", "cash_in_seven_days", "relatives",
    }  # fmt: skip
    assert any(not hit for _, _, hit in groups)
    for (_, pattern, hit), rows in groups.items():
        days = [row[1] for row in rows]
        if pattern == "cash_in_seven_days":
            assert len(rows) == 5 and ((max(days) - min(days)).days <= 6) == hit
            assert all(900_000 <= row[2] <= 1_000_000 for row in rows)
        else:
            assert (len({row[0] for row in rows}) >= 5 and adjacent(days)) == hit
        for person, day, cents, account in rows:
            where = f"account_id = '{account}' AND date = DATE '{day}' AND amount_fen = {cents}"
            seen = ask(f"SELECT count(*) FROM tx WHERE {where}")
            assert one(seen) >= 1, (pattern, person)


def test_one_payee_gets_what_five_buyers_sent(ask: Query) -> None:
    payees = ask("""SELECT d."group", count(DISTINCT t.counterparty_account), count(DISTINCT d.person)
        FROM true_fx_splits d JOIN tx t USING (account_id)
        WHERE d.pattern = 'buyers_one_payee' AND d.hit AND t.kind = 'overseas_payment'
        AND t.date = d.date AND t.amount_fen = d.amount_minor_units GROUP BY 1""")
    assert payees and all(payee == 1 and people >= 5 for _, payee, people in payees)


def test_planted_misconduct_can_be_seen(ask: Query) -> None:
    kinds = {row[0] for row in ask("SELECT DISTINCT kind FROM true_misconduct")}
    assert kinds == {"money_with_customer", "invented_contacts", "flying_orders", "proxy_login", "own_book"}
    unowned = ask("""SELECT count(*) FROM true_misconduct m WHERE NOT EXISTS (SELECT 1 FROM ownership o
        WHERE o.party_id = m.party_id AND o.post_id = m.post_id AND o.to_date IS NULL)""")
    assert one(unowned) == 0
    paid = ask("""
        SELECT count(*), count(*) FILTER (WHERE EXISTS (
            SELECT 1 FROM tx JOIN own USING (account_id) JOIN staff s ON s.name = tx.counterparty_name
            WHERE own.person = m.person AND s.staff_id = m.staff_id
            AND tx.amount_fen = m.amount_fen AND tx.date = m.date))
        FROM true_misconduct m WHERE kind = 'money_with_customer'""")
    assert paid[0][0] == paid[0][1] > 0
    flown = ask("""
        SELECT count(DISTINCT counterparty_name), count(DISTINCT own.person), max(tx.date) - min(tx.date)
        FROM true_misconduct m JOIN own USING (person) JOIN tx USING (account_id)
        WHERE m.kind = 'flying_orders' AND tx.amount_fen = m.amount_fen AND tx.date = m.date""")
    assert flown[0][0] == 1 and flown[0][1] >= 3 and flown[0][2] <= 30
    calls = ask("""
        SELECT count(*), count(DISTINCT note_hash), max(seconds), bool_or(evidence) FROM true_misconduct m
        JOIN contacts c ON c.party_id = m.party_id AND c.post_id = m.post_id AND c.date = m.date
        WHERE m.kind = 'invented_contacts'""")
    assert calls[0][0] >= 5 and calls[0][1] == 1 and calls[0][2] < 10 and calls[0][3] is False
    same = ask("""SELECT count(*) FROM true_misconduct m JOIN staff s USING (staff_id)
        JOIN parties p USING (source, party_id) WHERE m.kind = 'own_book' AND p.id_number = s.id_number""")
    assert one(same) == 1


def test_true_effects_are_in_the_money(ask: Query) -> None:
    """Who was reached and persuaded brought exactly the effect; nobody in a control group did."""
    brought = """EXISTS (SELECT 1 FROM tx JOIN own USING (account_id) WHERE own.person = t.person
        AND tx.own_name AND tx.signed = t.effect_fen AND tx.date BETWEEN p.date AND p.date + 14)"""
    rows = ask(f"""SELECT t.arm, t.reached, count(*), count(*) FILTER (WHERE {brought})
        FROM true_treatment_effects t JOIN pushes p USING (campaign, source, party_id)
        WHERE t.effect_fen <> 0 GROUP BY 1, 2""")
    found = {(arm, reached): (people, moved) for arm, reached, people, moved in rows}
    people, moved = found["treated", True]
    assert people == moved > 10
    for key in (("control", False), ("treated", False)):
        people, moved = found.get(key, (0, 0))
        assert moved <= people // 10
    converted = ask("""SELECT count(*) FROM true_treatment_effects t
        JOIN pushes p USING (campaign, source, party_id)
        WHERE (p.converted_on IS NOT NULL) <> if(t.reached, t.converts_treated, t.converts_untreated)""")
    assert one(converted) == 0
    arms = ask("SELECT DISTINCT arm FROM pushes WHERE reached_on IS NOT NULL")
    assert arms == [("treated",)]
