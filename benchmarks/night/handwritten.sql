-- The standard tags as a SQL engineer of the bank would write them by hand, for DuckDB.
--
-- The peer of `benchmarks/night`: the same columns as Quanke's nightly profile (all tags, tiers and stages
-- that need only a customer's own facts; no ranks, no clusters), from the same arranged Parquet files.
-- Money is in fen, rates have six places and are rounded half away from zero, a daily mean is taken over
-- natural days, division by zero is null. Every value must equal ours to the last digit.
--
-- Before this file the runner (handwritten.py) makes
--   variables   as_of (DATE), currency (VARCHAR), low and high (customers low <= customer < high)
--   views       parties, organisations, accounts, balances, transactions, holdings, cards,
--               channel_events, contacts, pushes, consents, ownership: rows of that customer range;
--               fx_rates; currencies (currency, exponent); yesterday (what the night before held)
-- and after it copies the view `profile` to Parquet.

------------------------------------------------------------------------------------------- small words

CREATE OR REPLACE TEMP MACRO today() AS getvariable('as_of')::DATE;
CREATE OR REPLACE TEMP MACRO days_ago(n) AS today() - n::INTEGER;
-- whole calendar months: 0 is the as-of day's own, 1 the last one that is over
CREATE OR REPLACE TEMP MACRO month_first(ago) AS (date_trunc('month', today()) - to_months(ago))::DATE;
CREATE OR REPLACE TEMP MACRO month_last(ago) AS last_day(month_first(ago));

-- how many days of first..last a change made `age` days ago is in the balance
CREATE OR REPLACE TEMP MACRO held(age, first, last) AS
    greatest(0, least(age - (today() - last), last - first) + 1);
-- integer division, half away from zero; fen stay far below 2^62
CREATE OR REPLACE TEMP MACRO divided(a, b) AS
    (2 * a::BIGINT + CASE WHEN a < 0 THEN -b ELSE b END) // (2 * b);
CREATE OR REPLACE TEMP MACRO daily_mean(product, days) AS coalesce(divided(product, days), 0);
-- a / b with six places; amounts times a million need 128 bits
CREATE OR REPLACE TEMP MACRO rate(a, b) AS
    (((2000000::HUGEINT * a + sign(a) * abs(b)) // (2 * nullif(b, 0)))::DECIMAL(28, 0)
      * 0.000001::DECIMAL(7, 6))::DECIMAL(18, 6);

-------------------------------------------------------------------------------------- who the customer is

-- One row per customer; each field from the most trusted source that knows it.
CREATE OR REPLACE TEMP VIEW golden AS
WITH person AS (
    SELECT customer, count(DISTINCT source) AS sources,
        arg_min(city, nth) AS city, arg_min(district, nth) AS district, arg_min(branch_id, nth) AS branch_id,
        arg_min(sex, nth) AS sex, arg_min(birth_date, nth) AS birth_date, arg_min(opened_on, nth) AS opened_on,
        arg_min(closed_on, nth) AS closed_on, arg_min(deceased, nth) AS deceased,
        arg_min(nationality, nth) AS nationality, arg_min(id_type, nth) AS id_type,
        arg_min(id_expires_on, nth) AS id_expires_on, arg_min(risk_class, nth) AS risk_class,
        arg_min(risk_assessed_on, nth) AS risk_assessed_on, arg_min(credit_score, nth) AS credit_score
    FROM (
        SELECT *, row_number() OVER (
            PARTITION BY customer
            ORDER BY list_position(['core', 'cards', 'mobile', 'partner'], source) NULLS LAST, source, party_id
        ) AS nth
        FROM parties
    )
    GROUP BY customer
),
body AS (
    SELECT customer, count(DISTINCT source) AS sources, arg_min(kind, nth) AS kind,
        arg_min(city, nth) AS city, arg_min(district, nth) AS district, arg_min(branch_id, nth) AS branch_id,
        arg_min(opened_on, nth) AS opened_on, arg_min(closed_on, nth) AS closed_on
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
    coalesce(p.city, o.city) AS city, coalesce(p.district, o.district) AS district,
    coalesce(p.branch_id, o.branch_id) AS branch_id, p.sex, p.birth_date,
    coalesce(p.opened_on, o.opened_on) AS opened_on, coalesce(p.closed_on, o.closed_on) AS closed_on,
    p.deceased, p.nationality, p.id_type, p.id_expires_on, p.risk_class, p.risk_assessed_on, p.credit_score
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
             THEN delta ELSE 0 END AS asset,
        CASE WHEN category IN ('demand', 'wallet') THEN delta ELSE 0 END AS demand,
        CASE WHEN category = 'term' THEN delta ELSE 0 END AS term,
        CASE WHEN category IN ('credit_card', 'consumer_loan', 'mortgage', 'business_loan')
             THEN delta ELSE 0 END AS loan
    FROM ledger
)
SELECT customer,
    sum(asset)::BIGINT AS aum,
    sum(demand)::BIGINT AS demand_balance,
    sum(term)::BIGINT AS term_balance,
    sum(loan)::BIGINT AS loan,
    sum(CASE WHEN age >= 30 THEN asset ELSE 0 END)::BIGINT AS aum_30d_ago,
    sum(asset * held(age, days_ago(29), today()))::BIGINT AS product_30d,
    sum(asset * held(age, days_ago(89), today()))::BIGINT AS product_90d,
    sum(asset * held(age, days_ago(179), days_ago(90)))::BIGINT AS product_prior_90d,
    sum(asset * held(age, days_ago(364), today()))::BIGINT AS product_365d,
    sum(asset * held(age, month_first(0), today()))::BIGINT AS product_mtd,
    sum((demand + term) * held(age, month_first(0), today()))::BIGINT AS deposit_product_mtd,
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
    sum(amount) FILTER (is_flow AND is_in AND d30) AS inflow_30d,
    sum(amount) FILTER (is_flow AND is_out AND d30) AS outflow_30d,
    sum(amount) FILTER (is_flow AND is_in AND d90) AS inflow_90d,
    sum(amount) FILTER (is_flow AND is_out AND d90) AS outflow_90d,
    max(amount) FILTER (is_flow AND is_in AND d30) AS largest_inflow_30d,
    sum(amount) FILTER (elsewhere AND kind = 'transfer' AND d30) AS out_to_banks_30d,
    sum(amount) FILTER (elsewhere AND kind = 'transfer' AND d90) AS out_to_banks_90d,
    sum(amount) FILTER (elsewhere AND kind = 'transfer' AND last_month) AS out_to_banks_last_month,
    sum(amount) FILTER (elsewhere AND own_name AND d90) AS own_name_out_90d,
    sum(amount) FILTER (is_out AND kind = 'third_party_payment' AND d30) AS third_party_paid_30d,
    count(*) FILTER (initiated AND d30) AS transactions_30d,
    count(*) FILTER (initiated AND d90) AS transactions_90d,
    sum(amount) FILTER (initiated AND d90) AS transacted_amount_90d,
    max(date) FILTER (initiated) AS last_transaction_on,
    bool_or(kind = 'utilities' AND d90) AS pays_utilities,
    bool_or(kind = 'tuition' AND is_out) AS pays_tuition,
    bool_or(kind = 'house_purchase' AND is_out AND d90) AS house_purchase_90d,
    sum(amount) FILTER (kind IN ('house_purchase', 'tuition') AND is_out AND d30) AS house_and_tuition_30d,
    bit_count(bit_or(1 << months_ago::INTEGER) FILTER (kind = 'salary' AND is_in AND months_ago BETWEEN 1 AND 6))
        AS salary_months_6,
    sum(amount) FILTER (kind = 'salary' AND is_in AND months_ago BETWEEN 1 AND 6) AS salary_6_months,
    max(date) FILTER (kind = 'salary' AND is_in AND d184) AS salary_last_on,
    bool_or(kind = 'salary' AND is_in AND d62) AS has_salary,
    max({'day': date, 'name': counterparty_name})
        FILTER (kind = 'salary' AND is_in AND d184 AND counterparty_name IS NOT NULL).name AS employer,
    sum(amount) FILTER (kind = 'salary' AND is_in AND last_month) AS salary_last_month,
    bool_or(kind = 'pension' AND is_in AND d62) AS has_pension,
    sum(amount) FILTER (kind = 'pension' AND is_in AND last_month) AS pension_last_month,
    sum(amount) FILTER (kind = 'etc_toll' AND d90) AS etc_paid_90d,
    sum(amount) FILTER (kind = 'fx_purchase' AND is_out AND this_year) AS fx_purchase_ytd,
    sum(amount) FILTER (kind = 'fx_settlement' AND is_in AND this_year) AS fx_settlement_ytd,
    sum(amount) FILTER (kind = 'overseas_payment' AND is_out) AS overseas_paid_365d
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
    bit_or(category_bit) FILTER (is_open) AS held_categories,
    count(*) FILTER (is_open) AS accounts_open,
    min(opened_on) AS first_account_on,
    bool_or(is_open AND account_class = 'I') AS has_class_one,
    bool_or(is_open AND currency IN ('USD', 'HKD', 'EUR', 'GBP', 'JPY', 'AUD', 'CAD', 'SGD', 'CHF'))
        AS has_foreign_currency,
    bool_or(is_open AND employer_opened) AS opened_by_employer,
    count(*) FILTER (is_open AND has_term AND matures_on BETWEEN today() + 1 AND today() + 7) AS maturing_7d,
    count(*) FILTER (is_open AND has_term AND matures_on BETWEEN today() + 1 AND today() + 30) AS maturing_30d,
    min(matures_on) FILTER (is_open AND has_term AND matures_on > today()) AS next_maturity_on
FROM account
GROUP BY customer;

CREATE OR REPLACE TEMP VIEW holding_facts AS
SELECT customer,
    sum(value) AS holdings_value,
    max(value) AS holdings_largest,
    sum(value) FILTER (category = 'fund') AS fund_value,
    sum(value) FILTER (category = 'wealth') AS wealth_value,
    sum(value) FILTER (matures_on BETWEEN today() + 1 AND today() + 7) AS maturing_amount_7d,
    sum(value) FILTER (matures_on BETWEEN today() + 1 AND today() + 30) AS maturing_amount_30d,
    coalesce(sum(value - cost), 0) AS gain,
    coalesce(sum(cost) FILTER (value IS NOT NULL), 0) AS cost,
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
    count(*) FILTER (is_open) AS cards_open,
    bool_or(is_open AND issued_on >= days_ago(89)) AS card_new_90d,
    bool_or(is_open AND issued_on >= days_ago(89) AND (last_used_on IS NULL OR last_used_on > today()))
        AS card_new_unused,
    bool_or(is_open AND is_inactive AND issued_on BETWEEN days_ago(3679) AND days_ago(30))
        AS card_never_activated,
    max(last_used_on) FILTER (last_used_on <= today()) AS card_last_used_on,
    bool_or(is_open AND expires_on BETWEEN today() + 1 AND today() + 60) AS card_expires_60d,
    bool_or(is_open AND kind = 'credit' AND last_used_on BETWEEN days_ago(89) AND today())
        AS has_credit_card_in_use,
    sum(credit_limit) FILTER (is_open) AS credit_limit,
    sum(credit_used) FILTER (is_open) AS credit_used,
    bool_or(is_open AND kind = 'social_security') AS has_social_card,
    bool_or(is_open AND is_inactive AND kind = 'social_security') AS social_card_inactive,
    bool_or(is_open AND kind = 'etc') AS has_etc,
    bool_or(is_open AND kind = 'dual_currency') AS has_dual_card
FROM card
GROUP BY customer;

------------------------------------------------------------- channels, contacts, campaigns, consent, owner

CREATE OR REPLACE TEMP VIEW event_facts AS
SELECT customer,
    count(*) FILTER (kind = 'login' AND date >= days_ago(29)) AS logins_30d,
    count(*) FILTER (kind = 'login' AND date >= days_ago(89)) AS logins_90d,
    max(date) FILTER (kind = 'login') AS last_login_on,
    bool_or(kind = 'login' AND date >= month_first(0)) AS is_mau,
    bool_or(kind = 'login' AND channel IN ('mobile', 'wechat') AND date >= days_ago(89)) AS uses_mobile,
    count(*) FILTER (kind IN ('view_product', 'search') AND date >= days_ago(29)) AS product_views_30d,
    max({'day': date, 'topic': topic})
        FILTER (kind IN ('view_product', 'search') AND date >= days_ago(29) AND topic IS NOT NULL).topic
        AS interest_topic,
    count(*) FILTER (kind = 'message_click' AND date >= days_ago(89)) AS message_clicks_90d,
    bool_or(kind = 'bind_card' AND date >= days_ago(89)) AS binds_card_90d,
    count(*) FILTER (kind = 'ticket' AND date >= days_ago(89)) AS visits_90d,
    max(date) FILTER (kind = 'ticket') AS last_visit_on,
    max(date) FILTER (kind = 'complaint' AND date >= days_ago(89)) AS last_complaint_on
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
    count(*) FILTER (date >= days_ago(89)) AS contacts_90d,
    count(*) FILTER (is_effective AND date >= days_ago(89)) AS effective_contacts_90d,
    max(date) FILTER (is_effective) AS last_effective_contact_on,
    max(date) FILTER (outcome = 'declined' AND date >= days_ago(89)) AS last_declined_on,
    count(*) FILTER (means = 'call' AND date >= days_ago(6)) AS calls_7d,
    count(*) FILTER (means = 'sms' AND date >= month_first(0)) AS messages_mtd
FROM contact
GROUP BY customer;

CREATE OR REPLACE TEMP VIEW push_facts AS
WITH push AS (
    SELECT customer, arm, date >= days_ago(89) AS d90, reached_on <= today() AS is_reached,
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
    count(*) FILTER (arm = 'treated' AND is_converted) AS answered,
    count(*) FILTER (arm = 'treated') AS treated
FROM push
GROUP BY customer;

-- Agreed: a consent in force, younger than the last refusal by the same means ('any' speaks for all).
CREATE OR REPLACE TEMP VIEW consent_facts AS
WITH consent AS (
    SELECT customer, means,
        CASE WHEN withdrawn_on IS NULL OR withdrawn_on > today() THEN granted_on END AS granted,
        CASE WHEN withdrawn_on <= today() THEN withdrawn_on END AS refused
    FROM consents WHERE granted_on <= today() AND purpose = 'marketing'
)
SELECT customer,
    max(granted) FILTER (means IN ('call', 'any')) AS granted_call,
    max(refused) FILTER (means IN ('call', 'any')) AS refused_call,
    max(granted) FILTER (means IN ('sms', 'any')) AS granted_sms,
    max(refused) FILTER (means IN ('sms', 'any')) AS refused_sms,
    max(granted) FILTER (means IN ('push', 'any')) AS granted_push,
    max(refused) FILTER (means IN ('push', 'any')) AS refused_push,
    max(granted) FILTER (means IN ('wecom', 'any')) AS granted_wecom,
    max(refused) FILTER (means IN ('wecom', 'any')) AS refused_wecom,
    max(granted) FILTER (means IN ('email', 'any')) AS granted_email,
    max(refused) FILTER (means IN ('email', 'any')) AS refused_email
FROM consent
GROUP BY customer;

CREATE OR REPLACE TEMP VIEW owner_facts AS
WITH owned AS (
    SELECT *, to_date IS NULL OR to_date > today() AS in_force FROM ownership WHERE from_date <= today()
)
SELECT customer,
    count(*) FILTER (duty = 'primary' AND in_force) AS owners,
    max({'day': from_date, 'post': post_id}) FILTER (duty = 'primary' AND in_force AND post_id IS NOT NULL).post
        AS owner_post,
    max(from_date) FILTER (duty = 'primary' AND in_force) AS owner_since,
    count(*) FILTER (duty = 'primary' AND from_date >= days_ago(364)) AS owner_changes_365d,
    bool_or(duty IN ('adviser', 'private_banking') AND in_force) AS has_adviser
FROM owned
GROUP BY customer;

---------------------------------------------------------------------------------------------- the profile

CREATE OR REPLACE TEMP VIEW profile AS
WITH wide AS (
    SELECT
        customer,
        -- who he is
        coalesce(kind, 'person') = 'person' AS is_person, city, district, branch_id AS branch, sex,
        date_sub('year', birth_date, today()) AS age,
        birth_date + to_years((year(today()) - year(birth_date))::INTEGER) AS birthday_this_year,
        birth_date + to_years((year(today()) - year(birth_date) + 1)::INTEGER) AS birthday_next_year,
        date_sub('month', opened_on, today()) AS tenure_months,
        coalesce(deceased, false) AS deceased,
        coalesce(closed_on <= today(), false) AS relationship_closed,
        nationality <> 'CHN'
            OR id_type IN ('residence_permit_hmt', 'permanent_resident_id', 'permit_hk_macau', 'permit_taiwan',
                           'passport') AS is_foreigner,
        sources,
        CASE WHEN id_expires_on < today() THEN today() - id_expires_on END AS id_expired_days,
        id_expires_on >= today() AND id_expires_on - today() <= 90 AS id_expires_90d,
        CASE risk_class WHEN 'C1' THEN 1 WHEN 'C2' THEN 2 WHEN 'C3' THEN 3 WHEN 'C4' THEN 4 WHEN 'C5' THEN 5
        END::BIGINT AS risk_level,
        coalesce(risk_class IS NOT NULL AND today() <= risk_assessed_on + to_months(12), false)
            AS risk_assessment_valid,
        CASE WHEN credit_score < 400 THEN 0 WHEN credit_score < 500 THEN 1 WHEN credit_score < 600 THEN 2
             WHEN credit_score < 700 THEN 3 WHEN credit_score IS NOT NULL THEN 4 END::BIGINT AS credit_score_band,
        granted_call IS NOT NULL AND coalesce(granted_call > refused_call, true) AS agrees_call,
        granted_sms IS NOT NULL AND coalesce(granted_sms > refused_sms, true) AS agrees_sms,
        granted_push IS NOT NULL AND coalesce(granted_push > refused_push, true) AS agrees_push,
        granted_wecom IS NOT NULL AND coalesce(granted_wecom > refused_wecom, true) AS agrees_wecom,
        granted_email IS NOT NULL AND coalesce(granted_email > refused_email, true) AS agrees_email,
        least(g.opened_on, today()) AS known_since,
        -- balances
        coalesce(aum, 0) AS aum, coalesce(aum_30d_ago, 0) AS aum_30d_ago,
        coalesce(demand_balance, 0) AS demand_balance, coalesce(term_balance, 0) AS term_balance,
        coalesce(-loan, 0) AS loan_balance,
        daily_mean(product_30d, 30) AS aum_30d, daily_mean(product_90d, 90) AS aum_90d,
        daily_mean(product_prior_90d, 90) AS aum_prior_90d, daily_mean(product_365d, 365) AS aum_365d,
        daily_mean(product_mtd, day(today())) AS aum_mtd,
        daily_mean(deposit_product_mtd, day(today())) AS deposits_mtd,
        daily_mean(product_1, day(month_last(1))) AS month_1, daily_mean(product_2, day(month_last(2))) AS month_2,
        daily_mean(product_3, day(month_last(3))) AS month_3, daily_mean(product_4, day(month_last(4))) AS month_4,
        daily_mean(product_5, day(month_last(5))) AS month_5, daily_mean(product_6, day(month_last(6))) AS month_6,
        daily_mean(product_7, day(month_last(7))) AS month_7, daily_mean(product_8, day(month_last(8))) AS month_8,
        daily_mean(product_9, day(month_last(9))) AS month_9, daily_mean(product_10, day(month_last(10))) AS month_10,
        daily_mean(product_11, day(month_last(11))) AS month_11,
        daily_mean(product_12, day(month_last(12))) AS month_12,
        -- accounts, positions, cards
        coalesce(held_categories, 0) AS held_categories, coalesce(accounts_open, 0) AS accounts_open,
        first_account_on, coalesce(has_class_one, false) AS has_class_one,
        coalesce(has_foreign_currency, false) AS has_foreign_currency,
        coalesce(opened_by_employer, false) AS opened_by_employer, coalesce(maturing_7d, 0) AS maturing_7d,
        coalesce(maturing_30d, 0) AS maturing_30d, next_maturity_on,
        coalesce(maturing_amount_7d, 0)::BIGINT AS maturing_amount_7d,
        coalesce(maturing_amount_30d, 0)::BIGINT AS maturing_amount_30d,
        coalesce(fund_value, 0)::BIGINT AS fund_value, coalesce(wealth_value, 0)::BIGINT AS wealth_value,
        rate(gain, h.cost) AS position_gain_rate,
        CASE WHEN holdings_value > 0 THEN rate(holdings_largest, holdings_value) END AS concentration,
        coalesce(has_stale_price, false) AS has_stale_price,
        coalesce(cards_open, 0) AS cards_open, coalesce(card_new_90d, false) AS card_new_90d,
        coalesce(card_new_unused, false) AS card_new_unused,
        coalesce(card_never_activated, false) AS card_never_activated, card_last_used_on,
        coalesce(card_expires_60d, false) AS card_expires_60d,
        coalesce(has_credit_card_in_use, false) AS has_credit_card_in_use,
        coalesce(credit_limit, 0)::BIGINT AS credit_limit, coalesce(credit_used, 0)::BIGINT AS credit_used,
        coalesce(has_social_card, false) AS has_social_card,
        coalesce(social_card_inactive, false) AS social_card_inactive, coalesce(has_etc, false) AS has_etc,
        coalesce(has_dual_card, false) AS has_dual_card,
        -- movements
        coalesce(inflow_30d, 0)::BIGINT AS inflow_30d, coalesce(outflow_30d, 0)::BIGINT AS outflow_30d,
        coalesce(inflow_90d, 0)::BIGINT AS inflow_90d, coalesce(outflow_90d, 0)::BIGINT AS outflow_90d,
        largest_inflow_30d, coalesce(out_to_banks_30d, 0)::BIGINT AS out_to_banks_30d,
        coalesce(out_to_banks_90d, 0)::BIGINT AS out_to_banks_90d,
        coalesce(out_to_banks_last_month, 0)::BIGINT AS out_to_banks_last_month,
        coalesce(own_name_out_90d, 0)::BIGINT AS own_name_out_90d,
        coalesce(third_party_paid_30d, 0)::BIGINT AS third_party_paid_30d,
        coalesce(transactions_30d, 0) AS transactions_30d, coalesce(transactions_90d, 0) AS transactions_90d,
        coalesce(transacted_amount_90d, 0)::BIGINT AS transacted_amount_90d, last_transaction_on,
        coalesce(pays_utilities, false) AS pays_utilities, coalesce(pays_tuition, false) AS pays_tuition,
        coalesce(house_purchase_90d, false) AS house_purchase_90d,
        coalesce(house_and_tuition_30d, 0)::BIGINT AS house_and_tuition_30d,
        coalesce(salary_months_6, 0)::BIGINT AS salary_months_6,
        coalesce(salary_6_months, 0)::BIGINT AS salary_6_months, salary_last_on,
        coalesce(has_salary, false) AS has_salary, employer,
        coalesce(salary_last_month, 0)::BIGINT AS salary_last_month, coalesce(has_pension, false) AS has_pension,
        coalesce(pension_last_month, 0)::BIGINT AS pension_last_month,
        coalesce(etc_paid_90d, 0)::BIGINT AS etc_paid_90d, coalesce(fx_purchase_ytd, 0)::BIGINT AS fx_purchase_ytd,
        coalesce(fx_settlement_ytd, 0)::BIGINT AS fx_settlement_ytd,
        coalesce(overseas_paid_365d, 0)::BIGINT AS overseas_paid_365d,
        -- channels and care
        coalesce(logins_30d, 0) AS logins_30d, coalesce(logins_90d, 0) AS logins_90d, last_login_on,
        coalesce(is_mau, false) AS is_mau, coalesce(uses_mobile, false) AS uses_mobile,
        coalesce(product_views_30d, 0) AS product_views_30d, interest_topic,
        coalesce(message_clicks_90d, 0) AS message_clicks_90d, coalesce(binds_card_90d, false) AS binds_card_90d,
        coalesce(visits_90d, 0) AS visits_90d, last_visit_on, last_complaint_on,
        coalesce(contacts_90d, 0) AS contacts_90d, coalesce(effective_contacts_90d, 0) AS effective_contacts_90d,
        last_effective_contact_on, last_declined_on, coalesce(calls_7d, 0) AS calls_7d,
        coalesce(messages_mtd, 0) AS messages_mtd,
        coalesce(owners, 0) AS owners, owner_post, owner_since,
        coalesce(owner_changes_365d, 0) AS owner_changes_365d, coalesce(has_adviser, false) AS has_adviser,
        coalesce(targeted_90d, false) AS targeted_90d, coalesce(reached_90d, false) AS reached_90d,
        coalesce(converted_90d, false) AS converted_90d,
        coalesce(converted_treated_90d, false) AS converted_treated_90d,
        coalesce(held_out_90d, false) AS held_out_90d,
        coalesce(converted_control_90d, false) AS converted_control_90d,
        rate(answered, treated) AS campaign_response_365d,
        -- what the night before held
        y.as_of_day AS was_day, y.tier_rank AS was_rank, y.tier_since AS was_tier_since, y.tier_hits AS was_hits,
        y.tier_misses AS was_misses, y.stage AS was_stage, y.stage_since AS was_stage_since,
        y.stage_reason AS was_stage_reason, y.stage_before AS was_stage_before
    FROM golden g
    LEFT JOIN balance_facts USING (customer)
    LEFT JOIN movement_facts USING (customer)
    LEFT JOIN account_facts USING (customer)
    LEFT JOIN holding_facts h USING (customer)
    LEFT JOIN card_facts USING (customer)
    LEFT JOIN event_facts USING (customer)
    LEFT JOIN contact_facts USING (customer)
    LEFT JOIN push_facts USING (customer)
    LEFT JOIN consent_facts USING (customer)
    LEFT JOIN owner_facts USING (customer)
    LEFT JOIN yesterday y USING (customer)
),
derived AS (
    SELECT *,
        CASE WHEN today() = last_day(today()) THEN aum_mtd ELSE month_1 END AS aum_month,
        demand_balance + term_balance AS deposits,
        rate(aum_90d - aum_prior_90d, CASE WHEN aum_prior_90d > 0 THEN aum_prior_90d END) AS aum_trend,
        divided(month_1 + month_2 + month_3 + month_4 + month_5 + month_6, 6) AS half_year_mean,
        -- six whole months of history: empty months before the first account tell nothing
        date_sub('month', date_trunc('month', first_account_on)::DATE, today()) >= 7 AS known_half_year,
        greatest(month_1, month_2, month_3, month_4, month_5, month_6, month_7, month_8, month_9, month_10,
                 month_11, month_12) AS aum_peak_12m,
        greatest(aum_30d_ago - aum - house_and_tuition_30d, 0) AS unexplained_drop_30d,
        age < 18 AS is_minor,
        held_categories & 1 > 0 AS has_demand, held_categories & 2 > 0 AS has_term,
        held_categories & 4 > 0 AS has_wealth, held_categories & 8 > 0 AS has_fund,
        held_categories & 16 > 0 AS has_insurance, held_categories & 32 > 0 AS has_bond,
        held_categories & 64 > 0 AS has_metal, held_categories & 128 > 0 AS has_wallet,
        held_categories & 256 > 0 AS has_escrow, held_categories & 512 > 0 AS has_credit_card,
        held_categories & 1024 > 0 AS has_consumer_loan, held_categories & 2048 > 0 AS has_mortgage,
        held_categories & 4096 > 0 AS has_business_loan,
        bit_count(held_categories & ~256)::BIGINT AS product_count,
        has_etc OR etc_paid_90d > 0 AS is_car_owner,
        greatest(last_transaction_on, last_login_on, last_visit_on) AS last_active_on,
        -- months that are over at the end of a day, for moves between tiers
        coalesce(year(today()) * 12 + month(today()) - (today() <> last_day(today()))::INTEGER
            > year(was_day) * 12 + month(was_day) - (was_day <> last_day(was_day))::INTEGER, false) AS month_ended
    FROM wide
),
further AS (
    SELECT *,
        today() - last_active_on AS inactive_days,
        CASE WHEN aum_30d_ago > 0 AND NOT deceased
             THEN unexplained_drop_30d >= 5000000 AND rate(unexplained_drop_30d, aum_30d_ago) >= 0.3
             ELSE false END AS large_outflow,
        has_mortgage OR house_purchase_90d AS is_home_owner,
        has_pension OR age >= 65 AS is_retired,
        age >= 53 AND age < 64 AND has_salary AND NOT has_pension AS is_retiring,
        CASE WHEN is_person THEN
            CASE WHEN aum_mtd < 5000000 THEN 0 WHEN aum_mtd < 20000000 THEN 1 WHEN aum_mtd < 100000000 THEN 2
                 WHEN aum_mtd < 800000000 THEN 3 ELSE 4 END
        END::BIGINT AS tier_raw_rank,
        CASE WHEN is_person THEN
            CASE WHEN aum_month < 5000000 THEN 0 WHEN aum_month < 20000000 THEN 1 WHEN aum_month < 100000000 THEN 2
                 WHEN aum_month < 800000000 THEN 3 ELSE 4 END
        END::BIGINT AS tier_month_rank
    FROM derived
),
counted AS (
    SELECT *,
        CASE WHEN month_ended AND tier_month_rank > was_rank THEN coalesce(was_hits, 0) + 1
             WHEN month_ended THEN 0 ELSE coalesce(was_hits, 0) END AS hits,
        CASE WHEN month_ended AND tier_month_rank < was_rank THEN coalesce(was_misses, 0) + 1
             WHEN month_ended THEN 0 ELSE coalesce(was_misses, 0) END AS misses,
        age >= 25 AND age < 41 AND (is_home_owner OR pays_tuition) AS is_young_family,
        pays_tuition AND age >= 26 AND age < 61 AS has_schoolchild,
        was_stage_since > days_ago(30) AS stage_is_fresh,
        inactive_days IS NULL OR inactive_days > 180 AS is_silent
    FROM further
),
reasoned AS (
    SELECT *,
        CASE WHEN tier_raw_rank IS NULL THEN NULL
             WHEN was_rank IS NULL THEN 'first_seen'
             WHEN month_ended AND hits >= 1 THEN 'raised'
             WHEN month_ended AND misses >= 3 THEN 'lowered'
             WHEN misses > 0 THEN 'in_grace'
             WHEN hits > 0 THEN 'waiting_to_rise'
             ELSE 'kept' END AS tier_reason,
        CASE WHEN first_account_on IS NULL AND NOT relationship_closed AND NOT deceased THEN 'no_account'
             WHEN deceased THEN 'deceased'
             WHEN relationship_closed THEN 'closed'
             WHEN accounts_open = 0 THEN 'no_open_account'
             WHEN is_silent AND first_account_on < days_ago(180)
                  AND aum <= 1000 AND aum_30d <= 1000 AND loan_balance <= 0 THEN 'empty_and_silent'
             WHEN was_stage = 'lost' OR (was_stage = 'won_back' AND was_stage_since > days_ago(90))
                  THEN 'came_back'
             WHEN first_account_on > days_ago(90) THEN 'first_account'
             WHEN large_outflow THEN 'large_outflow'
             WHEN aum_prior_90d - aum_90d >= 500000 AND aum_trend <= -0.3 AND NOT house_purchase_90d
                  THEN 'assets_falling'
             WHEN is_silent AND NOT (has_term OR has_wealth OR has_mortgage) THEN 'silent'
             WHEN was_stage = 'at_risk' AND stage_is_fresh THEN was_stage_reason
             WHEN (aum_90d - aum_prior_90d >= 500000 AND coalesce(aum_trend, 1) >= 0.2)
                  OR (was_stage = 'growing' AND stage_is_fresh) THEN 'assets_rising'
             ELSE 'steady' END AS stage_reason
    FROM counted
),
placed AS (
    SELECT *,
        CASE WHEN tier_reason = 'first_seen' THEN tier_raw_rank
             WHEN tier_reason IN ('raised', 'lowered') THEN tier_month_rank
             WHEN tier_reason IS NOT NULL THEN was_rank END AS tier_rank,
        CASE WHEN stage_reason = 'no_account' THEN 'prospect'
             WHEN stage_reason = 'first_account' THEN 'new'
             WHEN stage_reason = 'assets_rising' THEN 'growing'
             WHEN stage_reason IN ('large_outflow', 'assets_falling', 'silent') THEN 'at_risk'
             WHEN stage_reason IN ('deceased', 'closed', 'no_open_account', 'empty_and_silent') THEN 'lost'
             WHEN stage_reason = 'came_back' THEN 'won_back'
             ELSE 'active' END AS stage
    FROM reasoned
)
SELECT
    customer,
    is_person, city, district, branch, sex, age, is_minor, age < 14 AS is_under_14, age >= 65 AS is_elder,
    CASE WHEN birthday_this_year >= today() THEN birthday_this_year::DATE - today() <= 7
         ELSE birthday_next_year::DATE - today() <= 7 END AS birthday_7d,
    tenure_months, deceased, relationship_closed, is_foreigner, sources, id_expired_days, id_expires_90d,
    risk_level, risk_assessment_valid, credit_score_band,
    agrees_call, agrees_sms, agrees_push, agrees_wecom, agrees_email,
    (agrees_call OR agrees_sms OR agrees_push OR agrees_wecom OR agrees_email)
        AND NOT deceased AND NOT coalesce(is_minor, false) AND NOT relationship_closed AS may_be_marketed,
    -- assets
    aum, aum_30d, aum_90d, aum_365d, aum_mtd, month_1 AS aum_last_month, aum_month, aum_30d_ago,
    aum - aum_30d_ago AS aum_change_30d,
    CASE WHEN aum_30d_ago > 0 THEN rate(aum - aum_30d_ago, aum_30d_ago) END AS aum_change_rate_30d,
    aum_prior_90d, aum_trend,
    CASE WHEN known_half_year
         THEN divided((month_1 - month_6) * 5 + (month_2 - month_5) * 3 + (month_3 - month_4), 35)
    END AS aum_slope_6m,
    CASE WHEN known_half_year AND half_year_mean > 0
         THEN rate(greatest(month_1, month_2, month_3, month_4, month_5, month_6)
                   - least(month_1, month_2, month_3, month_4, month_5, month_6), half_year_mean)
    END AS aum_spread_6m,
    -- population deviation over the mean; yuan as a double, as models have it
    CASE WHEN known_half_year AND half_year_mean > 0 THEN (
        round(sqrt((  (month_1 / 100 - half_year_mean / 100) ** 2 + (month_2 / 100 - half_year_mean / 100) ** 2
                    + (month_3 / 100 - half_year_mean / 100) ** 2 + (month_4 / 100 - half_year_mean / 100) ** 2
                    + (month_5 / 100 - half_year_mean / 100) ** 2 + (month_6 / 100 - half_year_mean / 100) ** 2
                   ) / 6) / (half_year_mean / 100) * 1000000)::BIGINT * 0.000001::DECIMAL(7, 6))::DECIMAL(18, 6)
    END AS aum_volatility,
    aum_peak_12m,
    CASE WHEN aum_peak_12m > 0 THEN rate(aum_peak_12m - least(aum_peak_12m, aum_30d), aum_peak_12m)
    END AS aum_drawdown,
    demand_balance, term_balance, deposits, deposits_mtd, aum - deposits AS investments,
    CASE WHEN aum > 0 THEN rate(aum - deposits, aum) END AS investment_share,
    CASE WHEN aum > 0 THEN rate(demand_balance, aum) END AS idle_share,
    loan_balance, aum - loan_balance AS net_assets, has_stale_price,
    -- products
    has_demand, has_term, has_wealth, has_fund, has_insurance, has_bond, has_metal, has_wallet, has_escrow,
    has_credit_card, has_consumer_loan, has_mortgage, has_business_loan, product_count, accounts_open,
    first_account_on, has_class_one, has_foreign_currency, opened_by_employer, maturing_7d, maturing_30d,
    next_maturity_on, maturing_amount_7d, maturing_amount_30d, fund_value, wealth_value, position_gain_rate,
    concentration,
    -- money in and out
    inflow_30d, outflow_30d, inflow_90d, outflow_90d, inflow_30d - outflow_30d AS net_flow_30d,
    inflow_90d - outflow_90d AS net_flow_90d, rate(outflow_30d, inflow_30d) AS outflow_ratio_30d,
    rate(outflow_90d, inflow_90d) AS outflow_ratio_90d, largest_inflow_30d, out_to_banks_30d, out_to_banks_90d,
    own_name_out_90d, third_party_paid_30d, transactions_30d, transactions_90d, transacted_amount_90d,
    last_transaction_on, pays_utilities, pays_tuition, house_purchase_90d, unexplained_drop_30d, large_outflow,
    -- income
    salary_months_6,
    CASE WHEN salary_months_6 > 0 THEN divided(salary_6_months, salary_months_6) END AS salary_amount,
    salary_last_on, has_salary, salary_months_6 >= 3 AND NOT has_salary AS salary_stopped, employer, has_pension,
    pension_last_month,
    CASE WHEN salary_last_month > 0 THEN 1 - rate(out_to_banks_last_month, salary_last_month)
    END::DECIMAL(18, 6) AS salary_kept_rate,
    -- cards, car, border
    cards_open, card_new_90d, card_new_unused, card_never_activated, card_last_used_on, card_expires_60d,
    has_credit_card_in_use, credit_limit, credit_used, rate(credit_used, credit_limit) AS credit_use_rate,
    has_social_card, social_card_inactive, has_etc, etc_paid_90d, is_car_owner,
    fx_purchase_ytd, fx_settlement_ytd, overseas_paid_365d, has_dual_card,
    has_foreign_currency OR has_dual_card OR fx_purchase_ytd > 0 OR fx_settlement_ytd > 0
        OR overseas_paid_365d > 0 AS is_cross_border,
    -- channels
    logins_30d, logins_90d, last_login_on, is_mau, uses_mobile, product_views_30d, interest_topic,
    message_clicks_90d, binds_card_90d,
    -- care
    owners > 0 AS has_owner, owners, owner_post, owner_since, owner_changes_365d, has_adviser, contacts_90d,
    effective_contacts_90d, last_effective_contact_on, last_declined_on,
    coalesce(last_declined_on > days_ago(14), false) AS in_cool_down, calls_7d, messages_mtd, visits_90d,
    last_visit_on, last_complaint_on, last_complaint_on IS NOT NULL AS complained_90d, targeted_90d, reached_90d,
    converted_90d, converted_treated_90d, held_out_90d, converted_control_90d, campaign_response_365d,
    -- alive or asleep
    last_active_on, inactive_days, aum_mtd >= 10000 OR transactions_90d >= 1 AS is_effective,
    is_person AND NOT deceased AND NOT relationship_closed AND accounts_open > 0 AS in_scope,
    accounts_open > 0 AND first_account_on < days_ago(365) AND last_transaction_on IS NULL AND aum <= 1000
        AND NOT has_social_card
        AND NOT (has_wealth OR has_fund OR has_mortgage OR has_consumer_loan OR has_business_loan) AS is_dormant,
    -- phase of life
    is_home_owner, has_schoolchild, is_young_family, is_retiring, is_retired,
    CASE WHEN age IS NULL OR NOT is_person OR age < 18 THEN NULL
         WHEN is_retired THEN 'retired' WHEN is_retiring THEN 'retiring' WHEN is_young_family THEN 'young_family'
         WHEN has_schoolchild THEN 'family' WHEN age < 25 THEN 'starting' WHEN age < 35 THEN 'career'
         ELSE 'established' END AS life_phase,
    -- stage
    stage_reason, stage,
    CASE WHEN was_stage = stage THEN was_stage_since WHEN was_stage IS NOT NULL THEN today()
         WHEN stage = 'new' THEN first_account_on WHEN stage = 'prospect' THEN known_since
         ELSE today() END AS stage_since,
    CASE WHEN was_stage = stage THEN was_stage_before ELSE was_stage END AS stage_before,
    -- tier
    today() AS as_of_day, month_ended, tier_raw_rank, tier_month_rank, tier_reason, tier_rank,
    CASE WHEN tier_reason IN ('first_seen', 'raised', 'lowered') THEN 0
         WHEN tier_reason IS NOT NULL THEN hits END AS tier_hits,
    CASE WHEN tier_reason IN ('first_seen', 'raised', 'lowered') THEN 0
         WHEN tier_reason IS NOT NULL THEN misses END AS tier_misses,
    ['online', 'core', 'affluent', 'wealth', 'private'][tier_rank + 1] AS tier,
    CASE WHEN tier_rank IS NULL THEN NULL WHEN was_rank IS NULL THEN 'new' WHEN tier_rank > was_rank THEN 'up'
         WHEN tier_rank < was_rank THEN 'down' ELSE 'same' END AS tier_move,
    CASE WHEN tier_rank IS NULL THEN NULL WHEN tier_rank = was_rank THEN was_tier_since ELSE today()
    END AS tier_since,
    CASE WHEN NOT is_person THEN NULL
         WHEN aum_mtd >= 4000000 AND aum_mtd < 5000000 THEN 'rising'
         WHEN aum_mtd >= 80000000 AND aum_mtd < 100000000 THEN 'wealth_edge' END AS edge,
    CASE WHEN NOT is_person THEN NULL
         WHEN aum_mtd < 4000000 THEN 'online'
         WHEN aum_mtd < 5000000 THEN 'rising'
         WHEN aum_mtd < 20000000 THEN 'core'
         WHEN aum_mtd >= 80000000 AND aum_mtd < 100000000 THEN 'wealth_edge'
         WHEN aum_mtd >= 100000000 THEN 'managed' END AS key_group,
    [5000000, 20000000, 100000000, 800000000][tier_raw_rank + 1] - aum_mtd AS tier_gap,
    [NULL, 184, 92, 31, 31][tier_rank + 1]::BIGINT AS contact_standard_days,
    coalesce(tier_rank >= 2, false) AS owner_required
FROM placed
ORDER BY customer;
