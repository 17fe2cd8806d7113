-- Events with the parameters we use pulled out of the key/value records.
-- Owner: digital marketing
CREATE OR REPLACE VIEW staging.stg_events AS
SELECT
  FARM_FINGERPRINT(CONCAT(visitor_id, event_name, CAST(event_ts AS STRING))) AS event_key,
  event_ts,
  DATE(event_ts, 'Europe/Amsterdam') AS event_date,
  event_name,
  visitor_id,
  TO_HEX(SHA256(LOWER(TRIM(user_email)))) AS email_hash,
  (SELECT p.value.int_value FROM UNNEST(event_params) AS p WHERE p.key = 'session_id') AS session_no,
  (SELECT p.value.string_value FROM UNNEST(event_params) AS p WHERE p.key = 'page_path') AS page_path,
  (SELECT p.value.string_value FROM UNNEST(event_params) AS p WHERE p.key = 'campaign') AS campaign,
  (SELECT p.value.string_value FROM UNNEST(event_params) AS p WHERE p.key = 'medium') AS medium,
  device.category AS device_category,
  device.browser.name AS browser,
  COALESCE(geo.country, 'unknown') AS country,
  items
FROM `shop-landing.web.events`
WHERE visitor_id IS NOT NULL
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY visitor_id, event_name, event_ts
  ORDER BY ingested_at
) = 1;
