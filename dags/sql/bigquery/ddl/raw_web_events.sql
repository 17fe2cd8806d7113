-- Web events as the tag server writes them: one row an event, parameters as key/value records.
-- Owner: digital marketing
CREATE TABLE IF NOT EXISTS `shop-landing.web.events` (
  event_ts        TIMESTAMP NOT NULL,
  event_name      STRING    NOT NULL,
  visitor_id      STRING,
  user_email      STRING,
  event_params    ARRAY<STRUCT<key STRING, value STRUCT<string_value STRING, int_value INT64>>>,
  device          STRUCT<category STRING, os STRING, browser STRUCT<name STRING, version STRING>>,
  geo             STRUCT<country STRING, city STRING>,
  items           ARRAY<STRUCT<sku STRING, quantity INT64, price NUMERIC>>,
  ingested_at     TIMESTAMP
)
PARTITION BY DATE(event_ts)
CLUSTER BY event_name, visitor_id
OPTIONS (description = 'Raw web events', partition_expiration_days = 400);
