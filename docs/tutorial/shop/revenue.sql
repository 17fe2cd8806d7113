CREATE VIEW staging.orders AS
SELECT
    id,
    customer_id,
    lower(status)        AS status,
    amount_cents / 100.0 AS amount,
    ordered_at
FROM raw.orders
WHERE NOT is_test;

INSERT INTO marts.daily_revenue (day, country, revenue, orders)
WITH paid AS (
    SELECT * FROM staging.orders WHERE status = 'paid'
)
SELECT
    date_trunc('day', p.ordered_at),
    c.country,
    sum(p.amount),
    count(*)
FROM paid AS p
JOIN raw.customers AS c ON c.id = p.customer_id
GROUP BY 1, 2;
