-- Advertising spend, one table a network, as the connectors deliver it.

CREATE TABLE IF NOT EXISTS `shop-landing.ads.search_spend` (
  day          DATE,
  campaign_id  INT64,
  campaign     STRING,
  clicks       INT64,
  impressions  INT64,
  cost_micros  INT64
);

CREATE TABLE IF NOT EXISTS `shop-landing.ads.social_spend` (
  date_start     STRING,
  campaign_name  STRING,
  adset_name     STRING,
  link_clicks    STRING,
  impressions    STRING,
  spend          STRING,
  account        STRUCT<id STRING, currency STRING>
);

CREATE TABLE IF NOT EXISTS `shop-landing.ads.fx` (
  day       DATE,
  currency  STRING,
  to_eur    NUMERIC
);
