-- Daily sales fact. Rewritten as a whole: late returns change old days.
-- Owner: finance-analytics
-- Schedule: after int_order_lines_priced, Dag retail_snowflake_daily
USE ROLE transformer;
USE WAREHOUSE transforming_wh;
USE SCHEMA marts;

INSERT OVERWRITE INTO fct_sales_daily
SELECT
    order_date,
    channel,
    COALESCE(ship_country, 'XX'),
    sku,
    SUM(units - returned_units),
    SUM(gross_eur),
    SUM(discount_eur),
    SUM(net_eur - refunded_eur),
    SUM(margin_eur - refunded_eur),
    CURRENT_TIMESTAMP()
FROM intermediate.int_order_lines_priced
WHERE order_date <= '{{ ds }}'
GROUP BY order_date, channel, COALESCE(ship_country, 'XX'), sku;

INSERT INTO load_audit (table_name, run_date, row_count, checksum)
SELECT
    'marts.fct_sales_daily',
    '{{ ds }}'::DATE,
    COUNT(*),
    MD5(LISTAGG(TO_VARCHAR(net_eur), '|') WITHIN GROUP (ORDER BY sales_date, sku))
FROM fct_sales_daily;
