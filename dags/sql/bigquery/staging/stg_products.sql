-- Product feed of the run date. Prices come as "EUR 12.99".
CREATE OR REPLACE TABLE staging.stg_products AS
SELECT
  * EXCEPT (_batch_id, image_url) REPLACE (TRIM(title) AS title),
  SAFE_CAST(REGEXP_EXTRACT(price_text, r'[0-9.]+') AS NUMERIC) AS price_eur,
  SPLIT(category, ' > ')[SAFE_OFFSET(0)] AS department
FROM `shop-landing.feeds.products`
WHERE feed_date = DATE '{{ ds }}';
