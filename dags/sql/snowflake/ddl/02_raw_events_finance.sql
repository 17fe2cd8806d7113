-- Landing tables that do not come from the shop: clickstream and exchange rates.
-- Owner: data platform

CREATE TABLE IF NOT EXISTS raw.events.clickstream (
    event_id    VARCHAR(64),
    received_at TIMESTAMP_NTZ,
    payload     VARIANT,
    file_name   VARCHAR(500)
);

CREATE TRANSIENT TABLE IF NOT EXISTS raw.finance.fx_rates (
    rate_date     DATE,
    from_currency CHAR(3),
    to_currency   CHAR(3),
    rate          NUMBER(18, 8)
);
