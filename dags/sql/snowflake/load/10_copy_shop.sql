-- Nightly load of the shop's CSV export into the landing tables.
-- Owner: data platform / on call: #dp-oncall

USE WAREHOUSE loading_wh;

COPY INTO raw.shop.orders (order_id, customer_id, order_ts_utc, status, channel, currency, promo_code, shipping_amount)
FROM @raw.shop.s3_landing/orders/
FILE_FORMAT = (TYPE = 'CSV' SKIP_HEADER = 1 FIELD_OPTIONALLY_ENCLOSED_BY = '"')
PATTERN = '.*orders_{{ ds_nodash }}.*[.]csv[.]gz'
ON_ERROR = 'ABORT_STATEMENT';

COPY INTO raw.shop.order_lines (order_id, line_no, sku, quantity, unit_price, discount_amount, tax_amount)
FROM @raw.shop.s3_landing/order_lines/
FILE_FORMAT = (TYPE = 'CSV' SKIP_HEADER = 1 FIELD_OPTIONALLY_ENCLOSED_BY = '"')
PATTERN = '.*order_lines_{{ ds_nodash }}.*[.]csv[.]gz'
ON_ERROR = 'ABORT_STATEMENT';
