-- Question: Which findings are seen together more often than by chance?
-- Grain: one row per pair of findings
-- Parameters: at_least (integer, default 1): films that show both
-- Reads: current_predictions
WITH present AS (
    SELECT
        instance_key,
        finding
    FROM current_predictions
    WHERE gated
),

alone AS (
    SELECT
        finding,
        count(*) AS films
    FROM present
    GROUP BY finding
),

total AS (
    SELECT count(DISTINCT instance_key) AS films
    FROM current_predictions
)

SELECT
    one.finding,
    other.finding AS other_finding,
    count(*) AS films,
    round(count(*) * any_value(total.films) / any_value(alone_one.films * alone_other.films), 2) AS times_chance
FROM present AS one
INNER JOIN present AS other ON one.instance_key = other.instance_key AND one.finding < other.finding
INNER JOIN alone AS alone_one ON one.finding = alone_one.finding
INNER JOIN alone AS alone_other ON other.finding = alone_other.finding
CROSS JOIN total
GROUP BY one.finding, other.finding
HAVING count(*) >= $at_least
ORDER BY times_chance DESC, one.finding, other.finding;
