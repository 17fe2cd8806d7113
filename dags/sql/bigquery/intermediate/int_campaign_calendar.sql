-- Every campaign on every day of its life, so that days without spend show as zero.
CREATE OR REPLACE VIEW intermediate.int_campaign_calendar AS
SELECT
  day,
  life.channel,
  life.campaign
FROM (
  SELECT channel, campaign, MIN(day) AS first_day, MAX(day) AS last_day
  FROM staging.stg_ad_spend
  GROUP BY channel, campaign
) AS life,
UNNEST(GENERATE_DATE_ARRAY(life.first_day, life.last_day)) AS day;
