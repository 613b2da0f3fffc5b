-- Question: Which findings are seen together more often than by chance?
-- Grain: one row per pair of findings
-- Parameters: at_least (integer, default 1): films that show both
-- Reads: predictions_with_film, current_instances
WITH films AS (
    SELECT list(finding ORDER BY finding) AS findings
    FROM predictions_with_film
    WHERE gated
    GROUP BY instance_key
),

patterns AS (
    SELECT
        findings,
        count(*) AS films
    FROM films
    GROUP BY findings
),

present AS (
    SELECT
        findings,
        films,
        unnest(findings) AS finding
    FROM patterns
),

alone AS (
    SELECT
        finding,
        sum(films) AS films
    FROM present
    GROUP BY finding
),

pairs AS (
    SELECT
        finding,
        unnest(findings) AS other_finding,
        films
    FROM present
),

total AS (
    SELECT count(*) AS films
    FROM current_instances
    WHERE state != 'rejected'
)

SELECT
    pairs.finding,
    pairs.other_finding,
    sum(pairs.films)::BIGINT AS films,
    round(sum(pairs.films) * any_value(total.films) / any_value(one.films * other.films), 2) AS times_chance
FROM pairs
INNER JOIN alone AS one ON pairs.finding = one.finding
INNER JOIN alone AS other ON pairs.other_finding = other.finding
CROSS JOIN total
WHERE pairs.finding < pairs.other_finding
GROUP BY pairs.finding, pairs.other_finding
HAVING sum(pairs.films) >= $at_least
ORDER BY times_chance DESC, pairs.finding, pairs.other_finding;
