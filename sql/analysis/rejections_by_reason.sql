-- Question: Which files could not be harvested, and why?
-- Grain: one row per reason, stage and manufacturer
-- Parameters: none
-- Reads: current_instances
SELECT
    reason_code,
    stage,
    modality,
    manufacturer,
    count(*) AS instances
FROM current_instances
WHERE state = 'rejected'
GROUP BY ALL
ORDER BY instances DESC, reason_code, stage, modality, manufacturer;
