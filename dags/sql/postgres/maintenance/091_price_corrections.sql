-- Price corrections that the stores e-mailed in, loaded into {{ params.schema }} by hand.
/* Runs in one session: the temporary table is gone afterwards.
   The three steps must stay in this order. */

CREATE TEMP TABLE corrections AS
SELECT DISTINCT ON (c.item_no)
    c.item_no,
    c.new_price,
    c.effective_on,
    md5(lower(c.requested_by)) AS requested_by
FROM {{ params.schema }}.price_requests AS c
WHERE c.effective_on <= '{{ ds }}'
ORDER BY c.item_no, c.effective_on DESC;

UPDATE raw.items AS i
SET shelf_price = c.new_price
FROM corrections AS c
WHERE c.item_no = i.item_no
  AND c.new_price BETWEEN i.cost_price AND i.cost_price * 5;

MERGE INTO marts.item_prices AS p
USING (
    SELECT i.item_no, i.shelf_price, c.effective_on, c.requested_by, c.new_price IS NULL AS is_withdrawn
    FROM raw.items AS i
    JOIN corrections AS c ON c.item_no = i.item_no
) AS n
ON p.item_no = n.item_no
WHEN MATCHED AND n.is_withdrawn THEN
    DELETE
WHEN MATCHED THEN
    UPDATE SET shelf_price = n.shelf_price, valid_from = n.effective_on, changed_by = n.requested_by
WHEN NOT MATCHED THEN
    INSERT (item_no, shelf_price, valid_from, changed_by)
    VALUES (n.item_no, n.shelf_price, n.effective_on, n.requested_by);
