-- Clickstream, flattened: one row an event and, for carts, one row an item.
-- Owner: web-analytics
--
-- Late events reach back three days at most; older ones are dropped by the collector.
create or replace table staging.stg_web_events as
select
    e.event_id,
    e.received_at,
    e.payload:event::varchar                        as event_name,
    e.payload:session.id::varchar                   as session_id,
    e.payload:user.customer_id::number              as customer_id,
    sha2(e.payload:user.ip::varchar)                as ip_sha2,
    parse_url(e.payload:page.url::varchar):host::varchar as page_host,
    e.payload:page.path::varchar                    as page_path,
    e.payload:utm.campaign::varchar                 as utm_campaign,
    item.index                                      as item_position,
    item.value:sku::varchar                         as sku,
    item.value:qty::number                          as quantity
from raw.events.clickstream as e,
    lateral flatten(input => e.payload:cart.items, outer => true) as item
where e.received_at >= dateadd(day, -3, '{{ ds }}'::date)
{% if params.exclude_bots %}
    and not coalesce(e.payload:user.is_bot::boolean, false)
{% endif %}
;
