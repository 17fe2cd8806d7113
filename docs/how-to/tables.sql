CREATE TABLE raw.customers (id bigint PRIMARY KEY, name text NOT NULL, country char(2));
CREATE TABLE raw.orders (id bigint, customer_id bigint REFERENCES raw.customers, amount numeric(10, 2));
