-- Revenue of each session: purchases only, joined through the visitor and day.
CREATE OR REPLACE VIEW intermediate.int_session_revenue AS
SELECT
  s.session_id,
  s.session_date,
  s.campaign,
  s.medium,
  SUM(i.item_value) AS revenue_eur,
  STRUCT(
    COUNT(DISTINCT i.sku) AS distinct_skus,
    SUM(i.quantity) AS units
  ) AS basket
FROM intermediate.int_sessions AS s
INNER JOIN staging.stg_event_items AS i
  ON i.visitor_id = s.visitor_id
  AND i.event_date = s.session_date
WHERE i.event_name = 'purchase'
GROUP BY s.session_id, s.session_date, s.campaign, s.medium;
