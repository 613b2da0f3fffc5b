-- Question: How often was each finding seen, and how many boxes were harvested?
-- Grain: one row per finding
-- Parameters: none
-- Reads: film_findings, findings
SELECT
    findings.finding,
    count(*) FILTER (WHERE predictions.gated) AS films_with_finding,
    round(count(*) FILTER (WHERE predictions.gated) / count(*), 3) AS share_of_films,
    sum(predictions.n_boxes)::BIGINT AS boxes,
    round(avg(predictions.probability), 3) AS mean_probability
FROM findings
INNER JOIN film_findings AS predictions ON findings.finding = predictions.finding
GROUP BY findings.ordinal, findings.finding
ORDER BY findings.ordinal;
