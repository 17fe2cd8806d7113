-- All networks in one shape, in euro.
-- The social connector sends every number as text.
CREATE OR REPLACE VIEW staging.stg_ad_spend AS
WITH search AS (
  SELECT
    day,
    'search' AS channel,
    campaign,
    clicks,
    impressions,
    CAST(cost_micros / 1000000 AS NUMERIC) AS spend,
    'EUR' AS currency
  FROM `shop-landing.ads.search_spend`
),
social AS (
  SELECT
    PARSE_DATE('%Y-%m-%d', date_start) AS day,
    'social' AS channel,
    campaign_name AS campaign,
    SAFE_CAST(link_clicks AS INT64) AS clicks,
    SAFE_CAST(impressions AS INT64) AS impressions,
    SAFE_CAST(spend AS NUMERIC) AS spend,
    account.currency AS currency
  FROM `shop-landing.ads.social_spend`
),
unioned AS (
  SELECT * FROM search
  UNION ALL
  SELECT * FROM social
)
SELECT
  u.day,
  u.channel,
  LOWER(REGEXP_REPLACE(u.campaign, r'\s+', '-')) AS campaign,
  u.clicks,
  u.impressions,
  u.spend * IFNULL(fx.to_eur, 1) AS spend_eur
FROM unioned AS u
LEFT JOIN `shop-landing.ads.fx` AS fx
  ON fx.currency = u.currency
  AND fx.day = u.day;
