INSERT INTO marts.customers SELECT * FROM raw.customers;
SELECT country FROM raw.customers c JOIN raw.orders o ON o.customer_id = c.id;
