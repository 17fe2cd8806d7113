-- Conversion funnel by campaign. Built in steps with temporary tables because
-- the one-statement version spilled to disk in the Black Friday week.
-- Owner: web-analytics

CREATE OR REPLACE TEMPORARY TABLE tmp_steps AS
SELECT
    s.session_id,
    s.first_campaign,
    s.started_at::DATE          AS session_date,
    s.cart_adds > 0             AS reached_cart,
    s.has_purchase              AS reached_purchase,
    c.country_code
FROM intermediate.int_web_sessions AS s
LEFT JOIN marts.dim_customer AS c ON c.customer_id = s.customer_id
WHERE s.started_at >= '{{ ds }}'::DATE - INTERVAL '{{ params.lookback_days }} days';

CREATE OR REPLACE TEMPORARY TABLE tmp_viewed AS
SELECT DISTINCT session_id
FROM staging.stg_web_events
WHERE event_name = 'view_item';

ALTER TABLE tmp_steps ADD COLUMN reached_item BOOLEAN;

UPDATE tmp_steps
SET reached_item = TRUE
FROM tmp_viewed
WHERE tmp_viewed.session_id = tmp_steps.session_id;

CREATE OR REPLACE TABLE marts.fct_conversion_funnel AS
SELECT
    session_date,
    COALESCE(first_campaign, '(direct)')    AS campaign,
    country_code,
    COUNT(*)                                AS sessions,
    COUNT_IF(reached_item)                  AS item_sessions,
    COUNT_IF(reached_cart)                  AS cart_sessions,
    COUNT_IF(reached_purchase)              AS purchase_sessions,
    DIV0(COUNT_IF(reached_purchase), COUNT(*)) AS conversion_rate
FROM tmp_steps
GROUP BY 1, 2, 3;

DROP TABLE IF EXISTS tmp_steps;
DROP TABLE IF EXISTS tmp_viewed;
