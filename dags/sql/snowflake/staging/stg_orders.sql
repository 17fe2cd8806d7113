/* Orders in local time.

   The shop writes UTC without an offset. Reports are by the day in Amsterdam,
   so the conversion happens here and only here. */
create or replace view staging.stg_orders as
select
    o.order_id,
    o.customer_id,
    convert_timezone('UTC', 'Europe/Amsterdam', o.order_ts_utc)             as ordered_at,
    to_date(convert_timezone('UTC', 'Europe/Amsterdam', o.order_ts_utc))    as order_date,
    lower(o.status)                                                         as order_status,
    case
        when o.channel in ('ios', 'android') then 'app'
        when o.channel = 'phone' then 'call_centre'
        else coalesce(o.channel, 'web')
    end                                                                     as channel,
    o.currency,
    nullif(trim(o.promo_code), '')                                          as promo_code,
    zeroifnull(o.shipping_amount)                                           as shipping_amount,
    o.ship_to:address.country::varchar                                      as ship_country,
    o.ship_to:address.postcode::varchar                                     as ship_postcode
from raw.shop.orders as o
where o.status <> 'TEST'   -- the shop's smoke tests place real orders
;
