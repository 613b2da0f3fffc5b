-- Question: Does what the network says of a finding depend on the scanner?
-- Grain: one row per finding, manufacturer and model
-- Parameters: finding (text, default all): one finding, or all; at_least (integer, default 1): films of a scanner
-- Reads: film_findings
SELECT
    finding,
    coalesce(manufacturer, 'unknown') AS manufacturer,
    coalesce(manufacturer_model_name, 'unknown') AS model,
    count(*) AS films,
    round(avg(probability), 3) AS mean_probability,
    round(avg(seen::INTEGER), 3) AS share_seen,
    round(avg(seen::INTEGER) - sum(sum(seen::INTEGER)) OVER whole / sum(count(*)) OVER whole, 3) AS above_average
FROM film_findings
WHERE $finding = 'all' OR finding = $finding
GROUP BY finding, manufacturer, manufacturer_model_name
HAVING count(*) >= $at_least
WINDOW whole AS (PARTITION BY finding)
ORDER BY finding, manufacturer, model;
