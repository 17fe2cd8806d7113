INSERT INTO {{ params.schema }}.daily (day)
SELECT day
FROM {{ ref('stg_orders') }}
WHERE day = '{{ ds }}'
