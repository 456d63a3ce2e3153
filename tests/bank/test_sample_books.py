"""The sample bank's books balance to the fen at every moment, and look like those of a city branch."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from tests.bank.conftest import Query

LAST = date(2026, 6, 30)
FIRST = date(2025, 7, 1)
CASH = "('demand','term','wallet','escrow','credit_card','consumer_loan','mortgage','business_loan')"
FLOORED = "('demand','term','wallet','escrow')"


def one(rows: list[tuple[Any, ...]]) -> Any:
    (row,) = rows
    return row[0]


def test_balances_are_opening_plus_movements(ask: Query) -> None:
    """The change of each end-of-day balance is the sum of the day's movements; no movement without a row."""
    broken = ask(f"""
        WITH day AS (SELECT account_id, date, sum(signed) AS moved FROM tx GROUP BY ALL),
        level AS (SELECT account_id, date, balance_fen,
                         balance_fen - lag(balance_fen) OVER w AS change, row_number() OVER w AS place
                  FROM bal WINDOW w AS (PARTITION BY account_id ORDER BY date))
        SELECT count(*) FROM level FULL JOIN day USING (account_id, date) JOIN acc USING (account_id)
        WHERE category IN {CASH} AND (
            (place IS NULL AND moved <> 0)
            OR (place > 1 AND coalesce(moved, 0) <> change)
            OR (place = 1 AND opened_on >= DATE '{FIRST}' AND moved <> balance_fen))""")
    assert one(broken) == 0
    assert one(ask(f"SELECT count(*) FROM bal JOIN acc USING (account_id) WHERE category IN {CASH}")) > 30_000


def test_nothing_is_ever_overdrawn_and_debts_are_negative(ask: Query) -> None:
    """At every moment, not only at the end of a day."""
    running = ask(f"""
        WITH run AS (SELECT account_id, opening + sum(signed) OVER w AS now
                     FROM tx JOIN ends USING (account_id)
                     WINDOW w AS (PARTITION BY account_id ORDER BY "at", transaction_id))
        SELECT category IN {FLOORED} AS floored, min(now), max(now) FROM run JOIN acc USING (account_id)
        WHERE category IN {CASH} GROUP BY 1 ORDER BY 1""")
    (_, lowest_debt, highest_debt), (_, lowest_cash, _) = running
    assert lowest_cash >= 0
    assert lowest_debt < 0 and highest_debt <= 0


def test_movements_fall_inside_the_life_of_their_account(ask: Query) -> None:
    outside = """SELECT count(*) FROM {} t JOIN acc a USING (account_id)
        WHERE t.date < a.opened_on OR t.date > a.closed_on"""
    assert one(ask(outside.format("tx"))) == 0
    assert one(ask(outside.format("bal"))) == 0
    assert ask("SELECT min(date), max(date) FROM tx") == [(FIRST, LAST)]
    assert one(ask('SELECT count(*) FROM tx WHERE date <> "at"::DATE')) == 0
    assert one(ask("SELECT count(*) FROM acc WHERE closed_on IS NOT NULL AND category = 'demand'")) > 0


def test_balance_rows_stand_only_on_days_with_change(ask: Query) -> None:
    still = ask("""SELECT count(*) FROM (SELECT balance_fen - lag(balance_fen)
        OVER (PARTITION BY account_id ORDER BY date) AS change FROM bal) WHERE change = 0""")
    assert one(still) == 0
    late = ask(f"""SELECT count(*) FROM acc LEFT JOIN ends USING (account_id)
        WHERE opened_on < DATE '{FIRST}' AND first IS DISTINCT FROM DATE '{FIRST}'""")
    assert one(late) == 0, "accounts open before the span begin with a row on its first day"


def test_transfers_between_own_accounts_have_two_legs(ask: Query) -> None:
    alone = ask("""
        SELECT count(*) FROM tx JOIN acc USING (account_id)
        LEFT JOIN (SELECT account_id AS other, counterparty_account AS mine, date, signed, kind FROM tx) back
          ON back.other = tx.counterparty_account AND back.mine = tx.account_id AND back.date = tx.date
         AND back.kind = tx.kind AND (back.signed = -tx.signed OR tx.kind IN ('fx_purchase', 'fx_settlement'))
        WHERE tx.counterparty_account IN (SELECT account_id FROM acc) AND tx.kind NOT IN ('salary')
          AND back.other IS NULL""")
    assert one(alone) == 0
    assert (
        one(ask("SELECT count(*) FROM tx WHERE counterparty_account IN (SELECT account_id FROM acc)")) > 2_000
    )


def test_wages_come_on_fixed_days_and_are_debited_to_the_company(ask: Query) -> None:
    often = ask("""SELECT max(n) FROM (SELECT count(*) AS n FROM tx WHERE kind = 'salary' AND memo = '工资'
        GROUP BY account_id, counterparty_name, date_trunc('month', date))""")
    assert one(often) <= 2
    payroll = ask("""
        WITH paid AS (SELECT counterparty_account AS company, date, sum(amount_fen) AS wages FROM tx
                      WHERE kind = 'salary' AND counterparty_bank = 'own' GROUP BY ALL),
        charged AS (SELECT account_id AS company, date, sum(amount_fen) AS debit FROM tx
                    WHERE memo = '代发工资' GROUP BY ALL)
        SELECT count(*), count(*) FILTER (WHERE wages = debit)
        FROM paid FULL JOIN charged USING (company, date)""")
    days, equal = payroll[0]
    assert days == equal > 50
    quiet = ask("SELECT count(*) FROM tx WHERE memo = '工资' AND isodow(date) > 5")
    assert one(quiet) == 0, "pay days on a weekend come before it"


def test_demand_interest_is_the_rule_books(ask: Query) -> None:
    """积数 of whole yuan over natural days at 0.05 % / 360, half up, reworked by plain arithmetic (INT-1)."""
    accounts = ask("""SELECT account_id, opening FROM acc JOIN ends USING (account_id)
        WHERE category = 'demand' AND currency = 'CNY' AND closed_on IS NULL AND opened_on < DATE '2025-06-01'
        ORDER BY account_id LIMIT 150""")
    for account, balance in accounts:
        mine = f"WHERE account_id = '{account}'"
        days = dict(ask(f"SELECT date, balance_fen FROM bal {mine} ORDER BY date"))
        posted = dict(ask(f"SELECT date, amount_fen FROM tx {mine} AND kind = 'interest'"))
        total = (balance // 100) * 10  # the ten days since the 21st of June
        for day in (FIRST + timedelta(days=n) for n in range(365)):
            if (day.month, day.day) in ((9, 21), (12, 21), (3, 21), (6, 21)):
                assert posted.get(day, 0) == (2 * total * 500 + 3_600_000) // 7_200_000
                total = 0
            balance = days.get(day, balance)
            total += balance // 100


def test_cards_and_holdings_repeat_the_last_balance(ask: Query) -> None:
    wrong = """SELECT count(*) FROM holdings LEFT JOIN ends USING (account_id)
        WHERE last IS DISTINCT FROM value_fen"""
    assert one(ask(wrong)) == 0
    wrong = """SELECT count(*) FROM cards LEFT JOIN ends USING (account_id)
        WHERE kind IN ('credit', 'dual_currency') AND credit_used_fen <> -coalesce(last, 0)"""
    assert one(ask(wrong)) == 0
    over = """SELECT count(*) FROM acc JOIN bal USING (account_id)
        WHERE category = 'credit_card' AND -balance_fen > credit_limit_fen"""
    assert one(ask(over)) == 0
    full = "SELECT max(balance_fen) FROM bal JOIN acc USING (account_id) WHERE account_class = 'III'"
    assert one(ask(full)) <= 200_000, "class III accounts hold at most 2,000 yuan (ACC-1)"


# --------------------------------------------------------------------------------------- a believable branch


def test_all_tiers_are_peopled_and_people_move(ask: Query) -> None:
    share = dict(ask(f"SELECT tier, count(*) / 4000.0 FROM aum_on(DATE '{LAST}') GROUP BY 1"))
    assert 0.83 < share[0] < 0.92 and 0.05 < share[1] < 0.12 and 0.015 < share[2] < 0.05
    assert 0.002 < share[3] < 0.02
    moved = dict(
        ask(f"""SELECT sign(later.tier - earlier.tier), count(*) FROM aum_on(DATE '{FIRST}') earlier
            JOIN aum_on(DATE '{LAST}') later USING (person) GROUP BY 1""")
    )
    assert moved[1] > 20 and moved[-1] > 20
    edge = f"SELECT count(*) FROM aum_on(DATE '{LAST}') WHERE aum BETWEEN 4e4 AND 5e4"
    assert one(ask(edge)) > 30


def test_volumes_are_those_of_a_bank(ask: Query) -> None:
    assert 13 < one(ask("SELECT count(*) / 4000.0 FROM tx")) < 18
    assert 11 < one(ask("SELECT count(*) / 4000.0 FROM bal")) < 16
    quiet = ask("""SELECT count(*) FROM own WHERE category = 'demand' AND account_id NOT IN
        (SELECT account_id FROM tx WHERE kind <> 'interest')""")
    assert one(quiet) > 1_000, "most customers are quiet"
    owned = one(ask("SELECT count(DISTINCT party_id) FROM ownership WHERE to_date IS NULL")) / 4000
    assert 0.015 < owned < 0.08, "the few per cent that a manager remembers"
    coming = ask("""SELECT count(*) FROM acc WHERE category = 'term'
        AND matures_on BETWEEN DATE '2026-07-01' AND DATE '2026-07-30'""")
    assert one(coming) > 5
    kinds = {row[0] for row in ask("SELECT DISTINCT kind FROM tx")}
    assert kinds >= {
        "salary", "pension", "tuition", "etc_toll", "loan_repayment", "card_repayment", "term_mature",
        "fx_purchase", "fx_settlement", "overseas_payment", "wealth_purchase", "insurance_premium",
        "utilities", "escrow",
    }  # fmt: skip


def test_the_year_has_its_seasons(ask: Query) -> None:
    by_month = dict(
        ask("SELECT month(date), count(*) FROM tx WHERE kind = 'card_payment' AND channel = 'pos' GROUP BY 1")
    )
    cards = "SELECT count(*) FROM tx WHERE kind = 'card_payment' AND date BETWEEN DATE '{}' AND DATE '{}'"
    holiday = one(ask(cards.format("2026-02-16", "2026-02-23")))
    before = one(ask(cards.format("2026-02-04", "2026-02-11")))
    assert holiday < before / 2 and len(by_month) == 12
    bonus = ask("SELECT min(date), max(date) FROM tx WHERE memo = '年终奖'")
    assert bonus[0][0] >= date(2026, 1, 31) and bonus[0][1] <= date(2026, 2, 12)
    assert {row[0] for row in ask("SELECT DISTINCT month(date) FROM tx WHERE kind = 'tuition'")} == {2, 9}
