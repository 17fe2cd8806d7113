-- Assortment and stock, from the ERP.
CREATE TABLE raw.categories (
    category_id  integer PRIMARY KEY,
    parent_id    integer REFERENCES raw.categories (category_id),
    label        text NOT NULL
);

CREATE TABLE raw.items (
    item_no      text PRIMARY KEY,
    description  text,
    category_id  integer REFERENCES raw.categories (category_id),
    cost_price   numeric(10, 4),
    shelf_price  numeric(10, 2),
    "Pack Size"  integer,
    attributes   jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE raw.stock_counts (
    store_id    integer,
    item_no     text,
    counted_on  date,
    counted_qty numeric(12, 3),
    PRIMARY KEY (store_id, item_no, counted_on)
);

CREATE TABLE raw.deliveries (
    delivery_id  bigint,
    store_id     integer,
    item_no      text,
    delivered_on date,
    qty          numeric(12, 3)
);
