-- Monthly spend and revenue, a column a channel.
CREATE OR REPLACE VIEW marts.rpt_spend_by_channel AS
SELECT
  month,
  spend_search,
  spend_social,
  revenue_search,
  revenue_social
FROM (
  SELECT DATE_TRUNC(day, MONTH) AS month, channel, spend_eur, revenue_eur
  FROM marts.fct_campaign_day
)
PIVOT (
  SUM(spend_eur) AS spend,
  SUM(revenue_eur) AS revenue
  FOR channel IN ('search', 'social')
);
