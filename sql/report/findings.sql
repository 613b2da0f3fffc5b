-- Counts and medians of each finding; sizes are those of first boxes.
-- Grain: one row per finding, also those that no film has.
WITH predicted AS (
    SELECT
        finding,
        count(*) FILTER (WHERE gated) AS films,
        count(*) FILTER (WHERE labeled) AS labeled,
        count(*) FILTER (WHERE labeled AND gated) AS labeled_and_gated,
        count(labeled) AS with_label_row,
        min(gate) AS gate,
        median(probability) FILTER (WHERE gated) AS median_probability
    FROM current_predictions
    GROUP BY finding
),

boxed AS (
    SELECT
        finding,
        count(*) AS boxes,
        median(sqrt(area_share)) FILTER (WHERE rank = 1) AS median_side_share,
        median(sqrt(width_mm * height_mm)) FILTER (WHERE rank = 1) AS median_side_mm
    FROM boxes_with_film
    GROUP BY finding
)

SELECT
    findings.finding,
    predicted.gate,
    predicted.median_probability,
    boxed.median_side_share,
    boxed.median_side_mm,
    coalesce(predicted.films, 0) AS films,
    coalesce(predicted.labeled, 0) AS labeled,
    coalesce(predicted.labeled_and_gated, 0) AS labeled_and_gated,
    coalesce(predicted.with_label_row, 0) AS with_label_row,
    coalesce(boxed.boxes, 0) AS boxes
FROM findings
LEFT JOIN predicted ON findings.finding = predicted.finding
LEFT JOIN boxed ON findings.finding = boxed.finding
ORDER BY coalesce(predicted.films, 0) DESC, findings.ordinal;
