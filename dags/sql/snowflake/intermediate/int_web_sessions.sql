-- Sessions: first and last touch, depth, and whether the visitor bought.
create or replace view intermediate.int_web_sessions as
with events as (
    select distinct event_id, session_id, customer_id, received_at, event_name, page_path, utm_campaign
    from staging.stg_web_events
    where session_id is not null
),
ordered as (
    select
        events.*,
        row_number() over (partition by session_id order by received_at) as event_no,
        first_value(page_path) over (partition by session_id order by received_at) as landing_page,
        lag(received_at) over (partition by session_id order by received_at) as previous_at,
        datediff('second', lag(received_at) over (partition by session_id order by received_at), received_at) as idle_seconds
    from events
)
select
    session_id,
    max(customer_id)                                      as customer_id,
    min(received_at)                                      as started_at,
    max(received_at)                                      as ended_at,
    any_value(landing_page)                               as landing_page,
    max(case when event_no = 1 then utm_campaign end)     as first_campaign,
    count(*)                                              as event_count,
    count_if(event_name = 'add_to_cart')                  as cart_adds,
    boolor_agg(event_name = 'purchase')                   as has_purchase,
    sum(least(coalesce(idle_seconds, 0), 1800))           as engaged_seconds
from ordered
group by session_id;
