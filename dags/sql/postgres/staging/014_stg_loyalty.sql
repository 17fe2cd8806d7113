-- Loyalty members and what they did in the app.
-- Owner: customer insight. E-mail leaves this file as a hash only.

CREATE OR REPLACE VIEW staging.stg_members AS
SELECT DISTINCT ON (m.member_no)
    upper(m.member_no)                                          AS member_no,
    encode(sha256(convert_to(lower(m.email), 'UTF8')), 'hex')   AS email_sha256,
    date_part('year', age(m.birth_date))::int / 10 * 10         AS age_band,
    m.home_store                                                AS home_store_id,
    m.joined_at,
    coalesce((m.preferences ->> 'newsletter')::boolean, false)  AS wants_newsletter
FROM raw.loyalty_members AS m
ORDER BY m.member_no, m.updated_at DESC NULLS LAST;

CREATE OR REPLACE VIEW staging.stg_loyalty_points AS
SELECT
    e.event_id,
    upper(e.member_no)                          AS member_no,
    e.happened_at,
    e.payload ->> 'type'                        AS event_type,
    award.campaign,
    award.points
FROM raw.loyalty_events AS e
CROSS JOIN LATERAL (
    SELECT
        a.value ->> 'campaign'                  AS campaign,
        (a.value ->> 'points')::integer         AS points
    FROM jsonb_array_elements(e.payload -> 'awards') AS a (value)
) AS award
WHERE e.payload ? 'awards';
