CREATE OR REPLACE VIEW staging.stg_receipt_lines AS
SELECT
    l.receipt_id,
    l.line_no,
    l.item_no,
    l.qty                                                   AS units,
    round(l.qty * l.price, 2)                               AS gross_amount,
    round(l.qty * l.price - coalesce(l.discount, 0), 2)     AS paid_amount,
    -- prices include VAT
    round((l.qty * l.price - coalesce(l.discount, 0)) / (1 + coalesce(l.vat_rate, 0.21)), 2) AS net_amount
FROM raw.receipt_lines AS l;
