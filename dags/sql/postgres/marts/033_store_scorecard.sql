-- Store scorecard: three small tables that the regional managers open on Monday.
-- Owner: store analytics

CREATE TABLE marts.scorecard_baskets AS
SELECT
    b.store_id,
    date_trunc('week', b.trading_day)::date                 AS week_start,
    count(*)                                                AS baskets,
    avg(b.basket_value)                                     AS average_basket,
    sum(b.fresh_value) / nullif(sum(b.basket_value), 0)     AS fresh_share,
    count(*) FILTER (WHERE b.member_no IS NOT NULL)::numeric / count(*) AS member_rate
FROM intermediate.int_baskets AS b
GROUP BY b.store_id, date_trunc('week', b.trading_day);

-- BROKEN ON PURPOSE: the CASE has no END. The demo shows that one bad statement
-- is reported with its position while all others still give lineage.
CREATE TABLE marts.scorecard_grades AS
SELECT
    s.store_id,
    s.week_start,
    CASE
        WHEN s.average_basket >= 40 THEN 'A'
        WHEN s.average_basket >= 25 THEN 'B'
        ELSE 'C'
    AS grade
FROM marts.scorecard_baskets AS s;

CREATE TABLE marts.scorecard_productivity AS
SELECT
    c.store_id,
    c.iso_week,
    sum(f.net_amount)                                       AS net_amount,
    sum(f.net_amount) / nullif(max(d.floor_m2), 0)          AS net_per_m2,
    rank() OVER (
        PARTITION BY c.iso_week
        ORDER BY sum(f.net_amount) / nullif(max(d.floor_m2), 0) DESC NULLS LAST
    )                                                       AS week_rank
FROM intermediate.int_store_calendar AS c
JOIN marts.dim_store AS d ON d.store_id = c.store_id
LEFT JOIN marts.fct_store_sales AS f
    ON f.store_id = c.store_id
    AND f.sales_date = c.trading_day
GROUP BY c.store_id, c.iso_week;

CREATE OR REPLACE VIEW marts.scorecard AS
SELECT
    p.*,
    b.baskets,
    b.average_basket,
    b.fresh_share
FROM marts.scorecard_productivity AS p
LEFT JOIN marts.scorecard_baskets AS b
    ON b.store_id = p.store_id
    AND to_char(b.week_start, 'IYYY-"W"IW') = p.iso_week;
