-- Question: How does the share of patients' films with a finding differ between age bands and sexes?
-- Grain: one row per finding, age band and sex
-- Parameters: finding (text, default all): one finding, or all; years (integer, default 20): width of a band
-- Reads: film_findings
SELECT
    finding,
    (floor(age_years / $years) * $years)::INTEGER AS age_from,
    ((floor(age_years / $years) + 1) * $years)::INTEGER AS age_below,
    coalesce(sex, 'unknown') AS sex,
    count(*) AS films,
    round(avg(gated::INTEGER), 3) AS share_with_finding
FROM film_findings
WHERE age_years IS NOT NULL AND ($finding = 'all' OR finding = $finding)
GROUP BY ALL
ORDER BY ALL;
