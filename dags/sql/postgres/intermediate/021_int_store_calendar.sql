-- A row a store and day, open or not: left side of every gap-free report.
DROP TABLE IF EXISTS intermediate.int_store_calendar;

CREATE TABLE intermediate.int_store_calendar AS
SELECT
    d.day::date                             AS trading_day,
    s.store_id,
    s.region,
    extract(isodow FROM d.day) = 7          AS is_sunday,
    to_char(d.day, 'IYYY-"W"IW')            AS iso_week
FROM generate_series('2023-01-01'::date, '{{ ds }}'::date, interval '1 day') AS d (day)
CROSS JOIN staging.stg_stores AS s
WHERE s.is_open;

CREATE UNIQUE INDEX int_store_calendar_key ON intermediate.int_store_calendar (trading_day, store_id);
