-- Access and documentation, reapplied after each deployment.
GRANT USAGE ON SCHEMA marts TO analyst;
GRANT SELECT ON marts.fct_store_sales TO analyst;
COMMENT ON TABLE marts.fct_store_sales IS 'Sales by trading day, store and item; VAT excluded in net_amount';
COMMENT ON COLUMN marts.fct_store_sales.member_share IS 'Part of net_amount on receipts with a loyalty card, 0 to 1';
