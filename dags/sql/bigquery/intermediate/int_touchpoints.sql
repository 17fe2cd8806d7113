-- Touchpoints before a purchase, position weighted: 40 % first, 40 % last, rest shared.
-- Owner: digital marketing
CREATE OR REPLACE TABLE intermediate.int_touchpoints AS
WITH purchases AS (
  SELECT session_id, session_date AS purchase_date, revenue_eur
  FROM intermediate.int_session_revenue
),
touches AS (
  SELECT
    p.session_id AS purchase_session_id,
    p.purchase_date,
    p.revenue_eur,
    s.session_id,
    s.campaign,
    s.medium,
    ROW_NUMBER() OVER (PARTITION BY p.session_id ORDER BY s.session_date, s.session_id) AS touch_no,
    COUNT(*) OVER (PARTITION BY p.session_id) AS touch_count
  FROM purchases AS p
  JOIN intermediate.int_sessions AS buyer ON buyer.session_id = p.session_id
  JOIN intermediate.int_sessions AS s
    ON s.visitor_id = buyer.visitor_id
    AND s.session_date BETWEEN DATE_SUB(p.purchase_date, INTERVAL 30 DAY) AND p.purchase_date
),
weighted AS (
  SELECT
    * EXCEPT (touch_no),
    CASE
      WHEN touch_count = 1 THEN 1.0
      WHEN touch_count = 2 THEN 0.5
      WHEN touch_no IN (1, touch_count) THEN 0.4
      ELSE 0.2 / (touch_count - 2)
    END AS weight
  FROM touches
)
SELECT
  purchase_session_id,
  purchase_date,
  campaign,
  medium,
  SUM(weight) AS weight,
  SUM(revenue_eur * weight) AS attributed_revenue_eur
FROM weighted
GROUP BY ALL;
