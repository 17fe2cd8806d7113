-- Totals at several levels in one pass, for the regional managers' sheet.

CREATE MATERIALIZED VIEW IF NOT EXISTS marts.sales_rollup AS
SELECT
    d.region,
    d.store_name,
    date_trunc('month', f.sales_date)::date AS sales_month,
    grouping(d.region, d.store_name)        AS level,
    sum(f.units)                            AS units,
    sum(f.net_amount)                       AS net_amount
FROM marts.fct_store_sales AS f
JOIN marts.dim_store AS d ON d.store_id = f.store_id
GROUP BY ROLLUP (d.region, d.store_name), date_trunc('month', f.sales_date);

CREATE OR REPLACE VIEW marts.department_mix AS
SELECT
    coalesce(t.department, '(all)')         AS department,
    coalesce(f.store_id::text, '(all)')     AS store,
    sum(f.net_amount)                       AS net_amount,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY f.net_amount) AS median_item_day
FROM marts.fct_store_sales AS f
JOIN staging.stg_items AS i ON i.item_no = f.item_no
JOIN intermediate.int_category_tree AS t ON t.category_id = i.category_id
GROUP BY GROUPING SETS ((t.department, f.store_id), (t.department), ());
