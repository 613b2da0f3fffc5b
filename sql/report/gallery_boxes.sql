-- Boxes of the films that are shown.
-- Grain: one row per harvested box of the films of $keys.
SELECT
    instance_key,
    finding,
    rank,
    mean_attention,
    threshold,
    x_min,
    y_min,
    x_max,
    y_max,
    width_mm,
    height_mm
FROM current_boxes
WHERE instance_key IN (SELECT unnest($keys::VARCHAR[]))
ORDER BY instance_key, finding, rank;
