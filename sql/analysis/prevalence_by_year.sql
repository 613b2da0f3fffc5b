-- Question: How does the share of films with a finding develop over the years?
-- Grain: one row per finding and year of the study
-- Parameters: finding (text, default all): one finding, or all
-- Reads: film_findings
SELECT
    finding,
    study_year,
    count(*) AS films,
    round(avg(gated::INTEGER), 3) AS share_with_finding
FROM film_findings
WHERE study_year IS NOT NULL AND ($finding = 'all' OR finding = $finding)
GROUP BY ALL
ORDER BY ALL;
