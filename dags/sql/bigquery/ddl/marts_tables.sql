-- Tables in marts that are merged into rather than rebuilt.
CREATE TABLE IF NOT EXISTS marts.dim_contact (
  contact_id      STRING,
  email_hash      STRING,
  country         STRING,
  has_consent     BOOL,
  first_seen_at   TIMESTAMP,
  last_opened_at  TIMESTAMP,
  is_active       BOOL,
  updated_at      TIMESTAMP
);

CREATE TABLE IF NOT EXISTS marts.fct_campaign_day (
  day          DATE,
  channel      STRING,
  campaign     STRING,
  spend_eur    NUMERIC,
  clicks       INT64,
  sessions     INT64,
  revenue_eur  NUMERIC,
  roas         FLOAT64
)
PARTITION BY day;
