-- Question: How many findings does a film show?
-- Grain: one row per number of findings
-- Parameters: none
-- Reads: findings_per_film
SELECT
    len(findings) AS number_of_findings,
    count(*) AS films
FROM findings_per_film
GROUP BY number_of_findings
ORDER BY number_of_findings;
