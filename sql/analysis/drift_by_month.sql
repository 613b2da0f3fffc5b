-- Question: Does what the network says of a finding drift over the months?
-- Grain: one row per finding and month of the study
-- Parameters: finding (text, default all): one finding, or all
-- Reads: film_findings
WITH months AS MATERIALIZED ( -- else the window reads the findings once more
    SELECT
        finding,
        study_year,
        study_month,
        count(*) AS films,
        avg(probability) AS mean_probability,
        count_if(seen) AS seen
    FROM film_findings
    WHERE study_year IS NOT NULL AND study_month IS NOT NULL AND ($finding = 'all' OR finding = $finding)
    GROUP BY finding, study_year, study_month
)

SELECT
    finding,
    study_year,
    study_month,
    films,
    round(mean_probability, 3) AS mean_probability,
    round(seen / films, 3) AS share_seen,
    round(seen / films - sum(seen) OVER whole / sum(films) OVER whole, 3) AS above_average
FROM months
WINDOW whole AS (PARTITION BY finding)
ORDER BY finding, study_year, study_month;
