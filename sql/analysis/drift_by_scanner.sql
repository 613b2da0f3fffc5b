-- Question: Does what the network says of a finding depend on the scanner?
-- Grain: one row per finding, manufacturer and model
-- Parameters: finding (text, default all): one finding, or all; at_least (integer, default 1): films of a scanner
-- Reads: film_findings
WITH scanners AS MATERIALIZED ( -- else the window reads the findings once more
    SELECT
        finding,
        coalesce(manufacturer, 'unknown') AS manufacturer,
        coalesce(manufacturer_model_name, 'unknown') AS model,
        count(*) AS films,
        avg(probability) AS mean_probability,
        count_if(seen) AS seen
    FROM film_findings
    WHERE $finding = 'all' OR finding = $finding
    GROUP BY finding, manufacturer, manufacturer_model_name
    HAVING count(*) >= $at_least
)

SELECT
    finding,
    manufacturer,
    model,
    films,
    round(mean_probability, 3) AS mean_probability,
    round(seen / films, 3) AS share_seen,
    round(seen / films - sum(seen) OVER whole / sum(films) OVER whole, 3) AS above_average
FROM scanners
WINDOW whole AS (PARTITION BY finding)
ORDER BY finding, manufacturer, model;
