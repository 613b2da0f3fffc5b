-- Question: What is unusual about the files and films, how often, and of whose devices?
-- Grain: one row per flag and manufacturer
-- Parameters: none
-- Reads: current_instances
WITH flagged AS (
    SELECT
        unnest(flags) AS flag,
        coalesce(manufacturer, 'unknown') AS manufacturer,
        state
    FROM current_instances
)

SELECT
    flag,
    manufacturer,
    count(*) AS instances,
    count(*) FILTER (WHERE state = 'rejected') AS rejected
FROM flagged
GROUP BY flag, manufacturer
ORDER BY instances DESC, flag, manufacturer;
