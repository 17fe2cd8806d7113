-- Daily sales by store and item: delete the window, insert it again.
-- Owner: store analytics
-- Dag retail_postgres_daily passes params.full_refresh after price corrections.

BEGIN;

SET LOCAL search_path TO marts, staging;

DELETE FROM fct_store_sales
WHERE true
{% if not params.full_refresh %}
  AND sales_date >= '{{ ds }}'::date - 7
{% endif %}
;

INSERT INTO fct_store_sales
SELECT
    r.trading_day,
    r.store_id,
    l.item_no,
    sum(l.units),
    sum(l.gross_amount),
    sum(l.net_amount),
    round(sum(l.net_amount) FILTER (WHERE r.member_no IS NOT NULL) / nullif(sum(l.net_amount), 0), 4)
FROM stg_receipts AS r
JOIN stg_receipt_lines AS l ON l.receipt_id = r.receipt_id
WHERE true
{% if not params.full_refresh %}
  AND r.trading_day >= '{{ ds }}'::date - 7
{% endif %}
GROUP BY r.trading_day, r.store_id, l.item_no
HAVING sum(l.units) <> 0;

COMMIT;
