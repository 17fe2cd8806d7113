-- Products with the category path split up and the useful attributes taken out of the JSON.
CREATE OR REPLACE VIEW staging.stg_products AS
WITH latest AS (
    SELECT * EXCLUDE (_loaded_at)
    FROM raw.shop.products
    QUALIFY RANK() OVER (PARTITION BY sku ORDER BY _loaded_at DESC) = 1
)

SELECT
    sku
    , title
    , SPLIT_PART(category_path, '/', 1)         AS department
    , SPLIT_PART(category_path, '/', 2)         AS category
    , attributes:brand.name::VARCHAR            AS brand
    , attributes:dimensions.weight_g::NUMBER(9) AS weight_g
    , attributes['colour']::VARCHAR             AS colour
    , list_price
    , unit_cost
    , currency
    , IFF(is_active, 'active', 'discontinued')  AS lifecycle
FROM latest;
