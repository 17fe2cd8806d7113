-- Latest version of each contact; the address is hashed with the same rule as in stg_events.
CREATE OR REPLACE VIEW staging.stg_contacts AS
SELECT
  * EXCEPT (email, consents, source) REPLACE (UPPER(country) AS country),
  TO_HEX(SHA256(LOWER(TRIM(email)))) AS email_hash,
  'newsletter' IN UNNEST(consents) AS has_consent,
  ARRAY_LENGTH(consents) AS consent_count
FROM `shop-landing.crm.contacts`
WHERE TRUE
QUALIFY RANK() OVER (PARTITION BY contact_id ORDER BY updated_at DESC) = 1;
