-- How first boxes of moved films overlap with those of the films as they are.
-- Grain: one row per finding and bin of the intersection over union (from 0, equal widths over [0, 1]); shifts with a
-- box before and after.
SELECT
    stability.finding,
    least(floor(stability.iou * $bins), $bins - 1)::INTEGER AS bin,
    count(*) AS shifts
FROM box_stability AS stability
INNER JOIN current_fingerprint ON stability.config_fingerprint = current_fingerprint.config_fingerprint
WHERE stability.iou IS NOT NULL
GROUP BY ALL;
