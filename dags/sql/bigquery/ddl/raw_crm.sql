-- Contacts, product feed and newsletter callbacks.

CREATE TABLE IF NOT EXISTS `shop-landing.crm.contacts` (
  contact_id   STRING,
  email        STRING,
  country      STRING,
  consents     ARRAY<STRING>,
  source       STRING,
  updated_at   TIMESTAMP,
  is_deleted   BOOL
);

CREATE TABLE IF NOT EXISTS `shop-landing.crm.newsletter_callbacks` (
  received_at  TIMESTAMP,
  body         JSON
);

CREATE TABLE IF NOT EXISTS `shop-landing.feeds.products` (
  sku          STRING,
  title        STRING,
  price_text   STRING,
  category     STRING,
  image_url    STRING,
  feed_date    DATE,
  _batch_id    STRING
);
