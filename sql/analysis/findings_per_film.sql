-- Question: How many findings does a film show?
-- Grain: one row per number of findings
-- Parameters: none
-- Reads: predictions_with_film
WITH films AS (
    SELECT
        instance_key,
        count(*) AS findings
    FROM predictions_with_film
    WHERE gated
    GROUP BY instance_key
),

total AS (
    SELECT count(*) AS films
    FROM current_instances
    WHERE state != 'rejected'
)

SELECT
    0 AS findings,
    any_value(total.films) - count(films.instance_key) AS films
FROM total
LEFT JOIN films ON TRUE
UNION ALL
SELECT
    findings,
    count(*) AS films
FROM films
GROUP BY findings
ORDER BY findings;
