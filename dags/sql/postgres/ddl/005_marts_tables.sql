-- Tables of the marts layer that are updated in place.
CREATE TABLE IF NOT EXISTS marts.dim_store (
    store_id     integer PRIMARY KEY,
    store_name   text,
    region       text,
    floor_m2     numeric(8, 1),
    manager_name text,
    is_open      boolean,
    refreshed_at timestamptz
);

CREATE TABLE IF NOT EXISTS marts.fct_store_sales (
    sales_date    date,
    store_id      integer,
    item_no       text,
    units         numeric(14, 3),
    gross_amount  numeric(14, 2),
    net_amount    numeric(14, 2),
    member_share  numeric(6, 4)
);

CREATE TABLE IF NOT EXISTS marts.stock_shrinkage (
    store_id       integer,
    item_no        text,
    counted_on     date,
    expected_qty   numeric(14, 3),
    counted_qty    numeric(14, 3),
    missing_value  numeric(14, 2),
    explanation    text
);

CREATE TABLE IF NOT EXISTS marts.item_prices (
    item_no      text PRIMARY KEY,
    shelf_price  numeric(10, 2),
    valid_from   date,
    changed_by   text
);
