-- Audiences for export to the ad networks: hashed addresses only.
CREATE OR REPLACE VIEW marts.rpt_audiences AS
SELECT 'high-value' AS audience, c.email_hash
FROM marts.dim_contact AS c
WHERE c.has_consent
  AND c.email_hash IN (
    SELECT s.email_hash
    FROM intermediate.int_sessions AS s
    JOIN intermediate.int_session_revenue AS r ON r.session_id = s.session_id
    GROUP BY s.email_hash
    HAVING SUM(r.revenue_eur) > 500
  )

UNION DISTINCT

SELECT 'browsers', c.email_hash
FROM marts.dim_contact AS c
WHERE c.has_consent
  AND EXISTS (
    SELECT 1
    FROM staging.stg_events AS e
    WHERE e.email_hash = c.email_hash
      AND e.event_name = 'add_to_cart'
  );
