-- Question: Do boxes follow when a film is moved by a few pixels?
-- Grain: one row per finding; films that iam-harvest stability looked at
-- Parameters: iou (number, default 0.5): intersection over union at which a box counts as having followed
-- Reads: box_stability, current_fingerprint
SELECT
    stability.finding,
    count(DISTINCT stability.instance_key) AS films,
    count(*) AS shifts,
    round(avg(stability.iou), 3) AS mean_iou,
    round(avg((coalesce(stability.iou, 0) >= $iou)::INTEGER), 3) AS share_following,
    round(avg((stability.gated != stability.shifted_gated)::INTEGER), 3) AS share_coming_or_going,
    round(avg(abs(stability.shifted_probability - stability.probability)), 3) AS mean_change_of_probability
FROM box_stability AS stability
INNER JOIN current_fingerprint ON stability.config_fingerprint = current_fingerprint.config_fingerprint
GROUP BY stability.finding
ORDER BY stability.finding;
