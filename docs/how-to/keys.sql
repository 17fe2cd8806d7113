CREATE TABLE customers (
    id    INT PRIMARY KEY,
    email VARCHAR(80) UNIQUE,
    name  TEXT
);
CREATE TABLE orders (
    id          INT PRIMARY KEY,
    customer_id INT REFERENCES customers (id),
    store       INT,
    placed_on   DATE
);
CREATE TABLE order_lines (
    order_id INT REFERENCES orders (id),
    line_no  INT,
    sku      TEXT,
    amount   NUMERIC(10, 2),
    PRIMARY KEY (order_id, line_no)
);
CREATE TABLE stores (no INT PRIMARY KEY, region TEXT);
CREATE INDEX ix_region ON stores (region);

SELECT s.region, sum(l.amount)
FROM orders AS o
JOIN order_lines AS l ON l.order_id = o.id
JOIN stores AS s ON s.no = o.store
GROUP BY s.region;
