-- One row a customer: the latest version that the shop sent us.
-- Owner: crm-analytics
-- No plain e-mail address or phone number may leave this layer.
CREATE OR REPLACE VIEW staging.stg_customers AS
SELECT
    customer_id,
    SHA2(LOWER(TRIM(email)), 256)                               AS email_sha2,
    MD5(REGEXP_REPLACE(phone, '[^0-9+]', ''))                   AS phone_md5,
    INITCAP(first_name) || ' ' || LEFT(UPPER(last_name), 1) || '.' AS display_name,
    COALESCE(UPPER(country_code), 'XX')                         AS country_code,
    NVL(marketing_optin, FALSE)                                 AS is_reachable,
    created_at,
    updated_at
FROM raw.shop.customers
WHERE customer_id IS NOT NULL
QUALIFY ROW_NUMBER() OVER (
    PARTITION BY customer_id
    ORDER BY updated_at DESC, _loaded_at DESC
) = 1;
