-- Question: Does what the network says of a finding drift over the months?
-- Grain: one row per finding and month of the study
-- Parameters: finding (text, default all): one finding, or all
-- Reads: film_findings
SELECT
    finding,
    study_year,
    study_month,
    count(*) AS films,
    round(avg(probability), 3) AS mean_probability,
    round(avg(seen::INTEGER), 3) AS share_seen,
    round(avg(seen::INTEGER) - sum(sum(seen::INTEGER)) OVER whole / sum(count(*)) OVER whole, 3) AS above_average
FROM film_findings
WHERE study_year IS NOT NULL AND study_month IS NOT NULL AND ($finding = 'all' OR finding = $finding)
GROUP BY finding, study_year, study_month
WINDOW whole AS (PARTITION BY finding)
ORDER BY finding, study_year, study_month;
