-- Store dimension: upsert, so that keys in the facts never dangle.
INSERT INTO marts.dim_store AS d (store_id, store_name, region, floor_m2, manager_name, is_open, refreshed_at)
SELECT
    s.store_id,
    s.store_name,
    s.region,
    s.floor_m2,
    (
        SELECT e.full_name
        FROM raw.employees AS e
        WHERE e.store_id = s.store_id
          AND e.left_on IS NULL
          AND EXISTS (SELECT 1 FROM raw.employees AS report WHERE report.manager_id = e.employee_id)
        ORDER BY e.hired_on
        LIMIT 1
    ),
    s.is_open,
    now()
FROM staging.stg_stores AS s
ON CONFLICT (store_id) DO UPDATE
SET store_name   = excluded.store_name,
    region       = excluded.region,
    floor_m2     = excluded.floor_m2,
    manager_name = coalesce(excluded.manager_name, d.manager_name),
    is_open      = excluded.is_open,
    refreshed_at = excluded.refreshed_at;
