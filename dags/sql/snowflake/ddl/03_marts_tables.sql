-- Tables of the marts layer that are kept between runs.
-- Everything else in marts is rebuilt from scratch, see the file of the same name.

CREATE TABLE IF NOT EXISTS marts.dim_customer (
    customer_key   VARCHAR(64) NOT NULL,
    customer_id    NUMBER(38, 0),
    email_sha2     VARCHAR(64),
    display_name   VARCHAR(250),
    country_code   CHAR(2),
    is_reachable   BOOLEAN,
    first_order_at TIMESTAMP_TZ,
    order_count    NUMBER(9, 0),
    lifetime_value NUMBER(14, 2),
    valid_from     TIMESTAMP_NTZ,
    is_deleted     BOOLEAN DEFAULT FALSE
);

CREATE TABLE IF NOT EXISTS marts.fct_sales_daily (
    sales_date    DATE,
    channel       VARCHAR(20),
    country_code  CHAR(2),
    sku           VARCHAR(32),
    units         NUMBER(12, 0),
    gross_eur     NUMBER(16, 2),
    discount_eur  NUMBER(16, 2),
    net_eur       NUMBER(16, 2),
    margin_eur    NUMBER(16, 2),
    refreshed_at  TIMESTAMP_LTZ
);

CREATE TABLE IF NOT EXISTS marts.load_audit (
    table_name VARCHAR(200),
    run_date   DATE,
    row_count  NUMBER(18, 0),
    checksum   VARCHAR(64)
);
