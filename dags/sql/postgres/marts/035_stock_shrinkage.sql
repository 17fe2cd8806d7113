-- Shrinkage: what the count says against what should be there, in money.
-- Owner: loss prevention

TRUNCATE TABLE marts.stock_shrinkage;

INSERT INTO marts.stock_shrinkage (store_id, item_no, counted_on, expected_qty, counted_qty, missing_value)
SELECT
    s.store_id,
    s.item_no,
    s.counted_on,
    s.expected_qty,
    s.counted_qty,
    (s.expected_qty - s.counted_qty) * i.cost_price
FROM intermediate.int_stock_position AS s
JOIN staging.stg_items AS i ON i.item_no = s.item_no
WHERE s.expected_qty IS DISTINCT FROM s.counted_qty;

-- A delivery booked on the day of the count is the usual innocent reason.
UPDATE marts.stock_shrinkage AS t
SET explanation = 'delivery ' || d.delivery_id::text || ' on count day',
    expected_qty = t.expected_qty - d.qty
FROM raw.deliveries AS d
WHERE d.store_id = t.store_id
  AND d.item_no = t.item_no
  AND d.delivered_on = t.counted_on
  AND t.missing_value > 0;
