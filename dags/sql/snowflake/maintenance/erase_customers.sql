-- Right to erasure: blanks customers on the request list, keeps the facts.
-- Owner: privacy office. Runs before the nightly build.

CREATE TEMPORARY TABLE erase_list AS
SELECT customer_id
FROM {{ var.value.privacy_database }}.requests.erasure
WHERE approved_on <= '{{ ds }}' AND done_on IS NULL;

BEGIN TRANSACTION;

UPDATE marts.dim_customer
SET email_sha2 = NULL, display_name = 'erased', is_reachable = FALSE, is_deleted = TRUE
WHERE customer_id IN (SELECT customer_id FROM erase_list);

DELETE FROM raw.shop.customers
USING erase_list AS e
WHERE customers.customer_id = e.customer_id;

COMMIT;
