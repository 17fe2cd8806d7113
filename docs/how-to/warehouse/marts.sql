CREATE VIEW marts.daily AS SELECT sum(amount) AS revenue FROM staging.orders;
