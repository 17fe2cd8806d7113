-- Point of sale: what the tills send every ten minutes.
-- Owner: store systems
CREATE TABLE raw.stores (
    store_id    integer PRIMARY KEY,
    name        text NOT NULL,
    city        text,
    region      text,
    time_zone   text NOT NULL DEFAULT 'Europe/Amsterdam',
    floor_m2    numeric(8, 1),
    opened_on   date,
    closed_on   date
);

CREATE TABLE raw.receipts (
    receipt_id   bigint PRIMARY KEY,
    store_id     integer NOT NULL REFERENCES raw.stores (store_id),
    register_no  smallint,
    cashier_id   integer,
    member_no    text,
    printed_at   timestamptz NOT NULL,
    is_voided    boolean NOT NULL DEFAULT false
);

CREATE TABLE raw.receipt_lines (
    receipt_id  bigint NOT NULL REFERENCES raw.receipts (receipt_id),
    line_no     smallint NOT NULL,
    item_no     text NOT NULL,
    qty         numeric(10, 3) NOT NULL,
    price       numeric(10, 2) NOT NULL,
    discount    numeric(10, 2),
    vat_rate    numeric(4, 3),
    PRIMARY KEY (receipt_id, line_no)
);

CREATE TABLE raw.card_payments (
    receipt_id  bigint,
    amount      numeric(10, 2),
    scheme      text,
    pan         text,           -- masked by the terminal except for gift cards
    paid_at     timestamptz
);

CREATE TABLE raw.cash_payments (
    receipt_id  bigint,
    tendered    numeric(10, 2),
    change      numeric(10, 2),
    paid_at     timestamptz
);

CREATE INDEX receipts_printed_at ON raw.receipts (printed_at);
