-- Receipts with the trading day in the store's own time zone.
-- A trading day ends at 04:00: late shops on New Year's Eve count for the 31st.
CREATE OR REPLACE VIEW staging.stg_receipts AS
SELECT
    r.receipt_id,
    r.store_id,
    r.cashier_id,
    nullif(upper(trim(r.member_no)), '')                                   AS member_no,
    r.printed_at AT TIME ZONE s.time_zone                                  AS printed_local,
    ((r.printed_at AT TIME ZONE s.time_zone) - interval '4 hours')::date   AS trading_day,
    extract(isodow FROM r.printed_at AT TIME ZONE s.time_zone)::int        AS weekday
FROM raw.receipts AS r
JOIN staging.stg_stores AS s USING (store_id)
WHERE NOT r.is_voided;
