-- All tenders in one shape. Card numbers never pass, only a fingerprint.
CREATE OR REPLACE VIEW staging.stg_payments AS
SELECT
    receipt_id,
    'card'                              AS tender,
    scheme,
    md5(pan || '{{ var.value.pan_salt }}') AS card_fingerprint,
    amount,
    paid_at
FROM raw.card_payments
UNION ALL
SELECT
    receipt_id,
    'cash',
    NULL,
    NULL,
    tendered - change,
    paid_at
FROM raw.cash_payments;
