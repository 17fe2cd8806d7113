-- Keeps seven years, as the tax office asks; closed stores go after two.
DELETE FROM raw.receipt_lines AS l
USING raw.receipts AS r
JOIN raw.stores AS s ON s.store_id = r.store_id
WHERE r.receipt_id = l.receipt_id
  AND (r.printed_at < now() - interval '7 years' OR s.closed_on < current_date - 730);

DELETE FROM raw.card_payments
WHERE receipt_id NOT IN (SELECT receipt_id FROM raw.receipt_lines);

DELETE FROM raw.receipts AS r
WHERE r.printed_at < now() - interval '2 years'
  AND NOT EXISTS (SELECT 1 FROM raw.receipt_lines AS l WHERE l.receipt_id = r.receipt_id);
