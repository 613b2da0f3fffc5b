-- Do two settings say the same of the same films?
-- Grain: one row per finding that either boxes; films that both settings have, $earlier and $later.
SELECT
    finding,
    count(*) FILTER (WHERE gated AND other_gated) AS both_boxed,
    count(*) FILTER (WHERE gated AND NOT other_gated) AS earlier_alone,
    count(*) FILTER (WHERE other_gated AND NOT gated) AS later_alone,
    avg(iou_of_first_boxes) AS mean_iou
FROM model_agreement
WHERE fingerprint = $earlier AND other_fingerprint = $later
GROUP BY finding
HAVING bool_or(gated OR other_gated);
