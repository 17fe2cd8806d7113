-- What a loyalty member is worth, and who has gone quiet.
CREATE OR REPLACE VIEW marts.member_value AS
SELECT
    m.member_no,
    m.email_sha256,
    m.age_band,
    h.store_name                                    AS home_store,
    spend.total                                     AS spend_12m,
    spend.visits                                    AS visits_12m,
    (
        SELECT coalesce(sum(p.points), 0)
        FROM staging.stg_loyalty_points AS p
        WHERE p.member_no = m.member_no
    )                                               AS points_balance,
    spend.total > (
        SELECT avg(peer.basket_value) * 12
        FROM intermediate.int_baskets AS peer
        JOIN staging.stg_members AS pm ON pm.member_no = peer.member_no
        WHERE pm.age_band = m.age_band
    )                                               AS is_above_peers
FROM staging.stg_members AS m
LEFT JOIN marts.dim_store AS h ON h.store_id = m.home_store_id
LEFT JOIN LATERAL (
    SELECT sum(b.basket_value) AS total, count(*) AS visits
    FROM intermediate.int_baskets AS b
    WHERE b.member_no = m.member_no
      AND b.trading_day > current_date - 365
) AS spend ON true
WHERE m.wants_newsletter;

CREATE OR REPLACE VIEW marts.lapsed_members AS
SELECT v.member_no, v.email_sha256, max(b.trading_day) AS last_visit
FROM marts.member_value AS v
JOIN intermediate.int_baskets AS b USING (member_no)
WHERE v.member_no IN (SELECT member_no FROM staging.stg_loyalty_points WHERE event_type = 'redeem')
GROUP BY v.member_no, v.email_sha256
HAVING max(b.trading_day) < current_date - 90
   AND count(*) > 3;
