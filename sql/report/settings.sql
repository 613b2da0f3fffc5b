-- Findings under every settings that the lake holds, to compare runs, models and thresholds.
-- Grain: one row per config_fingerprint and finding.
SELECT
    config_fingerprint,
    finding,
    count(*) FILTER (WHERE gated) AS films,
    sum(n_boxes)::BIGINT AS boxes
FROM predictions
GROUP BY ALL;
