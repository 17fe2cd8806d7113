-- Product dimension with sales rank inside the department.
CREATE OR REPLACE TABLE marts.dim_product
COPY GRANTS
AS
WITH sold AS (
    SELECT
        sku,
        SUM(units)              AS units_90d,
        SUM(net_eur)            AS net_eur_90d,
        MAX(order_date)         AS last_sold_on
    FROM intermediate.int_order_lines_priced
    WHERE order_date > DATEADD('day', -90, CURRENT_DATE)
    GROUP BY sku
    HAVING SUM(units) > 0
)
SELECT
    p.*,
    ROUND((p.list_price - p.unit_cost) / NULLIF(p.list_price, 0), 4) AS list_margin_pct,
    sold.units_90d,
    sold.last_sold_on,
    DENSE_RANK() OVER (PARTITION BY p.department ORDER BY sold.net_eur_90d DESC NULLS LAST) AS department_rank,
    (SELECT MAX(refreshed_at) FROM marts.fct_sales_daily) AS facts_as_of
FROM staging.stg_products AS p
LEFT JOIN sold ON sold.sku = p.sku;
