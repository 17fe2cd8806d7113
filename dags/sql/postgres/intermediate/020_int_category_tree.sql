-- Category tree, flattened: every category with its department (the root) and full path.
CREATE OR REPLACE VIEW intermediate.int_category_tree AS
WITH RECURSIVE tree (category_id, label, department, path, depth) AS (
    SELECT c.category_id, c.label, c.label, c.label, 0
    FROM raw.categories AS c
    WHERE c.parent_id IS NULL

    UNION ALL

    SELECT
        c.category_id,
        c.label,
        tree.department,
        tree.path || ' > ' || c.label,
        tree.depth + 1
    FROM raw.categories AS c
    JOIN tree ON tree.category_id = c.parent_id
    WHERE tree.depth < 12
)
SELECT category_id, label, department, path, depth
FROM tree;
