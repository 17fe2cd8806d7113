-- Repairs a day that the tag server delivered twice. Run by hand with a date.
-- Owner: data platform

CREATE TEMP TABLE clean_day AS
SELECT *
FROM `shop-landing.web.events`
WHERE DATE(event_ts) = '{{ ds }}'
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY visitor_id, event_name, event_ts
  ORDER BY ingested_at
) = 1;

BEGIN TRANSACTION;

DELETE FROM `shop-landing.web.events`
WHERE DATE(event_ts) = '{{ ds }}';

INSERT INTO `shop-landing.web.events`
SELECT * FROM clean_day;

COMMIT TRANSACTION;

UPDATE marts.dim_contact AS d
SET first_seen_at = f.first_ts
FROM (
  SELECT email_hash, MIN(event_ts) AS first_ts
  FROM `staging.stg_events`
  GROUP BY email_hash
) AS f
WHERE f.email_hash = d.email_hash
  AND f.first_ts < d.first_seen_at;
