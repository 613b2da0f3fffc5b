-- Question: How large are the boxes of a finding?
-- Grain: one row per finding
-- Parameters: finding (text, default all): one finding, or all
-- Reads: film_boxes
SELECT
    finding,
    count(*) AS boxes,
    count(width_mm) AS boxes_in_mm,
    round(approx_quantile(width_mm, 0.5)) AS median_width_mm,
    round(approx_quantile(height_mm, 0.5)) AS median_height_mm,
    round(approx_quantile(area_cm2, 0.1), 1) AS tenth_smallest_cm2,
    round(approx_quantile(area_cm2, 0.5), 1) AS median_cm2,
    round(approx_quantile(area_cm2, 0.9), 1) AS tenth_largest_cm2,
    round(approx_quantile(area_share, 0.5), 3) AS median_share_of_film
FROM film_boxes
WHERE rank = 1 AND ($finding = 'all' OR finding = $finding)
GROUP BY finding
ORDER BY finding;
