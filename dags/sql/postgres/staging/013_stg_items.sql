-- Items with their attributes: the ERP keeps anything it has no column for in a JSON document.
CREATE OR REPLACE VIEW staging.stg_items AS
SELECT
    i.item_no,
    i.description,
    i.category_id,
    i.cost_price,
    i.shelf_price,
    i."Pack Size"                                   AS pack_size,
    i.attributes ->> 'brand'                        AS brand,
    (i.attributes #>> '{nutrition,kcal}')::numeric  AS kcal,
    i.attributes @> '{"organic": true}'             AS is_organic,
    jsonb_array_length(coalesce(i.attributes -> 'allergens', '[]')) AS allergen_count
FROM raw.items AS i;
