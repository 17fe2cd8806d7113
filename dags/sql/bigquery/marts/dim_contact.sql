-- Contact dimension. Erased contacts are deleted, those that vanish from the CRM are closed.
-- Owner: crm
MERGE INTO marts.dim_contact AS t
USING (
  SELECT
    c.contact_id,
    c.email_hash,
    c.country,
    c.has_consent,
    c.is_deleted,
    c.updated_at,
    MIN(e.event_ts) AS first_seen_at,
    (
      SELECT MAX(n.received_at)
      FROM staging.stg_newsletter_events AS n
      WHERE n.contact_id = c.contact_id AND n.event_type = 'open'
    ) AS last_opened_at
  FROM staging.stg_contacts AS c
  LEFT JOIN staging.stg_events AS e ON e.email_hash = c.email_hash
  GROUP BY c.contact_id, c.email_hash, c.country, c.has_consent, c.is_deleted, c.updated_at
) AS s
ON t.contact_id = s.contact_id
WHEN MATCHED AND s.is_deleted THEN
  DELETE
WHEN MATCHED THEN
  UPDATE SET
    email_hash = s.email_hash,
    country = s.country,
    has_consent = s.has_consent,
    last_opened_at = GREATEST(s.last_opened_at, t.last_opened_at),
    is_active = TRUE,
    updated_at = s.updated_at
WHEN NOT MATCHED BY TARGET AND NOT s.is_deleted THEN
  INSERT (contact_id, email_hash, country, has_consent, first_seen_at, last_opened_at, is_active, updated_at)
  VALUES (s.contact_id, s.email_hash, s.country, s.has_consent, s.first_seen_at, s.last_opened_at, TRUE, s.updated_at)
WHEN NOT MATCHED BY SOURCE AND t.is_active THEN
  UPDATE SET is_active = FALSE, updated_at = CURRENT_TIMESTAMP();
