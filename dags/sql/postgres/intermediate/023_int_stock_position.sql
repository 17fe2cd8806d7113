-- Expected stock at each count: last count + deliveries since - sales since.
CREATE OR REPLACE VIEW intermediate.int_stock_position AS
SELECT
    c.store_id,
    c.item_no,
    c.counted_on,
    c.counted_qty,
    previous.counted_on                                             AS previous_counted_on,
    previous.counted_qty + coalesce(received.qty, 0) - coalesce(sold.units, 0) AS expected_qty
FROM raw.stock_counts AS c
LEFT JOIN LATERAL (
    SELECT p.counted_on, p.counted_qty
    FROM raw.stock_counts AS p
    WHERE p.store_id = c.store_id
      AND p.item_no = c.item_no
      AND p.counted_on < c.counted_on
    ORDER BY p.counted_on DESC
    LIMIT 1
) AS previous ON true
LEFT JOIN LATERAL (
    SELECT sum(d.qty) AS qty
    FROM raw.deliveries AS d
    WHERE d.store_id = c.store_id
      AND d.item_no = c.item_no
      AND d.delivered_on > previous.counted_on
      AND d.delivered_on <= c.counted_on
) AS received ON true
LEFT JOIN LATERAL (
    SELECT sum(l.units) AS units
    FROM staging.stg_receipts AS r
    JOIN staging.stg_receipt_lines AS l ON l.receipt_id = r.receipt_id
    WHERE r.store_id = c.store_id
      AND l.item_no = c.item_no
      AND r.trading_day > previous.counted_on
      AND r.trading_day <= c.counted_on
) AS sold ON true;
