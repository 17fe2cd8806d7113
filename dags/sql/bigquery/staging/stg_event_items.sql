-- One row an item in an event.
CREATE OR REPLACE VIEW staging.stg_event_items AS
SELECT
  e.event_key,
  e.event_date,
  e.event_name,
  e.visitor_id,
  item.sku,
  item.quantity,
  item.price,
  item.quantity * item.price AS item_value,
  position + 1 AS item_position
FROM staging.stg_events AS e
CROSS JOIN UNNEST(e.items) AS item WITH OFFSET AS position;
