-- One row a receipt: value, mix, and how it was paid.
-- Owner: store analytics
CREATE OR REPLACE VIEW intermediate.int_baskets AS
WITH lines AS (
    SELECT
        l.receipt_id,
        sum(l.paid_amount)                                              AS basket_value,
        sum(l.net_amount)                                               AS basket_net,
        count(DISTINCT l.item_no)                                       AS distinct_items,
        sum(l.paid_amount) FILTER (WHERE t.department = 'Fresh')        AS fresh_value,
        sum(l.paid_amount) FILTER (WHERE i.is_organic)                  AS organic_value,
        bool_or(l.gross_amount > l.paid_amount)                         AS has_discount,
        array_agg(l.item_no ORDER BY l.paid_amount DESC)                AS items_by_value
    FROM staging.stg_receipt_lines AS l
    LEFT JOIN staging.stg_items AS i ON i.item_no = l.item_no
    LEFT JOIN intermediate.int_category_tree AS t ON t.category_id = i.category_id
    GROUP BY l.receipt_id
),
tenders AS (
    SELECT
        p.receipt_id,
        string_agg(DISTINCT p.tender, '+' ORDER BY p.tender)            AS tender_mix,
        sum(p.amount)                                                   AS paid_total
    FROM staging.stg_payments AS p
    GROUP BY p.receipt_id
)
SELECT
    r.receipt_id,
    r.store_id,
    r.trading_day,
    r.member_no,
    lines.basket_value,
    lines.basket_net,
    lines.distinct_items,
    coalesce(lines.fresh_value, 0)                                      AS fresh_value,
    coalesce(lines.organic_value, 0)                                    AS organic_value,
    lines.has_discount,
    lines.items_by_value[1]                                             AS top_item_no,
    coalesce(tenders.tender_mix, 'none')                                AS tender_mix,
    tenders.paid_total - lines.basket_value                             AS rounding_difference,
    width_bucket(lines.basket_value, 0, 200, 10)                        AS value_band
FROM staging.stg_receipts AS r
JOIN lines USING (receipt_id)
LEFT JOIN tenders USING (receipt_id);
