-- Question: Do two models or settings say the same of the same films?
-- Grain: one row per finding and pair of settings; films that both have
-- Parameters: none
-- Reads: model_agreement
SELECT
    finding,
    fingerprint,
    bundle,
    other_fingerprint,
    other_bundle,
    count(*) AS films,
    count(*) FILTER (WHERE gated AND other_gated) AS both_boxed,
    count(*) FILTER (WHERE gated AND NOT other_gated) AS first_alone,
    count(*) FILTER (WHERE other_gated AND NOT gated) AS other_alone,
    round(avg(other_probability - probability), 3) AS mean_difference,
    round(avg(iou_of_first_boxes), 3) AS mean_iou
FROM model_agreement
GROUP BY finding, fingerprint, bundle, other_fingerprint, other_bundle
ORDER BY finding, fingerprint, other_fingerprint;
