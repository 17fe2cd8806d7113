-- Sessions, with campaign carried forward inside the session.
-- Owner: digital marketing
CREATE OR REPLACE TABLE intermediate.int_sessions
PARTITION BY session_date
AS
WITH ordered AS (
  SELECT
    *,
    CONCAT(visitor_id, '-', CAST(session_no AS STRING)) AS session_id,
    LAST_VALUE(campaign IGNORE NULLS) OVER session_so_far AS current_campaign,
    LAST_VALUE(medium IGNORE NULLS) OVER session_so_far AS current_medium
  FROM staging.stg_events
  WHERE session_no IS NOT NULL
  WINDOW session_so_far AS (
    PARTITION BY visitor_id, session_no
    ORDER BY event_ts
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
  )
)
SELECT
  session_id,
  ANY_VALUE(visitor_id) AS visitor_id,
  MAX(email_hash) AS email_hash,
  MIN(event_date) AS session_date,
  ARRAY_AGG(page_path IGNORE NULLS ORDER BY event_ts LIMIT 1)[SAFE_OFFSET(0)] AS landing_page,
  IFNULL(MAX(current_campaign), '(none)') AS campaign,
  IFNULL(MAX(current_medium), 'direct') AS medium,
  MAX(device_category) AS device_category,
  COUNT(*) AS events,
  COUNTIF(event_name = 'purchase') AS purchases,
  TIMESTAMP_DIFF(MAX(event_ts), MIN(event_ts), SECOND) AS duration_seconds
FROM ordered
GROUP BY session_id;
