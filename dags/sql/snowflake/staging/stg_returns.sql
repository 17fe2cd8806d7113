-- Returns, a line each. Reasons are free text in the shop's back office.
create or replace view staging.stg_returns as
select
    r.return_id,
    r.order_id,
    r.line_no,
    r.quantity as returned_units,
    case
        when r.reason ilike '%small%' or r.reason ilike '%large%' then 'fit'
        when r.reason ilike any ('%broken%', '%damag%') then 'damage'
        when r.reason is null then 'unknown'
        else 'other'
    end as reason_group,
    r.returned_at::date as return_date
from raw.shop.returns as r;
