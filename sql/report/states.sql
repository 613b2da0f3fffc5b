-- Films by state.
-- Grain: one row per state that occurs.
SELECT
    state,
    count(*) AS films
FROM current_instances
GROUP BY state;
