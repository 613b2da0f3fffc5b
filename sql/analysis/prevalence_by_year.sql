-- Question: How does the share of films with a finding develop over the years?
-- Grain: one row per finding and year of the study
-- Parameters: finding (text, default all): one finding, or all
-- Reads: predictions_with_film
SELECT
    finding,
    study_year,
    count(*) AS films,
    round(avg(gated::INTEGER), 3) AS share_with_finding
FROM predictions_with_film
WHERE study_year IS NOT NULL AND ($finding = 'all' OR finding = $finding)
GROUP BY ALL
ORDER BY ALL;
