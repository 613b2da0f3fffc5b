-- Films on which the network sees a finding, by month.
-- Grain: one row per finding and month of the study.
SELECT
    finding,
    study_year,
    study_month,
    count(*) AS films,
    count(*) FILTER (WHERE seen) AS seen
FROM film_findings
WHERE study_year IS NOT NULL AND study_month IS NOT NULL
GROUP BY finding, study_year, study_month
ORDER BY finding, study_year, study_month;
