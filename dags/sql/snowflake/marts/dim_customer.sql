-- Customer dimension, type 1. Customers erased in the shop are flagged, see maintenance/erase_customers.sql.
-- Owner: crm-analytics
MERGE INTO marts.dim_customer AS tgt
USING (
    SELECT
        MD5('shop|' || c.customer_id::VARCHAR) AS customer_key,
        c.customer_id,
        c.email_sha2,
        c.display_name,
        c.country_code,
        c.is_reachable,
        c.updated_at,
        MIN(o.ordered_at)                   AS first_order_at,
        COUNT(o.order_id)                   AS order_count,
        COALESCE(SUM(o.order_value_eur), 0) AS lifetime_value,
        c.display_name IS NULL AND COUNT(o.order_id) = 0 AS is_empty
    FROM staging.stg_customers AS c
    LEFT JOIN intermediate.int_customer_orders AS o
        ON o.customer_id = c.customer_id
    GROUP BY ALL
) AS src
ON tgt.customer_key = src.customer_key
WHEN MATCHED AND src.is_empty THEN
    DELETE
WHEN MATCHED AND src.updated_at > tgt.valid_from THEN
    UPDATE SET
        tgt.email_sha2     = src.email_sha2,
        tgt.display_name   = src.display_name,
        tgt.country_code   = src.country_code,
        tgt.is_reachable   = src.is_reachable,
        tgt.order_count    = src.order_count,
        tgt.lifetime_value = src.lifetime_value,
        tgt.valid_from     = src.updated_at
WHEN MATCHED THEN
    UPDATE SET order_count = src.order_count, lifetime_value = src.lifetime_value
WHEN NOT MATCHED AND NOT src.is_empty THEN
    INSERT (
        customer_key, customer_id, email_sha2, display_name, country_code,
        is_reachable, first_order_at, order_count, lifetime_value, valid_from
    )
    VALUES (
        src.customer_key, src.customer_id, src.email_sha2, src.display_name, src.country_code,
        src.is_reachable, src.first_order_at, src.order_count, src.lifetime_value, src.updated_at
    );
