-- Rejected films by reason.
-- Grain: one row per reason and stage.
SELECT
    reason_code,
    stage,
    count(*) AS films
FROM current_instances
WHERE state = 'rejected'
GROUP BY ALL
ORDER BY films DESC, reason_code ASC, stage ASC;
