-- Spend against attributed revenue, a campaign and day. Rebuilds the last 35 days.
-- Owner: digital marketing
DELETE FROM marts.fct_campaign_day
WHERE day >= DATE_SUB(DATE '{{ ds }}', INTERVAL 35 DAY);

INSERT INTO marts.fct_campaign_day (day, channel, campaign, spend_eur, clicks, sessions, revenue_eur, roas)
WITH spend AS (
  SELECT day, channel, campaign, SUM(spend_eur) AS spend_eur, SUM(clicks) AS clicks
  FROM staging.stg_ad_spend
  GROUP BY day, channel, campaign
),
traffic AS (
  SELECT session_date AS day, campaign, COUNT(*) AS sessions
  FROM intermediate.int_sessions
  GROUP BY session_date, campaign
),
revenue AS (
  SELECT purchase_date AS day, campaign, SUM(attributed_revenue_eur) AS revenue_eur
  FROM intermediate.int_touchpoints
  GROUP BY purchase_date, campaign
)
SELECT
  c.day,
  c.channel,
  c.campaign,
  COALESCE(spend.spend_eur, 0),
  COALESCE(spend.clicks, 0),
  COALESCE(traffic.sessions, 0),
  CAST(COALESCE(revenue.revenue_eur, 0) AS NUMERIC),
  SAFE_DIVIDE(revenue.revenue_eur, spend.spend_eur)
FROM intermediate.int_campaign_calendar AS c
LEFT JOIN spend USING (day, channel, campaign)
LEFT JOIN traffic ON traffic.day = c.day AND traffic.campaign = c.campaign
LEFT JOIN revenue ON revenue.day = c.day AND revenue.campaign = c.campaign
WHERE c.day >= DATE_SUB(DATE '{{ ds }}', INTERVAL 35 DAY);
