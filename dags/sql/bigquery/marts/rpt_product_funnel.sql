-- From view to purchase, by product. Written in the notation of our old modelling tool;
-- the Dag defines ref() as a macro that returns the full table name.
CREATE OR REPLACE TABLE marts.rpt_product_funnel AS
WITH steps AS (
  SELECT
    sku,
    COUNT(DISTINCT IF(event_name = 'view_item', visitor_id, NULL)) AS viewers,
    COUNT(DISTINCT IF(event_name = 'add_to_cart', visitor_id, NULL)) AS carts,
    COUNT(DISTINCT IF(event_name = 'purchase', visitor_id, NULL)) AS buyers,
    SUM(IF(event_name = 'purchase', item_value, 0)) AS revenue_eur
  FROM {{ ref('stg_event_items') }}
  GROUP BY sku
)
SELECT
  p.sku,
  p.title,
  p.department,
  p.price_eur,
  steps.viewers,
  steps.carts,
  steps.buyers,
  steps.revenue_eur,
  SAFE_DIVIDE(steps.buyers, steps.viewers) AS view_to_buy,
  PERCENTILE_CONT(steps.revenue_eur, 0.75) OVER (PARTITION BY p.department) AS top_quartile_revenue
FROM staging.stg_products AS p
LEFT JOIN steps ON steps.sku = p.sku;
