/*
 * Landing tables of the web shop, filled by the COPY jobs in load/.
 * Owner: data platform. Columns follow the export of the shop's order service;
 * do not rename them here, rename in staging.
 */
CREATE TABLE IF NOT EXISTS raw.shop.customers (
    customer_id     NUMBER(38, 0)   NOT NULL,
    email           VARCHAR(320),
    first_name      VARCHAR(120),
    last_name       VARCHAR(120),
    phone           VARCHAR(40),
    country_code    CHAR(2),
    marketing_optin BOOLEAN,
    created_at      TIMESTAMP_NTZ,
    updated_at      TIMESTAMP_NTZ,
    _loaded_at      TIMESTAMP_LTZ   DEFAULT CURRENT_TIMESTAMP(),
    CONSTRAINT pk_customers PRIMARY KEY (customer_id, updated_at)
);

CREATE TABLE IF NOT EXISTS raw.shop.products (
    sku             VARCHAR(32)     NOT NULL,
    title           VARCHAR(400),
    category_path   VARCHAR(400)    COMMENT 'Slash separated, from the root down',
    list_price      NUMBER(12, 2),
    unit_cost       NUMBER(12, 4),
    currency        CHAR(3),
    attributes      VARIANT,
    is_active       BOOLEAN,
    _loaded_at      TIMESTAMP_LTZ   DEFAULT CURRENT_TIMESTAMP()
);

CREATE TABLE IF NOT EXISTS raw.shop.orders (
    order_id        NUMBER(38, 0)   NOT NULL,
    customer_id     NUMBER(38, 0),
    order_ts_utc    TIMESTAMP_NTZ,
    status          VARCHAR(20),
    channel         VARCHAR(20),
    currency        CHAR(3),
    promo_code      VARCHAR(40),
    shipping_amount NUMBER(12, 2),
    ship_to         VARIANT,
    _loaded_at      TIMESTAMP_LTZ   DEFAULT CURRENT_TIMESTAMP()
)
CLUSTER BY (order_ts_utc);

CREATE TABLE IF NOT EXISTS raw.shop.order_lines (
    order_id        NUMBER(38, 0)   NOT NULL,
    line_no         NUMBER(6, 0)    NOT NULL,
    sku             VARCHAR(32),
    quantity        NUMBER(9, 0),
    unit_price      NUMBER(12, 2),
    discount_amount NUMBER(12, 2),
    tax_amount      NUMBER(12, 2),
    _loaded_at      TIMESTAMP_LTZ   DEFAULT CURRENT_TIMESTAMP()
);

CREATE TABLE IF NOT EXISTS raw.shop.returns (
    return_id       NUMBER(38, 0)   NOT NULL,
    order_id        NUMBER(38, 0),
    line_no         NUMBER(6, 0),
    quantity        NUMBER(9, 0),
    reason          VARCHAR(200),
    returned_at     TIMESTAMP_NTZ
);
