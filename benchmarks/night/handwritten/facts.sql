-- The standard tags as a SQL engineer of the bank would write them by hand for DuckDB: one scan per table,
-- here; profile.sql joins the results and has the expressions.
--
-- The peer of `benchmarks/night`: the same columns as the first step of Quanke's nightly profile (all tags,
-- tiers, stages and checks that need only a customer's own facts; no ranks, no clusters), from the same
-- arranged Parquet files. Money is in fen, rates have six places and are rounded half away from zero, a daily
-- mean is taken over natural days, division by zero is null. Every value must equal ours to the last digit.
--
-- Before this file the runner (handwritten.py) makes
--   variables   as_of (DATE), currency (VARCHAR), low and high (customers low <= customer < high)
--   views       parties, organisations, accounts, balances, transactions, holdings, cards,
--               channel_events, contacts, pushes, consents, ownership: rows of that customer range;
--               fx_rates; currencies (currency, exponent); yesterday (what the night before held)
-- and after profile.sql it copies the view `profile` to Parquet.
--
-- What was measured and kept: sums over CASE (FILTER takes half as long again), bits for the categories held,
-- 64-bit division (128-bit takes thirty times as long), no window function but for foreign accounts.

------------------------------------------------------------------------------------------- small words

CREATE OR REPLACE TEMP MACRO today() AS getvariable('as_of')::DATE;
CREATE OR REPLACE TEMP MACRO days_ago(n) AS today() - n::INTEGER;
-- whole calendar months: 0 is the as-of day's own, 1 the last one that is over
CREATE OR REPLACE TEMP MACRO month_first(ago) AS (date_trunc('month', today()) - to_months(ago))::DATE;
CREATE OR REPLACE TEMP MACRO month_last(ago) AS last_day(month_first(ago));

-- how many days of first..last a change made `age` days ago is in the balance; null for none
CREATE OR REPLACE TEMP MACRO held(age, first, last) AS
    CASE WHEN age >= today() - last THEN least(age - (today() - last), last - first) + 1 END;
-- integer division, half away from zero; fen stay far below 2^62
CREATE OR REPLACE TEMP MACRO divided(a, b) AS
    (2 * a::BIGINT + CASE WHEN a < 0 THEN -b ELSE b END) // (2 * b);
CREATE OR REPLACE TEMP MACRO daily_mean(product, days) AS coalesce(divided(product, days), 0);
-- a / b with six places; what does not fit 64 bits takes 128, which is thirty times as slow
CREATE OR REPLACE TEMP MACRO rate(a, b) AS
    (CASE WHEN a BETWEEN -1000000000000 AND 1000000000000
          THEN ((2000000 * a::BIGINT + sign(a) * abs(b)) // (2 * nullif(b, 0)))::DECIMAL(18, 0)
          ELSE ((2000000::HUGEINT * a + sign(a) * abs(b)) // (2 * nullif(b, 0)))::DECIMAL(18, 0) END
      * 0.000001::DECIMAL(7, 6))::DECIMAL(18, 6);

-- the n-th day from tonight without Saturdays and Sundays, n up to 5
CREATE OR REPLACE TEMP MACRO workdays_on(n) AS today() + n + CASE
    WHEN isodow(today()) = 6 THEN 1 WHEN isodow(today()) <= 5 AND isodow(today()) + n > 5 THEN 2 ELSE 0 END::INTEGER;
-- by when somebody must have talked to the customer of what began tonight: what the night before said stays
-- until there is an effective contact, 30 days past the day at most
CREATE OR REPLACE TEMP MACRO due_still(was_due, was_since, contact_on, begins, n) AS
    CASE WHEN today() - was_due <= 30 AND NOT coalesce(contact_on >= was_since, false) THEN was_due
         WHEN begins THEN workdays_on(n) END;
CREATE OR REPLACE TEMP MACRO due_since(due, was_due, was_since) AS
    CASE WHEN due = was_due THEN was_since WHEN due IS NOT NULL THEN today() END;

-------------------------------------------------------------------------------------- who the customer is

-- One row per customer out of his records, by the rules of docs/reference/golden.md.
CREATE OR REPLACE TEMP VIEW golden AS
-- Most customers have one record, and there is nothing to choose from: only the others are sorted and grouped.
WITH several AS MATERIALIZED (SELECT customer FROM parties GROUP BY customer HAVING count(*) > 1),
person_record AS (
    SELECT *,
        -- the record with a number that passes its check, then one with a number, then by source
        nth + 1_000_000 * (id_number IS NULL)::BIGINT + 2_000_000 * (id_valid IS NOT TRUE)::BIGINT AS by_document,
        CASE WHEN id_valid AND id_type IN ('resident_id', 'household_register', 'residence_permit_hmt')
            THEN CASE length(id_number) WHEN 15 THEN left(id_number, 6) || '19' || substr(id_number, 7)
                ELSE id_number END
        END AS number_18
    FROM (
        SELECT *, row_number() OVER (
            PARTITION BY customer
            ORDER BY list_position(['core', 'cards', 'mobile', 'partner'], source) NULLS LAST, source, party_id
        ) AS nth
        FROM parties SEMI JOIN several USING (customer)
    )
),
chosen AS (
    SELECT customer, count(DISTINCT source) AS sources,
        arg_min_null({'type': id_type, 'until': id_expires_on}, by_document)
            FILTER (WHERE coalesce(id_type, id_number, id_expires_on::VARCHAR) IS NOT NULL) AS document,
        arg_min_null(number_18, by_document)
            FILTER (WHERE coalesce(id_type, id_number, id_expires_on::VARCHAR) IS NOT NULL) AS number_18,
        arg_min(birth_date, by_document) AS birth_date, list(birth_date) AS birth_dates,
        arg_min(sex, by_document) AS sex, list(sex) AS sexes,
        arg_min_null({'city': city, 'district': district}, nth + 1_000_000 * (address IS NULL)::BIGINT)
            FILTER (WHERE coalesce(address, city, district) IS NOT NULL) AS place,
        arg_min_null(
            {'class': risk_class, 'on': risk_assessed_on},
            nth - 1_000_000 * coalesce(risk_assessed_on - DATE '1900-01-01', -1_000_000)
        ) FILTER (WHERE coalesce(risk_class, risk_assessed_on::VARCHAR) IS NOT NULL) AS risk,
        arg_min(
            credit_score,
            nth - 1_000_000 * coalesce(datediff('second', TIMESTAMP '1900-01-01', updated_at), -1_000_000)
        ) AS credit_score,
        arg_min(branch_id, nth) AS branch_id, arg_min(nationality, nth) AS nationality,
        arg_min(language, nth) AS language, bool_or(deceased) AS deceased, min(opened_on) AS opened_on,
        -- ended once every record of core and cards has, or every record of a customer without any
        CASE WHEN bool_and(closed_on IS NOT NULL) FILTER (WHERE source IN ('core', 'cards'))
                OR (count(*) FILTER (WHERE source IN ('core', 'cards')) = 0 AND bool_and(closed_on IS NOT NULL))
            THEN coalesce(max(closed_on) FILTER (WHERE source IN ('core', 'cards')), max(closed_on)) END AS closed_on
    FROM person_record
    GROUP BY customer
),
person AS (
    SELECT customer, sources, place.city, place.district, branch_id,
        CASE WHEN list_contains(sexes, if(substr(number_18, 17, 1)::INTEGER % 2 = 1, 'male', 'female'))
                AND number_18 IS NOT NULL
            THEN if(substr(number_18, 17, 1)::INTEGER % 2 = 1, 'male', 'female') ELSE sex END AS sex,
        CASE WHEN list_contains(birth_dates, strptime(substr(number_18, 7, 8), '%Y%m%d')::DATE)
            THEN strptime(substr(number_18, 7, 8), '%Y%m%d')::DATE ELSE birth_date END AS birth_date,
        opened_on, closed_on, deceased, nationality, language, document.type AS id_type, document.until AS id_expires_on,
        risk.class AS risk_class, risk.on AS risk_assessed_on, credit_score
    FROM chosen
    UNION ALL
    SELECT customer, 1 AS sources, city, district, branch_id, sex, birth_date, opened_on, closed_on, deceased,
        nationality, language, id_type, id_expires_on, risk_class, risk_assessed_on, credit_score
    FROM parties ANTI JOIN several USING (customer)
),
body AS (
    SELECT customer, count(DISTINCT source) AS sources, arg_min(kind, nth) AS kind,
        arg_min_null({'city': city, 'district': district}, nth + 1_000_000 * (address IS NULL)::BIGINT)
            FILTER (WHERE coalesce(address, city, district) IS NOT NULL) AS place,
        arg_min(branch_id, nth) AS branch_id, min(opened_on) AS opened_on,
        CASE WHEN bool_and(closed_on IS NOT NULL) FILTER (WHERE source IN ('core', 'cards'))
                OR (count(*) FILTER (WHERE source IN ('core', 'cards')) = 0 AND bool_and(closed_on IS NOT NULL))
            THEN coalesce(max(closed_on) FILTER (WHERE source IN ('core', 'cards')), max(closed_on)) END AS closed_on
    FROM (
        SELECT *, row_number() OVER (
            PARTITION BY customer
            ORDER BY list_position(['core', 'cards', 'mobile', 'partner'], source) NULLS LAST, source, party_id
        ) AS nth
        FROM organisations
    )
    GROUP BY customer
)
SELECT n.customer, coalesce(p.sources, o.sources, 0) AS sources,
    CASE WHEN p.customer IS NOT NULL THEN 'person' ELSE o.kind END AS kind,
    if(p.customer IS NOT NULL, p.city, o.place.city) AS city,
    if(p.customer IS NOT NULL, p.district, o.place.district) AS district,
    if(p.customer IS NOT NULL, p.branch_id, o.branch_id) AS branch_id, p.sex, p.birth_date,
    if(p.customer IS NOT NULL, p.opened_on, o.opened_on) AS opened_on,
    if(p.customer IS NOT NULL, p.closed_on, o.closed_on) AS closed_on,
    p.deceased, p.nationality, p.language, p.id_type, p.id_expires_on, p.risk_class, p.risk_assessed_on, p.credit_score
FROM (SELECT range::INTEGER AS customer FROM range(getvariable('low'), getvariable('high'))) n
LEFT JOIN person p USING (customer)
LEFT JOIN body o USING (customer);

-------------------------------------------------------------------------------------------- balances

-- The change ledger in the home currency. A foreign account is worth its balance at the last known rate,
-- rounded once a day of change; its changes are the differences of what it was worth.
CREATE OR REPLACE TEMP VIEW ledger AS
WITH rate AS (
    SELECT currency, arg_max(rate, date) AS rate FROM fx_rates WHERE date <= today() GROUP BY currency
),
foreign_level AS (
    SELECT customer, account, date, category, currency,
        sum(delta) OVER (PARTITION BY account ORDER BY date) AS minor_units,
        row_number() OVER (PARTITION BY account, date ORDER BY delta) AS nth
    FROM balances WHERE currency <> getvariable('currency') AND date <= today()
),
foreign_worth AS (
    SELECT customer, account, date, category,
        round(minor_units::DECIMAL(18, 0) * rate * 100 / 10 ^ exponent)::BIGINT AS worth
    FROM foreign_level JOIN rate USING (currency) JOIN currencies USING (currency)
    WHERE nth = 1
)
SELECT customer, date, delta, category FROM balances
WHERE currency = getvariable('currency') AND date <= today()
UNION ALL
SELECT customer, date,
    worth - lag(worth, 1, 0) OVER (PARTITION BY account ORDER BY date), category
FROM foreign_worth;

-- A change adds to every later day, so a mean is one linear sum and needs no order.
CREATE OR REPLACE TEMP VIEW balance_facts AS
WITH changes AS (
    SELECT customer, today() - date AS age, category, delta,
        CASE WHEN category IN ('demand', 'term', 'wealth', 'fund', 'insurance', 'bond', 'metal', 'wallet')
             THEN delta END AS asset,
        CASE WHEN category IN ('demand', 'wallet') THEN delta END AS demand,
        CASE WHEN category = 'term' THEN delta END AS term,
        CASE WHEN category IN ('credit_card', 'consumer_loan', 'mortgage', 'business_loan')
             THEN delta END AS loan
    FROM ledger
)
SELECT customer,
    sum(asset)::BIGINT AS aum,
    sum(demand)::BIGINT AS demand_balance,
    sum(term)::BIGINT AS term_balance,
    sum(loan)::BIGINT AS loan,
    sum(CASE WHEN age >= 30 THEN asset END)::BIGINT AS aum_30d_ago,
    sum(asset * held(age, days_ago(29), today()))::BIGINT AS product_30d,
    sum(asset * held(age, days_ago(89), today()))::BIGINT AS product_90d,
    sum(asset * held(age, days_ago(179), days_ago(90)))::BIGINT AS product_prior_90d,
    sum(asset * held(age, days_ago(364), today()))::BIGINT AS product_365d,
    sum(asset * held(age, month_first(0), today()))::BIGINT AS product_mtd,
    sum(coalesce(demand, term) * held(age, month_first(0), today()))::BIGINT AS deposit_product_mtd,
    sum(asset * held(age, month_first(1), month_last(1)))::BIGINT AS product_1,
    sum(asset * held(age, month_first(2), month_last(2)))::BIGINT AS product_2,
    sum(asset * held(age, month_first(3), month_last(3)))::BIGINT AS product_3,
    sum(asset * held(age, month_first(4), month_last(4)))::BIGINT AS product_4,
    sum(asset * held(age, month_first(5), month_last(5)))::BIGINT AS product_5,
    sum(asset * held(age, month_first(6), month_last(6)))::BIGINT AS product_6,
    sum(asset * held(age, month_first(7), month_last(7)))::BIGINT AS product_7,
    sum(asset * held(age, month_first(8), month_last(8)))::BIGINT AS product_8,
    sum(asset * held(age, month_first(9), month_last(9)))::BIGINT AS product_9,
    sum(asset * held(age, month_first(10), month_last(10)))::BIGINT AS product_10,
    sum(asset * held(age, month_first(11), month_last(11)))::BIGINT AS product_11,
    sum(asset * held(age, month_first(12), month_last(12)))::BIGINT AS product_12
FROM changes
GROUP BY customer;

-------------------------------------------------------------------------------------------- movements

CREATE OR REPLACE TEMP VIEW movement_facts AS
WITH moves AS (
    SELECT customer, date, amount, kind, counterparty_name, initiated,
        direction = 'in' AS is_in, direction = 'out' AS is_out,
        direction = 'out' AND counterparty_bank <> 'own' AS elsewhere,
        own_name,
        category IN ('demand', 'term', 'wealth', 'fund', 'insurance', 'bond', 'metal', 'wallet')
            AND kind NOT IN ('term_open', 'term_mature', 'wealth_purchase', 'wealth_redemption',
                             'insurance_premium', 'interest', 'fee', 'refund')
            AND NOT (coalesce(own_name, false) AND coalesce(counterparty_bank, '') = 'own') AS is_flow,
        date >= days_ago(29) AS d30,
        date >= days_ago(89) AS d90,
        date >= days_ago(61) AS d62,
        date >= days_ago(183) AS d184,
        date >= make_date(year(today()), 1, 1) AS this_year,
        date BETWEEN month_first(1) AND month_last(1) AS last_month,
        (year(today()) - year(date)) * 12 + month(today()) - month(date) AS months_ago
    FROM transactions
    WHERE date BETWEEN days_ago(364) AND today()
)
SELECT customer,
    sum(CASE WHEN is_flow AND is_in AND d30 THEN amount END) AS inflow_30d,
    sum(CASE WHEN is_flow AND is_out AND d30 THEN amount END) AS outflow_30d,
    sum(CASE WHEN is_flow AND is_in AND d90 THEN amount END) AS inflow_90d,
    sum(CASE WHEN is_flow AND is_out AND d90 THEN amount END) AS outflow_90d,
    max(CASE WHEN is_flow AND is_in AND d30 THEN amount END) AS largest_inflow_30d,
    sum(CASE WHEN elsewhere AND kind = 'transfer' AND d30 THEN amount END) AS out_to_banks_30d,
    sum(CASE WHEN elsewhere AND kind = 'transfer' AND d90 THEN amount END) AS out_to_banks_90d,
    sum(CASE WHEN elsewhere AND kind = 'transfer' AND last_month THEN amount END) AS out_to_banks_last_month,
    sum(CASE WHEN elsewhere AND own_name AND d90 THEN amount END) AS own_name_out_90d,
    sum(CASE WHEN is_out AND kind = 'third_party_payment' AND d30 THEN amount END) AS third_party_paid_30d,
    count(CASE WHEN initiated AND d30 THEN 1 END) AS transactions_30d,
    count(CASE WHEN initiated AND d90 THEN 1 END) AS transactions_90d,
    sum(CASE WHEN initiated AND d90 THEN amount END) AS transacted_amount_90d,
    max(CASE WHEN initiated THEN date END) AS last_transaction_on,
    bool_or(kind = 'utilities' AND d90) AS pays_utilities,
    bool_or(kind = 'tuition' AND is_out) AS pays_tuition,
    bool_or(kind = 'house_purchase' AND is_out AND d90) AS house_purchase_90d,
    sum(CASE WHEN kind IN ('house_purchase', 'tuition') AND is_out AND d30 THEN amount END) AS house_and_tuition_30d,
    bit_count(bit_or(CASE WHEN kind = 'salary' AND is_in AND months_ago BETWEEN 1 AND 6 THEN 1 << months_ago::INTEGER END))
        AS salary_months_6,
    sum(CASE WHEN kind = 'salary' AND is_in AND months_ago BETWEEN 1 AND 6 THEN amount END) AS salary_6_months,
    max(CASE WHEN kind = 'salary' AND is_in AND d184 THEN date END) AS salary_last_on,
    bool_or(kind = 'salary' AND is_in AND d62) AS has_salary,
    max({'day': date, 'name': counterparty_name})
        FILTER (kind = 'salary' AND is_in AND d184 AND counterparty_name IS NOT NULL).name AS employer,
    sum(CASE WHEN kind = 'salary' AND is_in AND last_month THEN amount END) AS salary_last_month,
    bool_or(kind = 'pension' AND is_in AND d62) AS has_pension,
    sum(CASE WHEN kind = 'pension' AND is_in AND last_month THEN amount END) AS pension_last_month,
    sum(CASE WHEN kind = 'etc_toll' AND d90 THEN amount END) AS etc_paid_90d,
    sum(CASE WHEN kind = 'fx_purchase' AND is_out AND this_year THEN amount END) AS fx_purchase_ytd,
    sum(CASE WHEN kind = 'fx_settlement' AND is_in AND this_year THEN amount END) AS fx_settlement_ytd,
    sum(CASE WHEN kind = 'overseas_payment' AND is_out THEN amount END) AS overseas_paid_365d,
    count(CASE WHEN kind = 'cash' AND amount >= 4500000 AND amount < 5000000 AND date >= days_ago(6) THEN 1 END)
        AS cash_near_limit_7d
FROM moves
GROUP BY customer;

------------------------------------------------------------------------------- accounts, positions, cards

CREATE OR REPLACE TEMP VIEW account_facts AS
WITH account AS (
    SELECT customer, opened_on, account_class, currency, employer_opened, matures_on,
        closed_on IS NULL OR closed_on > today() AS is_open,
        CASE category
            WHEN 'demand' THEN 1 WHEN 'term' THEN 2 WHEN 'wealth' THEN 4 WHEN 'fund' THEN 8
            WHEN 'insurance' THEN 16 WHEN 'bond' THEN 32 WHEN 'metal' THEN 64 WHEN 'wallet' THEN 128
            WHEN 'escrow' THEN 256 WHEN 'credit_card' THEN 512 WHEN 'consumer_loan' THEN 1024
            WHEN 'mortgage' THEN 2048 WHEN 'business_loan' THEN 4096
        END AS category_bit,
        category IN ('term', 'wealth', 'bond', 'insurance') AS has_term
    FROM accounts WHERE opened_on <= today()
)
SELECT customer,
    bit_or(CASE WHEN is_open THEN category_bit END) AS held_categories,
    count(CASE WHEN is_open THEN 1 END) AS accounts_open,
    min(opened_on) AS first_account_on,
    bool_or(is_open AND account_class = 'I') AS has_class_one,
    bool_or(is_open AND currency IN ('USD', 'HKD', 'EUR', 'GBP', 'JPY', 'AUD', 'CAD', 'SGD', 'CHF'))
        AS has_foreign_currency,
    bool_or(is_open AND employer_opened) AS opened_by_employer,
    count(CASE WHEN is_open AND has_term AND matures_on BETWEEN today() + 1 AND today() + 7 THEN 1 END) AS maturing_7d,
    count(CASE WHEN is_open AND has_term AND matures_on BETWEEN today() + 1 AND today() + 30 THEN 1 END) AS maturing_30d,
    min(CASE WHEN is_open AND has_term AND matures_on > today() THEN matures_on END) AS next_maturity_on,
    count(CASE WHEN is_open AND account_class = 'I' THEN 1 END) AS open_class_1,
    count(CASE WHEN is_open AND account_class = 'II' THEN 1 END) AS open_class_2,
    count(CASE WHEN is_open AND account_class = 'III' THEN 1 END) AS open_class_3
FROM account
GROUP BY customer;

CREATE OR REPLACE TEMP VIEW holding_facts AS
SELECT customer,
    sum(value) AS holdings_value,
    max(value) AS holdings_largest,
    sum(CASE WHEN category = 'fund' THEN value END) AS fund_value,
    sum(CASE WHEN category = 'wealth' THEN value END) AS wealth_value,
    sum(CASE WHEN matures_on BETWEEN today() + 1 AND today() + 7 THEN value END) AS maturing_amount_7d,
    sum(CASE WHEN matures_on BETWEEN today() + 1 AND today() + 30 THEN value END) AS maturing_amount_30d,
    coalesce(sum(value - cost), 0) AS gain,
    coalesce(sum(CASE WHEN value IS NOT NULL THEN cost END), 0) AS cost,
    bool_or(value > 0 AND date < days_ago(7)) AS has_stale_price
FROM holdings WHERE date <= today()
GROUP BY customer;

CREATE OR REPLACE TEMP VIEW card_facts AS
WITH card AS (
    SELECT *, closed_on IS NULL OR closed_on > today() AS is_open,
        activated_on IS NULL OR activated_on > today() AS is_inactive
    FROM cards WHERE issued_on <= today()
)
SELECT customer,
    count(CASE WHEN is_open THEN 1 END) AS cards_open,
    bool_or(is_open AND issued_on >= days_ago(89)) AS card_new_90d,
    bool_or(is_open AND issued_on >= days_ago(89) AND (last_used_on IS NULL OR last_used_on > today()))
        AS card_new_unused,
    bool_or(is_open AND is_inactive AND issued_on BETWEEN days_ago(3679) AND days_ago(30))
        AS card_never_activated,
    max(CASE WHEN last_used_on <= today() THEN last_used_on END) AS card_last_used_on,
    bool_or(is_open AND expires_on BETWEEN today() + 1 AND today() + 60) AS card_expires_60d,
    bool_or(is_open AND kind = 'credit' AND last_used_on BETWEEN days_ago(89) AND today())
        AS has_credit_card_in_use,
    sum(CASE WHEN is_open THEN credit_limit END) AS credit_limit,
    sum(CASE WHEN is_open THEN credit_used END) AS credit_used,
    bool_or(is_open AND kind = 'social_security') AS has_social_card,
    bool_or(is_open AND is_inactive AND kind = 'social_security') AS social_card_inactive,
    bool_or(is_open AND kind = 'etc') AS has_etc,
    bool_or(is_open AND kind = 'dual_currency') AS has_dual_card
FROM card
GROUP BY customer;

------------------------------------------------------------- channels, contacts, campaigns, consent, owner

CREATE OR REPLACE TEMP VIEW event_facts AS
SELECT customer,
    count(CASE WHEN kind = 'login' AND date >= days_ago(29) THEN 1 END) AS logins_30d,
    count(CASE WHEN kind = 'login' AND date >= days_ago(89) THEN 1 END) AS logins_90d,
    max(CASE WHEN kind = 'login' THEN date END) AS last_login_on,
    bool_or(kind = 'login' AND date >= month_first(0)) AS is_mau,
    bool_or(kind = 'login' AND channel IN ('mobile', 'wechat') AND date >= days_ago(89)) AS uses_mobile,
    count(CASE WHEN kind IN ('view_product', 'search') AND date >= days_ago(29) THEN 1 END) AS product_views_30d,
    max({'day': date, 'topic': topic})
        FILTER (kind IN ('view_product', 'search') AND date >= days_ago(29) AND topic IS NOT NULL).topic
        AS interest_topic,
    count(CASE WHEN kind = 'message_click' AND date >= days_ago(89) THEN 1 END) AS message_clicks_90d,
    bool_or(kind = 'bind_card' AND date >= days_ago(89)) AS binds_card_90d,
    count(CASE WHEN kind = 'ticket' AND date >= days_ago(89) THEN 1 END) AS visits_90d,
    max(CASE WHEN kind = 'ticket' THEN date END) AS last_visit_on,
    max(CASE WHEN kind = 'complaint' AND date >= days_ago(89) THEN date END) AS last_complaint_on
FROM channel_events WHERE date BETWEEN days_ago(364) AND today()
GROUP BY customer;

CREATE OR REPLACE TEMP VIEW contact_facts AS
WITH contact AS (
    SELECT *,
        means = 'ticket'
            OR (evidence AND means IN ('wecom', 'visit'))
            OR (evidence AND connected AND means = 'call' AND "seconds" >= 30) AS is_effective
    FROM contacts WHERE date BETWEEN days_ago(364) AND today()
)
SELECT customer,
    count(CASE WHEN date >= days_ago(89) THEN 1 END) AS contacts_90d,
    count(CASE WHEN is_effective AND date >= days_ago(89) THEN 1 END) AS effective_contacts_90d,
    max(CASE WHEN is_effective THEN date END) AS last_effective_contact_on,
    max(CASE WHEN outcome = 'declined' AND date >= days_ago(89) THEN date END) AS last_declined_on,
    count(CASE WHEN means = 'call' AND date >= days_ago(6) THEN 1 END) AS calls_7d,
    count(CASE WHEN means = 'sms' AND date >= month_first(0) THEN 1 END) AS messages_mtd,
    count(CASE WHEN means = 'push' AND date = today() THEN 1 END) AS pushes_1d,
    bool_or(means = 'call' AND outcome IN ('interested', 'accepted', 'served')
            AND (NOT connected OR "seconds" < 10) AND date >= days_ago(89)) AS failed_calls_as_success
FROM contact
GROUP BY customer;

CREATE OR REPLACE TEMP VIEW push_facts AS
WITH push AS (
    SELECT customer, arm, means, date, date >= days_ago(89) AS d90, reached_on <= today() AS is_reached,
        converted_on <= today() AND converted_on - date <= 30 AS is_converted
    FROM pushes WHERE date BETWEEN days_ago(364) AND today()
)
SELECT customer,
    bool_or(arm = 'treated' AND d90) AS targeted_90d,
    bool_or(arm = 'treated' AND is_reached AND d90) AS reached_90d,
    bool_or(arm = 'treated' AND is_reached AND is_converted AND d90) AS converted_90d,
    bool_or(arm = 'treated' AND is_converted AND d90) AS converted_treated_90d,
    bool_or(arm = 'control' AND d90) AS held_out_90d,
    bool_or(arm = 'control' AND is_converted AND d90) AS converted_control_90d,
    count(CASE WHEN arm = 'treated' AND is_converted THEN 1 END) AS answered,
    count(CASE WHEN arm = 'treated' THEN 1 END) AS treated,
    max(CASE WHEN arm = 'treated' AND d90 THEN date END) AS last_push,
    max(CASE WHEN arm = 'treated' AND d90 AND means = 'call' THEN date END) AS pushed_call,
    max(CASE WHEN arm = 'treated' AND d90 AND means = 'sms' THEN date END) AS pushed_sms,
    max(CASE WHEN arm = 'treated' AND d90 AND means = 'push' THEN date END) AS pushed_push,
    max(CASE WHEN arm = 'treated' AND d90 AND means = 'wecom' THEN date END) AS pushed_wecom,
    max(CASE WHEN arm = 'treated' AND d90 AND means = 'email' THEN date END) AS pushed_email
FROM push
GROUP BY customer;

-- Agreed: a consent in force, younger than the last refusal by the same means ('any' speaks for all).
CREATE OR REPLACE TEMP VIEW consent_facts AS
WITH consent AS (
    -- consent to profiling and to advice has one answer whatever the means
    SELECT customer, CASE purpose WHEN 'marketing' THEN means ELSE purpose END AS means,
        CASE WHEN withdrawn_on IS NULL OR withdrawn_on > today() THEN granted_on END AS granted,
        CASE WHEN withdrawn_on <= today() THEN withdrawn_on END AS refused
    FROM consents WHERE granted_on <= today() AND purpose IN ('marketing', 'profiling', 'advice')
)
SELECT customer,
    max(CASE WHEN means IN ('call', 'any') THEN granted END) AS granted_call,
    max(CASE WHEN means IN ('call', 'any') THEN refused END) AS refused_call,
    max(CASE WHEN means IN ('sms', 'any') THEN granted END) AS granted_sms,
    max(CASE WHEN means IN ('sms', 'any') THEN refused END) AS refused_sms,
    max(CASE WHEN means IN ('push', 'any') THEN granted END) AS granted_push,
    max(CASE WHEN means IN ('push', 'any') THEN refused END) AS refused_push,
    max(CASE WHEN means IN ('wecom', 'any') THEN granted END) AS granted_wecom,
    max(CASE WHEN means IN ('wecom', 'any') THEN refused END) AS refused_wecom,
    max(CASE WHEN means IN ('email', 'any') THEN granted END) AS granted_email,
    max(CASE WHEN means IN ('email', 'any') THEN refused END) AS refused_email,
    max(CASE WHEN means = 'profiling' THEN granted END) AS granted_profiling,
    max(CASE WHEN means = 'profiling' THEN refused END) AS refused_profiling,
    max(CASE WHEN means = 'advice' THEN granted END) AS granted_advice,
    max(CASE WHEN means = 'advice' THEN refused END) AS refused_advice
FROM consent
GROUP BY customer;

CREATE OR REPLACE TEMP VIEW owner_facts AS
WITH owned AS (
    SELECT *, to_date IS NULL OR to_date > today() AS in_force,
        duty = 'primary' AND (to_date IS NULL OR to_date > from_date) AS held_once
    FROM ownership WHERE from_date <= today()
)
SELECT customer,
    count(CASE WHEN duty = 'primary' AND in_force THEN 1 END) AS owners,
    max({'day': from_date, 'post': post_id}) FILTER (duty = 'primary' AND in_force AND post_id IS NOT NULL).post
        AS owner_post,
    max(CASE WHEN duty = 'primary' AND in_force THEN from_date END) AS owner_since,
    count(CASE WHEN held_once AND from_date >= days_ago(364) THEN 1 END) AS owner_changes_365d,
    count(CASE WHEN held_once AND from_date >= days_ago(89) THEN 1 END) AS owner_changes_90d,
    count(CASE WHEN held_once THEN 1 END) AS owners_ever,
    bool_or(duty IN ('adviser', 'private_banking') AND in_force) AS has_adviser,
    bool_or(duty = 'primary' AND in_force AND care = 'team') AS is_with_team
FROM owned
GROUP BY customer;
