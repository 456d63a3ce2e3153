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
        language, sources,
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
        refused_call, refused_sms, refused_push, refused_wecom, refused_email,
        refused_profiling IS NOT NULL AND coalesce(refused_profiling >= granted_profiling, true)
            AS profiling_refused,
        granted_profiling IS NOT NULL AND coalesce(granted_profiling > refused_profiling, true)
            AS profiling_agreed,
        granted_advice IS NOT NULL AND coalesce(granted_advice > refused_advice, true)
            AS advice_agreed,
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
        coalesce(maturing_30d, 0) AS maturing_30d, a.next_maturity_on,
        coalesce(open_class_1 > 1 OR open_class_2 > 5 OR open_class_3 > 5, false) AS is_over_account_limit,
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
        coalesce(cash_near_limit_7d >= 3, false) AS cash_near_limit,
        -- channels and care
        coalesce(logins_30d, 0) AS logins_30d, coalesce(logins_90d, 0) AS logins_90d, last_login_on,
        coalesce(is_mau, false) AS is_mau, coalesce(uses_mobile, false) AS uses_mobile,
        coalesce(product_views_30d, 0) AS product_views_30d, interest_topic,
        coalesce(message_clicks_90d, 0) AS message_clicks_90d, coalesce(binds_card_90d, false) AS binds_card_90d,
        coalesce(visits_90d, 0) AS visits_90d, last_visit_on, last_complaint_on,
        coalesce(contacts_90d, 0) AS contacts_90d, coalesce(effective_contacts_90d, 0) AS effective_contacts_90d,
        last_effective_contact_on, last_declined_on, coalesce(calls_7d, 0) AS calls_7d,
        coalesce(messages_mtd, 0) AS messages_mtd, coalesce(pushes_1d, 0) AS pushes_1d,
        coalesce(failed_calls_as_success, false) AS failed_calls_as_success,
        coalesce(owners, 0) AS owners, owner_post, owner_since,
        coalesce(owner_changes_365d, 0) AS owner_changes_365d,
        coalesce(owner_changes_90d >= 2 AND owners_ever >= 3, false) AS owner_ping_pong, coalesce(has_adviser, false) AS has_adviser,
        coalesce(is_with_team, false) AS is_with_team,
        coalesce(targeted_90d, false) AS targeted_90d, coalesce(reached_90d, false) AS reached_90d,
        coalesce(converted_90d, false) AS converted_90d,
        coalesce(converted_treated_90d, false) AS converted_treated_90d,
        coalesce(held_out_90d, false) AS held_out_90d,
        coalesce(converted_control_90d, false) AS converted_control_90d,
        rate(answered, treated) AS campaign_response_365d,
        last_push, pushed_call, pushed_sms, pushed_push, pushed_wecom, pushed_email,
        -- what the night before held
        y.as_of_day AS was_day, y.tier_rank AS was_rank, y.tier_since AS was_tier_since, y.tier_hits AS was_hits,
        y.tier_misses AS was_misses, y.stage AS was_stage, y.stage_since AS was_stage_since,
        y.stage_reason AS was_stage_reason, y.stage_before AS was_stage_before,
        y.large_outflow AS was_large_outflow, y.next_maturity_on AS was_next_maturity_on,
        y.outflow_due_on AS was_outflow_due, y.outflow_due_on_since AS was_outflow_since,
        y.maturity_due_on AS was_maturity_due, y.maturity_due_on_since AS was_maturity_since,
        y.visit_due_on AS was_visit_due, y.visit_due_on_since AS was_visit_since
    FROM golden g
    LEFT JOIN balance_facts USING (customer)
    LEFT JOIN movement_facts USING (customer)
    LEFT JOIN account_facts a USING (customer)
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
                  AND aum < 10000 AND aum_30d < 10000 AND loan_balance <= 0 THEN 'empty_and_silent'
             WHEN was_stage = 'lost' OR (was_stage = 'won_back' AND was_stage_since > days_ago(90))
                  THEN 'came_back'
             WHEN first_account_on > days_ago(90) THEN 'first_account'
             WHEN large_outflow THEN 'large_outflow'
             WHEN aum_prior_90d - aum_30d >= 500000 AND NOT house_purchase_90d
                  AND CASE WHEN aum_prior_90d > 0 THEN rate(aum_30d - aum_prior_90d, aum_prior_90d) END <= -0.3
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
),
-- the service matrix: who looks after whom, how and how often
service (service_cell, service_care, service_role, service_grade, service_channels, service_contact_days) AS (
    VALUES
        ('private', 'post', 'private_banker', '高级', 'visit,call,wecom', 31::BIGINT),
        ('wealth', 'post', 'wealth_adviser', '中级', 'visit,call,wecom', 31),
        ('affluent', 'post', 'wealth_manager', '初级', 'call,wecom,visit', 92),
        ('core', 'post', 'customer_manager', NULL, 'wecom,call,sms', 184),
        ('online', 'digital', NULL, NULL, 'push,sms', NULL),
        ('private_at_risk', 'post', 'private_banker', '高级', 'visit,call', 14),
        ('top_at_risk', 'post', 'wealth_adviser', '中级', 'visit,call', 14),
        ('affluent_at_risk', 'post', 'wealth_manager', '初级', 'call,wecom', 31),
        ('core_at_risk', 'post', 'customer_manager', NULL, 'call,wecom', 31),
        ('online_at_risk', 'team', 'remote_seat', NULL, 'call,wecom', 31),
        ('won_back', 'team', 'remote_seat', NULL, 'call,wecom', 92),
        ('lost', 'digital', NULL, NULL, 'push,sms', NULL)
),
celled AS (
    SELECT *,
        CASE WHEN tier_rank IS NULL THEN NULL WHEN tier_rank = was_rank THEN was_tier_since ELSE today()
        END AS tier_since,
        is_person AND NOT deceased AND NOT relationship_closed AND accounts_open > 0 AS in_scope,
        CASE WHEN NOT in_scope THEN NULL
             WHEN stage = 'at_risk' THEN ['online', 'core', 'affluent', 'top', 'private'][tier_rank + 1] || '_at_risk'
             WHEN stage = 'won_back' AND tier_rank = 0 THEN 'won_back'
             WHEN stage = 'lost' AND tier_rank <= 1 THEN 'lost'
             ELSE ['online', 'core', 'affluent', 'wealth', 'private'][tier_rank + 1] END AS service_cell
    FROM placed
),
served AS (
    SELECT *, coalesce(service_care <> 'digital', false) AS by_people FROM celled LEFT JOIN service USING (service_cell)
),
begun AS (
    SELECT *,
        due_still(was_outflow_due, was_outflow_since, last_effective_contact_on,
                  by_people AND large_outflow AND NOT coalesce(was_large_outflow, false), 2) AS outflow_due_on,
        due_still(was_maturity_due, was_maturity_since, last_effective_contact_on,
                  by_people AND was_next_maturity_on <= today(), 2) AS maturity_due_on,
        due_still(was_visit_due, was_visit_since, last_effective_contact_on,
                  by_people AND last_visit_on > was_day, 3) AS visit_due_on,
        CASE WHEN by_people AND stage = 'new'
                AND (last_effective_contact_on IS NULL OR last_effective_contact_on < first_account_on)
             THEN first_account_on + 7 END AS newcomer_due_on
    FROM served
),
due AS (
    SELECT *,
        CASE WHEN by_people THEN least(
            coalesce(greatest(last_effective_contact_on, owner_since), tier_since) + service_contact_days::INTEGER,
            outflow_due_on, maturity_due_on, visit_due_on, newcomer_due_on
        ) END AS contact_due_on
    FROM begun
)
SELECT
    customer,
    is_person, city, district, branch, sex, age, is_minor, age < 14 AS is_under_14, age >= 65 AS is_elder,
    CASE WHEN birthday_this_year >= today() THEN birthday_this_year::DATE - today() <= 7
         ELSE birthday_next_year::DATE - today() <= 7 END AS birthday_7d,
    tenure_months, deceased, relationship_closed, is_foreigner, language, sources, id_expired_days,
    id_expires_90d, risk_level, risk_assessment_valid, credit_score_band,
    profiling_refused, profiling_agreed, advice_agreed,
    is_person AND NOT profiling_refused AND coalesce(age >= 14, false) AND NOT deceased
        AND NOT relationship_closed AND accounts_open > 0 AS may_be_profiled,
    agrees_call, agrees_sms, agrees_push, agrees_wecom, agrees_email,
    (agrees_call OR agrees_sms OR agrees_push OR agrees_wecom OR agrees_email)
        AND NOT deceased AND NOT coalesce(is_minor, false) AND NOT relationship_closed AS may_be_marketed,
    -- assets
    aum, aum_30d, aum_90d, aum_365d, aum_mtd, month_1 AS aum_last_month, aum_month, aum_30d_ago,
    aum - aum_30d_ago AS aum_change_30d,
    CASE WHEN aum_30d_ago > 0 THEN rate(aum - aum_30d_ago, aum_30d_ago) END AS aum_change_rate_30d,
    aum_prior_90d, aum_trend, month_2 AS aum_m2, month_3 AS aum_m3, month_4 AS aum_m4, month_5 AS aum_m5,
    month_6 AS aum_m6, half_year_mean AS aum_half_year,
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
    coalesce(last_declined_on > days_ago(14), false) AS in_cool_down, calls_7d, messages_mtd, pushes_1d,
    visits_90d, last_visit_on, last_complaint_on, last_complaint_on IS NOT NULL AS complained_90d,
    targeted_90d, reached_90d, converted_90d, converted_treated_90d, held_out_90d, converted_control_90d, campaign_response_365d,
    -- alive or asleep
    last_active_on, inactive_days, aum_mtd >= 10000 OR transactions_90d >= 1 AS is_effective,
    in_scope,
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
    tier_since,
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
    coalesce(tier_rank >= 2, false) AS owner_required,
    -- service
    service_cell, service_care, service_role, service_grade, service_channels, service_contact_days,
    outflow_due_on, due_since(outflow_due_on, was_outflow_due, was_outflow_since) AS outflow_due_on_since,
    maturity_due_on, due_since(maturity_due_on, was_maturity_due, was_maturity_since) AS maturity_due_on_since,
    visit_due_on, due_since(visit_due_on, was_visit_due, was_visit_since) AS visit_due_on_since,
    newcomer_due_on, contact_due_on,
    CASE contact_due_on WHEN outflow_due_on THEN 'outflow' WHEN maturity_due_on THEN 'maturity'
         WHEN newcomer_due_on THEN 'newcomer' WHEN visit_due_on THEN 'visit'
         ELSE if(contact_due_on IS NOT NULL, 'rhythm', NULL) END AS contact_due_for,
    CASE WHEN contact_due_on IS NOT NULL THEN greatest(today() - contact_due_on, 0) END AS contact_overdue_days,
    CASE WHEN NOT in_scope THEN NULL WHEN owners > 0 THEN if(is_with_team, 'team', 'post')
         WHEN service_care = 'digital' THEN 'digital' END AS covered_by,
    -- checks of care (aliases of this SELECT may be used in it)
    in_scope AND owner_required AND NOT has_owner AS owner_missing,
    in_scope AND large_outflow AS outflow_to_recall,
    in_scope AND tier_rank >= 1 AND maturing_7d > 0
        AND (last_effective_contact_on IS NULL OR last_effective_contact_on < days_ago(14)) AS maturity_unattended,
    in_scope AND tier_rank >= 1 AND first_account_on BETWEEN days_ago(37) AND days_ago(8)
        AND (last_effective_contact_on IS NULL OR last_effective_contact_on <= first_account_on)
        AS newcomer_not_welcomed,
    in_scope AND tier_rank >= 1 AND last_visit_on BETWEEN days_ago(30) AND days_ago(6)
        AND (last_effective_contact_on IS NULL OR last_effective_contact_on <= last_visit_on)
        AS visit_not_followed_up,
    last_complaint_on BETWEEN days_ago(90) AND days_ago(6)
        AND (last_effective_contact_on IS NULL OR last_effective_contact_on <= last_complaint_on)
        AS complaint_unanswered,
    in_scope AND salary_stopped AS wages_stopped,
    -- of conduct
    in_scope AND has_owner
        AND today() - greatest(last_effective_contact_on, owner_since) > contact_standard_days AS contact_overdue,
    contacts_90d >= 3 AND effective_contacts_90d = 0 AS contacts_without_evidence,
    failed_calls_as_success, owners > 1 AS two_owners, owner_ping_pong,
    coalesce(NOT agrees_call AND pushed_call > refused_call, false)
        OR coalesce(NOT agrees_sms AND pushed_sms > refused_sms, false)
        OR coalesce(NOT agrees_push AND pushed_push > refused_push, false)
        OR coalesce(NOT agrees_wecom AND pushed_wecom > refused_wecom, false)
        OR coalesce(NOT agrees_email AND pushed_email > refused_email, false) AS pushed_after_refusal,
    last_push > last_declined_on AND last_push - last_declined_on < 14 AS pushed_in_cool_down,
    is_minor AND last_push IS NOT NULL AS minor_marketed,
    calls_7d > 2 OR messages_mtd > 4 AS contacted_too_often,
    -- of accounts and money
    id_expired_days >= 1 AND id_expired_days <= 90 AND aum >= 10000 AS document_expired,
    id_expired_days > 90 AND aum >= 10000 AS document_long_expired,
    deceased AND today() - last_transaction_on <= 30 AS deceased_active,
    is_person AND is_over_account_limit AS too_many_accounts,
    in_scope AND date_sub('month', first_account_on, today()) >= 6 AND first_account_on >= days_ago(365)
        AND last_transaction_on IS NULL AS unused_since_opening,
    in_scope AND (has_fund OR has_wealth) AND NOT risk_assessment_valid AS unassessed_investor,
    is_minor AND (has_fund OR has_wealth OR has_bond OR has_metal) AS minor_investor,
    is_elder AND fund_value >= 5000000 AND rate(fund_value, aum) >= 0.5 AS elder_mostly_funds,
    age < 16 AND has_salary AS underage_wages,
    cash_near_limit,
    inflow_30d >= 20000000 AND outflow_ratio_30d >= 0.95 AND outflow_ratio_30d < 1.05
        AND aum_30d <= divided(inflow_30d, 100) AND is_person AS pass_through
FROM due
ORDER BY customer;
