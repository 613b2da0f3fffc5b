-- Question: How large are the boxes of a finding, and where on the film do they lie?
-- Grain: one row per finding and half of the film
-- Parameters: finding (text, default all): one finding, or all
-- Reads: boxes_with_film
SELECT
    finding,
    CASE WHEN centre_x_share < 0.5 THEN 'left of the picture' ELSE 'right of the picture' END AS half,
    count(*) AS boxes,
    round(median(x_max - x_min)) AS median_width_px,
    round(median(y_max - y_min)) AS median_height_px,
    round(median(width_mm)) AS median_width_mm,
    round(median(height_mm)) AS median_height_mm,
    round(median(centre_y_share), 2) AS median_height_on_film
FROM boxes_with_film
WHERE rank = 1 AND ($finding = 'all' OR finding = $finding)
GROUP BY ALL
ORDER BY ALL;
