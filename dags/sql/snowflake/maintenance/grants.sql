-- Read access for analysts and the BI tool.
GRANT USAGE ON SCHEMA marts TO ROLE analyst;
GRANT SELECT ON VIEW marts.rpt_executive_sales TO ROLE bi_reader;
COMMENT ON TABLE marts.fct_sales_daily IS 'Net of returns, in euro, by day in Amsterdam';
COMMENT ON COLUMN marts.dim_customer.email_sha2 IS 'SHA-256 of the lower-case address';
