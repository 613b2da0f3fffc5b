-- Question: Which findings are seen together more often than by chance?
-- Grain: one row per pair of findings
-- Parameters: at_least (integer, default 1): films that show both
-- Reads: findings_per_film
WITH patterns AS (
    SELECT
        findings,
        count(*) AS films
    FROM findings_per_film
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
    SELECT sum(films) AS films
    FROM patterns
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
