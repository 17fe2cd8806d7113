CREATE OR REPLACE VIEW staging.stg_stores AS
SELECT
    s.store_id,
    initcap(s.name)                        AS store_name,
    coalesce(s.region, 'unknown')          AS region,
    s.city,
    s.time_zone,
    s.floor_m2,
    s.closed_on IS NULL                    AS is_open,
    age(coalesce(s.closed_on, current_date), s.opened_on) AS trading_age
FROM raw.stores AS s;
