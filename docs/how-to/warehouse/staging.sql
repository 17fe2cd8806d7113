INSERT INTO staging.orders (id, amount)
SELECT id, cents / 100 FROM raw.orders WHERE status = 'paid';
