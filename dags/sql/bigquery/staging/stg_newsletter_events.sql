-- Callbacks of the mail provider. The body is JSON and changes without notice.
CREATE OR REPLACE VIEW staging.stg_newsletter_events AS
SELECT
  received_at,
  JSON_VALUE(body, '$.message.id') AS message_id,
  JSON_VALUE(body, '$.recipient.contact_id') AS contact_id,
  LOWER(JSON_VALUE(body, '$.type')) AS event_type,
  JSON_VALUE(body, '$.message.campaign') AS campaign,
  SAFE_CAST(JSON_VALUE(body, '$.link.position') AS INT64) AS link_position
FROM `shop-landing.crm.newsletter_callbacks`
WHERE JSON_VALUE(body, '$.type') IS NOT NULL;
