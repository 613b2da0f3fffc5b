-- Question: How large are the boxes of a finding?
-- Grain: one row per finding
-- Parameters: finding (text, default all): one finding, or all
-- Reads: film_boxes
WITH sizes AS (
    SELECT
        finding,
        count(*) AS boxes,
        count(width_mm) AS boxes_in_mm,
        median(width_mm) AS width_mm,
        median(height_mm) AS height_mm,
        quantile_cont(area_cm2, [0.1, 0.5, 0.9]) AS areas_cm2,
        median(area_share) AS area_share
    FROM film_boxes
    WHERE rank = 1 AND ($finding = 'all' OR finding = $finding)
    GROUP BY finding
)

SELECT
    finding,
    boxes,
    boxes_in_mm,
    round(width_mm) AS median_width_mm,
    round(height_mm) AS median_height_mm,
    round(areas_cm2[1], 1) AS tenth_smallest_cm2,
    round(areas_cm2[2], 1) AS median_cm2,
    round(areas_cm2[3], 1) AS tenth_largest_cm2,
    round(area_share, 3) AS median_share_of_film
FROM sizes
ORDER BY finding;
